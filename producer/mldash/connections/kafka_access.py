"""Why Kafka does not let a program in, or not to what it needs: a look by its settings, on a connection of its own.

aiokafka's clients say one and the same for every shut door ("Unable to bootstrap"), and in a run nothing at all. So
whoever fails to start, or has not heard of Kafka for a while, looks:

    connect   TLS, the version, the sign-in: what goes wrong on one connection is the cause
    rights    the topics with what this user may do to them, and the group

A topic that one may not see and one that is not there look alike to Kafka's clients.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest
from msgspec import Struct

from .errors import Door, KafkaRefused, KafkaUnreachable
from .kafka_security import security
from .kafka_tokens import TokenMissing
from .servers import KafkaServer
from .topic_ids import TopicMetadata

LOOK_S: Final = 4.0
"""A look takes no longer."""

AUTHORIZATION: Final = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
"""A right is missing."""

_START_S: Final = 20.0
_MOST_BROKERS: Final = 3
_READ, _WRITE = 3, 4  # AclOperation; a topic's authorized operations are these bits
_OTHER_NAME = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
_NOT_SIGNED = {2, 18, 19, 20, 21}  # … no issuer that is trusted, or signed by itself
_GROUP: Final = 0


class Needs(Struct, frozen=True, kw_only=True):
    """What a program does on Kafka."""

    reads: Sequence[str] = ()
    """Topics."""
    writes: Sequence[str] = ()
    group: str | None = None


NOTHING: Final = Needs()


async def why_refused(server: KafkaServer, needs: Needs = NOTHING) -> KafkaRefused | KafkaUnreachable | None:
    """None: it answers, and lets this program do all that. After LOOK_S at most.

    Raises SettingError where a file of the settings can't be used.
    """
    keywords = security(server)
    hosts = collect_hosts(server.kafka)[:_MOST_BROKERS]
    looks = [asyncio.create_task(_look(server, host, port, keywords, needs)) for host, port, _ in hosts]
    try:
        found = await asyncio.gather(*looks)
    finally:
        for look in looks:
            look.cancel()
        await asyncio.wait(looks)
    # One broker that lets us in is enough; of the others one that answers says more than one that does not.
    return None if None in found else next((one for one in found if isinstance(one, KafkaRefused)), found[0])


async def explained(server: KafkaServer, error: BaseException, needs: Needs = NOTHING) -> Exception:
    """The error of ours for one of aiokafka's: to be raised from it."""
    found = await why_refused(server, needs)
    if found is not None:
        return found
    if isinstance(error, AUTHORIZATION):
        return KafkaRefused(server.kafka, "right", f"{type(error).__name__}, as {_name(server)}")
    return KafkaUnreachable(server.kafka, _text(error))


class Startable(Protocol):
    """A client of aiokafka."""

    async def start(self) -> None: ...


async def start(server: KafkaServer, client: Startable, needs: Needs = NOTHING) -> None:
    """Start a client, within a bound. Raises KafkaUnreachable, KafkaRefused."""
    try:
        async with asyncio.timeout(_START_S):
            await client.start()
    except (KafkaConnectionError, TimeoutError, *AUTHORIZATION) as error:
        raise await explained(server, error, needs) from error


async def _look(
    server: KafkaServer, host: str, port: int, keywords: dict[str, Any], needs: Needs
) -> KafkaRefused | KafkaUnreachable | None:
    connection = None
    try:
        async with asyncio.timeout(LOOK_S):
            connection = await create_conn(
                host, port, client_id="mldash-look", request_timeout_ms=round(LOOK_S * 1_000), **keywords
            )
            await connection.send(MetadataRequest([]))
            lacking = [one async for one in _lacking(connection, needs)]
    except (KafkaError, OSError, EOFError, TimeoutError) as error:
        return _door(server, error, has_connected=connection is not None)
    finally:
        if connection is not None:
            closed = connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await closed
    return KafkaRefused(server.kafka, "right", f"as {_name(server)}", lacking) if lacking else None


