"""How far the workers' group is behind in each partition: what is there, and not stored."""

from typing import TypedDict

from aiokafka import AIOKafkaConsumer, TopicPartition

from mldash.connections.group_offsets import group_offsets
from mldash.connections.servers import KafkaServer
from mldash.events.topics import event_topics


class PartitionLag(TypedDict):
    """`committed`: 0 where the group has committed nothing. `waiting`: records that Kafka holds and no worker has
    stored; without a commit all that it holds, as the workers count (mldash_ingest/lag.py)."""

    topic: str
    partition: int
    committed: int
    end: int
    waiting: int


async def lag_of(server: KafkaServer, consumer: AIOKafkaConsumer, group: str) -> list[PartitionLag]:
    """By topic and partition. Raises TopicMissing, KafkaRefused, KafkaError."""
    offsets = await group_offsets(server, consumer, group, sorted(event_topics(server.topic_prefix)))
    begins = await consumer.beginning_offsets([TopicPartition(*one) for one in offsets])
    return [
        PartitionLag(
            topic=topic,
            partition=partition,
            committed=at.committed,
            end=at.end,
            waiting=max(0, at.end - max(at.committed, begins[TopicPartition(topic, partition)])),
        )
        for (topic, partition), at in offsets.items()
    ]
