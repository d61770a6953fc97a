"""The servers as this host sees them: the API with its clock and version, Kafka with its brokers, topics and sizes."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from mldash.answers.shapes import Connection
from mldash.errors import MldashError, NotAllowed, RequestRefused, ServerUnreachable, TokenNotSent, TokenRefused
from mldash.events.limits import RECORD_BYTES
from mldash.process.environment import SettingError
from mldash.remote.handshake import ask_connection, default_connection
from mldash.remote.transport import Transport
from mldash.settings import SdkSettings

from .finding import Finding, size

if TYPE_CHECKING:
    from mldash.delivery.kafka_topics import TopicFacts

_SKEW_S: Final = 5.0
"""The Date header has whole seconds, and heartbeats are judged by tens of them."""

TIMEOUT_S: Final = 5.0


def look_at_servers(settings: SdkSettings) -> Iterator[Finding]:
    """The API where there is an address, then Kafka where it is known."""
    connection = None
    if settings.remote:
        try:
            transport = Transport.of(settings, settings.remote)
        except ValueError as error:
            yield Finding("API", "problem", str(error), "correct MLDASH_REMOTE")
            return
        found = _ask(transport, settings)
        yield found[0]
        connection = found[1]
        if connection is not None:
            yield _version(connection)
            yield _clock(transport.address)
    elif settings.kafka:
        try:
            connection = default_connection(settings.kafka)
        except SettingError as error:
            yield Finding("Kafka", "problem", str(error), "correct MLDASH_KAFKA")
            return
        yield Finding("API", "skipped", "no address is given: reads need one", "set MLDASH_REMOTE to the API's address")
    else:
        yield Finding("API", "skipped", "no address is given (MLDASH_REMOTE)")
    if connection is None:
        yield Finding("Kafka", "skipped", "its address comes from the API")
        return
    from mldash.delivery.ways import HTTP, way_of

    if way_of(connection, settings, has_api=settings.remote is not None) == HTTP:
        yield Finding("Kafka", "skipped", "events go over HTTP")
        yield _http(settings)
        return
    findings = [*_kafka(connection, settings)]
    yield from findings
    if settings.remote and settings.transport == "auto" and any(one.state == "problem" for one in findings):
        yield _http(settings)


def _http(settings: SdkSettings) -> Finding:
    """Whether the API takes records."""
    from mldash.delivery.gateway import ask_whether_taken

    assert settings.remote is not None
    try:
        ask_whether_taken(Transport.of(settings, settings.remote).post_records)
    except (MldashError, msgspec.DecodeError) as error:
        advice = "have a right to write given to the token, or start what is away"
        return Finding("HTTP", "problem", f"the API takes no records: {error}", advice)
    return Finding("HTTP", "ok", "the API takes records: events can go to it")


def _ask(transport: Transport, settings: SdkSettings) -> tuple[Finding, Connection | None]:
    begun = time.perf_counter()
    try:
        connection = ask_connection(transport, settings.kafka)
    except ServerUnreachable as error:
        return Finding("API", "problem", str(error), "start it, or correct MLDASH_REMOTE"), None
    except RequestRefused as error:
        if isinstance(error, (TokenRefused, NotAllowed, TokenNotSent)):
            return Finding("API", "problem", str(error), "set MLDASH_TOKEN to a token that holds"), None
        advice = "correct MLDASH_REMOTE: it must be an ML-Dash API"
        return Finding("API", "problem", f"{transport.address}: {error}", advice), None
    took_ms = (time.perf_counter() - begun) * 1e3
    said = f"{transport.address} answers in {took_ms:.0f} ms; version {connection.server_version}"
    return Finding("API", "ok", said), connection


def _version(connection: Connection) -> Finding:
    ours, theirs = version("mldash"), connection.server_version
    if ours.split(".")[0] != theirs.split(".")[0]:
        said = f"{ours} here, {theirs} there: their major versions differ"
        return Finding("versions", "warning", said, f"pip install 'mldash=={theirs}'")
    return Finding("versions", "ok", ours if ours == theirs else f"{ours} here, {theirs} there")


def _clock(address: str) -> Finding:
    """This host's clock beside the API's, by the Date header of an answer."""
    before = time.time()
    date = _date_of(address)
    after = time.time()
    if date is None:
        return Finding("clock", "skipped", "the API's answers carry no date")
    skew = 0.0  # the header may stand for any moment of its second
    if date + 1.0 < before:
        skew = date + 1.0 - before
    elif date > after:
        skew = date - after
    if abs(skew) > _SKEW_S:
        said = f"this host's is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} the API's"
        return Finding("clock", "warning", said + ": times of points, and of who lives, will be off", "run NTP on both")
    return Finding("clock", "ok", "no further from the API's than a second or two" if skew else "the API's")


def _date_of(address: str) -> float | None:
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    )
    try:
        connection.request("GET", f"{parts.path}/healthz")
        text = connection.getresponse().headers.get("Date")
        return parsedate_to_datetime(text).timestamp() if text else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _kafka(connection: Connection, settings: SdkSettings) -> Iterator[Finding]:
    from mldash.connections.kafka_access import Needs, why_refused
    from mldash.delivery.kafka import DirectLoop
    from mldash.delivery.kafka_server import kafka_server
    from mldash.delivery.kafka_topics import ask_kafka
    from mldash.delivery.producer import KafkaTrouble

    own = "MLDASH_KAFKA" if settings.kafka else "the API's setting public_kafka (MLDASH_API_PUBLIC_KAFKA)"
    try:
        with asyncio.Runner(loop_factory=DirectLoop) as runner:
            wanted = [one.topic for one in connection.topics.values()]
            server = kafka_server(connection, settings)
            brokers, topics = runner.run(ask_kafka(server, wanted))
            is_known = server.speaks_sasl or server.kafka_cert_file is not None
            lacking = runner.run(why_refused(server, Needs(writes=wanted))) if is_known else None
    except SettingError as error:
        yield Finding("Kafka", "problem", str(error), "set what is missing, as whoever runs Kafka says")
        return
    except KafkaTrouble as error:
        yield Finding("Kafka", "problem", error.reason, f"start it, open its port to this host, or correct {own}")
        return
    for broker in brokers:
        if broker.trouble is not None:
            there = f"{broker.host}:{broker.port}"
            said = f"broker {broker.node} calls itself {there}, which this host can't reach: {broker.trouble}"
            yield Finding("Kafka", "problem", said, "set its advertised.listeners to an address that this host knows")
    if not any(broker.trouble for broker in brokers):
        yield Finding("Kafka", "ok", f"{connection.kafka} answers; each of its {len(brokers)} brokers is reached")
    if lacking is not None:
        advice = "have these rights given, or the topics made: Kafka does not tell which of the two it is"
        yield Finding("rights", "problem", str(lacking), advice)
    elif not all(broker.trouble for broker in brokers):
        yield from _topics(connection, topics)


def _topics(connection: Connection, found: dict[str, TopicFacts]) -> Iterator[Finding]:
    """Whether each event topic is there, with the partitions that the API says, and takes the largest record."""
    missing = [one.topic for one in connection.topics.values() if one.topic not in found]
    if missing:
        advice = "make them with `mldash prepare`, or by hand as docs/operations.md says"
        yield Finding("topics", "problem", f"not there: {', '.join(missing)}", advice)
    fewer = [
        f"{one.topic} has {found[one.topic].partitions} partitions, not {one.partitions}"
        for one in connection.topics.values()
        if one.topic in found and found[one.topic].partitions < one.partitions
    ]
    if fewer:
        yield Finding("topics", "problem", "; ".join(fewer), "add the partitions: records are sent to all of them")
    leaderless = [topic for topic, facts in found.items() if facts.leaderless]
    if leaderless:
        said = f"partitions without a leader: {', '.join(leaderless)}"
        yield Finding("topics", "problem", said, "bring the brokers back that hold them")
    if not missing and not fewer and not leaderless:
        counts = ", ".join(f"{topic} {facts.partitions}" for topic, facts in found.items())
        yield Finding("topics", "ok", f"partitions: {counts}")
    yield from _sizes(found)


def _sizes(found: dict[str, TopicFacts]) -> Iterator[Finding]:
    small = [
        f"{topic} {size(facts.max_message_bytes)}"
        for topic, facts in found.items()
        if facts.max_message_bytes is not None and facts.max_message_bytes < RECORD_BYTES
    ]
    if small:
        said = f"records may be no larger than: {', '.join(small)}. One call may have 15 MiB, and would be held back"
        yield Finding("record size", "warning", said, f"set max.message.bytes of these topics to {16 << 20}")
    elif any(facts.max_message_bytes is None for facts in found.values()):
        yield Finding("record size", "skipped", "this user may not see the topics' settings")
    elif found:
        least = min(facts.max_message_bytes or 0 for facts in found.values())
        yield Finding("record size", "ok", f"records of up to {size(least)} pass")