async def _lacking(connection: AIOKafkaConnection, needs: Needs) -> Any:
    """Rights in words: `WRITE on topic mldash.metrics`."""
    topics = sorted({*needs.reads, *needs.writes})
    if topics:
        allowed = await _allowed(connection, topics)
        for topic in topics:
            for name, bit, of in (("READ", _READ, needs.reads), ("WRITE", _WRITE, needs.writes)):
                if topic in of and not allowed.get(topic, 0) >> bit & 1:
                    yield f"{name} on topic {topic}"
    if needs.group is not None:
        answer = await connection.send(FindCoordinatorRequest(needs.group, _GROUP))
        if for_code(answer.error_code) is GroupAuthorizationFailedError:
            yield f"READ on group {needs.group}"


async def _allowed(connection: AIOKafkaConnection, topics: Iterable[str]) -> dict[str, int]:
    """Topic → bits of what may be done; brokers before 2.3 only say whether it may be seen."""
    try:
        answer = await connection.send(TopicMetadata(list(topics), rights=True))
    except (NotImplementedError, IncompatibleBrokerVersion):
        answer = await connection.send(MetadataRequest(list(topics)))
        return {topic: -1 for error_code, topic, *_ in answer.topics if not error_code}
    # All bits of the least number mean that the broker, without an authorizer, does not say.
    return {
        topic: -1 if rights == -(1 << 31) else rights
        for error_code, topic, _, _, _, rights, _ in answer.topics
        if not error_code
    }


def _door(server: KafkaServer, error: BaseException, *, has_connected: bool) -> KafkaRefused | KafkaUnreachable:
    """Which door it is that this error tells of."""
    if isinstance(error, KafkaConnectionError) and isinstance(error.__cause__, ssl.SSLError):
        error = error.__cause__  # of a later read: TLS 1.3 tells then that it wants a certificate

    def refused(door: Door, detail: object = None) -> KafkaRefused:
        said = str(error if detail is None else detail) or type(error).__name__
        return KafkaRefused(server.kafka, door, said)

    by_token = server.kafka_sasl_mechanism == "OAUTHBEARER"
    if isinstance(error, TokenMissing):
        return refused("token")
    if isinstance(error, SaslAuthenticationFailed):
        return refused("token") if by_token else refused("password", f"as {_name(server)}")
    if isinstance(error, UnsupportedSaslMechanismError):
        return refused("mechanism", f"{server.kafka_sasl_mechanism} is not enabled there")
    if isinstance(error, IllegalSaslStateError):
        return refused("no sign-in", "it says so")
    if isinstance(error, ssl.SSLCertVerificationError):
        door: Door = "certificate"
        if error.verify_code in _OTHER_NAME:
            door = "name"
        elif error.verify_code in _NOT_SIGNED:
            door = "authority"
        return refused(door, error.verify_message)
    if isinstance(error, ssl.SSLError):
        return refused("certificate" if "CERTIFICATE" in (error.reason or "") else "tls", error.reason)
    if isinstance(error, ConnectionRefusedError | TimeoutError) or _says_nothing(error):
        if server.speaks_tls and not has_connected and not isinstance(error, ConnectionRefusedError):
            return refused("tls", "no answer to the beginning of TLS")
        return KafkaUnreachable(server.kafka, _text(error))
    if isinstance(error, ConnectionError | EOFError | KafkaConnectionError):
        if has_connected:
            return refused("sign-in", "the connection is ended at the first question")
        if server.speaks_tls:
            return refused("tls", "the connection is ended at the beginning of TLS")
        return refused("plain", "the connection is ended at the first question")
    return KafkaUnreachable(server.kafka, _text(error))


def _says_nothing(error: BaseException) -> bool:
    """An address that is not there, or a network that does not lead to it."""
    return isinstance(error, OSError) and not isinstance(error, ConnectionError)


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)  # asyncio's own text repeats the address
    return str(error) or type(error).__name__


def _name(server: KafkaServer) -> str:
    return server.kafka_username or ("the bearer of the token" if server.speaks_sasl else "whoever asks")
