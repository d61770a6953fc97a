"""The address of Kafka, asked of the API (GET /v1/connect); MLDASH_KAFKA overrides the address, not the topics."""

from collections.abc import Callable

import msgspec

from mldash.answers.shapes import Connection
from mldash.errors import RequestRefused
from mldash.events.encoding import MSGPACK
from mldash.events.topics import DEFAULT_PARTITIONS, TopicAddress, event_topic
from mldash.journal.session_folder import Head
from mldash.process.environment import SettingError
from mldash.process.learnt_types import learnt
from mldash.settings import SdkSettings

from .transport import Transport

_CONNECTION = learnt(Connection)


def ask_connection(transport: Transport, kafka: str | None) -> Connection:
    """The API's answer, with `kafka` in place of its address where that is given.

    Raises ServerUnreachable, RequestRefused.
    """
    answer = transport.get("/v1/connect")
    try:
        connection = msgspec.convert(answer, _CONNECTION)
    except msgspec.ValidationError as error:
        raise RequestRefused(200, "No API", f"{transport.address}/v1/connect: {error}") from error
    return msgspec.structs.replace(connection, kafka=kafka) if kafka else connection


def asker(settings: SdkSettings) -> Callable[[], Connection]:
    """The question of a publisher; each call asks anew."""
    if settings.remote is None:
        return lambda: _with_codec(default_connection(settings.kafka), settings)
    transport = Transport.of(settings, settings.remote)
    return lambda: _with_codec(ask_connection(transport, settings.kafka), settings)


def poster(settings: SdkSettings, remote: str | None) -> Callable[[bytes], bytes] | None:
    """What sends a publisher's requests to the API; None where there is none."""
    return None if remote is None else Transport.of(settings, remote).post_records


def default_connection(kafka: str | None) -> Connection:
    """Without an API: the topics' default names and counts, at the Kafka that is given. Raises SettingError."""
    if not kafka:
        raise SettingError("remote", "settings", "not set", "an API's address (MLDASH_REMOTE), or kafka (MLDASH_KAFKA)")
    topics = {kind: TopicAddress(event_topic("mldash", kind), count) for kind, count in DEFAULT_PARTITIONS.items()}
    return Connection(kafka=kafka, topics=topics, content_type=MSGPACK, server_version="")


def ask_for_journal(head: Head, settings: SdkSettings) -> Connection:
    """For a journal that someone else has left: settings first, then what its session was made for.

    Raises ServerUnreachable, RequestRefused, SettingError.
    """
    remote, kafka = settings.remote or head.remote, settings.kafka or head.kafka
    if remote is None:
        return _with_codec(default_connection(kafka), settings)
    return _with_codec(ask_connection(Transport.of(settings, remote), kafka), settings)


def _with_codec(connection: Connection, settings: SdkSettings) -> Connection:
    """The codec is the API's to say, unless it is set here."""
    given = settings.compression
    return connection if given is None else msgspec.structs.replace(connection, compression=given)
