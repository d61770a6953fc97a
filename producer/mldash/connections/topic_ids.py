"""The id that a broker gives to a topic when it is made: a topic that is made anew under its name gets another one.

Kafka's Metadata request in version 12 (KIP-516; brokers since 3.1), which aiokafka does not know: it asks in version 5.
"""

import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_NO_ID = uuid.UUID(int=0)


class _Uuid(AbstractType[uuid.UUID]):
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


_BROKER = CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields))
_PARTITION = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC = CompactArray(
    ("error_code", Int16),
    ("topic", _TEXT),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", _PARTITION),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)


class _Response(Response):
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKER),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        ("topics", _TOPIC),
        ("tags", TaggedFields),
    )
    topics: list[tuple[Any, ...]]


class _Struct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicMetadata(Request[_Struct]):
    """Asks for these topics; with `rights`, also for what the one who asks may do with each of them."""

    API_KEY = 3

    def __init__(self, topics: list[str], *, rights: bool = False) -> None:
        self._topics, self._rights = topics, rights

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        return request_struct_class([(_NO_ID, topic, {}) for topic in self._topics], False, self._rights, {})


async def topic_ids(client: AIOKafkaClient, topics: Iterable[str]) -> dict[str, str]:
    """Topic → its id in hex. Nothing of brokers that are too old to have ids.

    Raises KafkaError where the broker does not answer, or has no such topic.
    """
    try:
        response = await client.send(client.get_random_node(), TopicMetadata(sorted(set(topics))))
    except NotImplementedError:  # aiokafka's way to say that the broker does not know the version
        return {}
    ids: dict[str, str] = {}
    for error_code, topic, topic_id, *_ in response.topics:
        if error_code:
            raise for_code(error_code)(topic)
        if topic_id != _NO_ID:
            ids[topic] = topic_id.hex
    return ids


def is_another(ids: Mapping[str, str], topic: str, incarnation: str) -> bool:
    """Whether the topic that is there is not that one; False where its id is not known."""
    return incarnation != ids.get(topic, incarnation)
