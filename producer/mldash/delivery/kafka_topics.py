"""Facts of Kafka and of its topics, for `mldash doctor`, which only reads."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from msgspec import Struct

from mldash.connections.kafka_security import connecting
from mldash.connections.servers import KafkaServer

from .kafka import START_TIMEOUT_S, keep_quiet, trouble_of

_REACH_TIMEOUT_S = 5.0
_MOST_BROKERS = 20
_MAX_BYTES = "max.message.bytes"


class Broker(Struct, frozen=True):
    """A broker under the address that it gives to clients; `trouble`: why that can't be reached from here."""

    node: int
    host: str
    port: int
    trouble: str | None = None


class TopicFacts(Struct, frozen=True):
    """A topic that is there. `max_message_bytes` None: it can't be told, or not by this user."""

    partitions: int
    leaderless: bool = False
    max_message_bytes: int | None = None


async def ask_kafka(server: KafkaServer, topics: Sequence[str]) -> tuple[list[Broker], dict[str, TopicFacts]]:
    """The brokers, and those of the topics that are there: nothing of topics where no broker can be reached.

    Raises KafkaTrouble after START_TIMEOUT_S, twice and a look at most; SettingError.
    """
    keep_quiet()
    admin = AIOKafkaAdminClient(**connecting(server), client_id="mldash-doctor")
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await admin.start()
            known = sorted(admin._client.cluster.brokers(), key=lambda broker: broker.nodeId)
            brokers = await asyncio.gather(*(_reach(one.nodeId, one.host, one.port) for one in known[:_MOST_BROKERS]))
        if all(broker.trouble for broker in brokers):
            return brokers, {}
        async with asyncio.timeout(START_TIMEOUT_S):
            return brokers, await _describe(admin, topics)
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        raise await trouble_of(server, error, topics) from error
    finally:
        await _close(admin)


async def _reach(node: int, host: str, port: int) -> Broker:
    try:
        async with asyncio.timeout(_REACH_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Broker(node, host, port, f"no answer within {_REACH_TIMEOUT_S:g} s")
    except OSError as error:
        return Broker(node, host, port, error.strerror or str(error))
    writer.close()
    return Broker(node, host, port)


async def _describe(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, TopicFacts]:
    described = await admin.describe_topics(list(topics))
    there = {one["topic"]: one["partitions"] for one in described if not one["error_code"]}
    sizes = await _max_bytes(admin, list(there))
    return {
        topic: TopicFacts(len(partitions), any(one["leader"] < 0 for one in partitions), sizes.get(topic))
        for topic, partitions in there.items()
    }


async def _max_bytes(admin: AIOKafkaAdminClient, topics: list[str]) -> dict[str, int]:
    """Topic → max.message.bytes, of those that this user may see."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, {_MAX_BYTES: None}) for topic in topics]
    found: dict[str, int] = {}
    answers: Any = await admin.describe_configs(wanted) if wanted else ()
    for answer in answers:
        for code, _, _, topic, entries in answer.resources:
            for name, value, *_ in entries:
                if not code and name == _MAX_BYTES:
                    found[topic] = int(value)
    return found


async def _close(admin: AIOKafkaAdminClient) -> None:
    try:
        async with asyncio.timeout(2.0):
            await admin.close()
    except (KafkaError, OSError, TimeoutError):
        return  # it has never answered
