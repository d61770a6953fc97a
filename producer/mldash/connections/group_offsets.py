"""The committed offset of the workers' group in each partition, and the end of each partition now."""

from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer

from .servers import KafkaServer
from .topic_reading import administering, partitions_of


class Offsets(NamedTuple):
    """`committed` 0 where the group has committed nothing."""

    committed: int
    end: int


async def group_offsets(
    server: KafkaServer, consumer: AIOKafkaConsumer, group: str, topics: Iterable[str]
) -> dict[tuple[str, int], Offsets]:
    """By topic and partition; the ends are asked for before what is committed. Raises TopicMissing."""
    partitions = await partitions_of(consumer, topics)
    ends = await consumer.end_offsets(partitions)
    async with administering(server) as admin:
        committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
    return {
        (one.topic, one.partition): Offsets(max(0, committed[one].offset) if one in committed else 0, ends[one])
        for one in partitions
    }
