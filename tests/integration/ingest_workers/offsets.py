"""Offsets of the world's group as an operator moves them, and what is said of them on the stored topic."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from mldash.events.stored import StoredUpTo, decode_stored
from mldash.events.topics import stored_topic
from tests.world import World


async def move_offset(world: World, partition: TopicPartition, offset: int, metadata: str = "") -> bool:
    """As an operator does; Kafka refuses it until the worker's static membership has timed out."""
    async with AIOKafkaConsumer(
        bootstrap_servers=world.servers.kafka, group_id=world.name, enable_auto_commit=False
    ) as consumer:
        consumer.assign([partition])
        try:
            await consumer.commit({partition: OffsetAndMetadata(offset, metadata)})
        except KafkaError:
            return False
    return True


async def statement_at(world: World, partition: TopicPartition, offset: int) -> StoredUpTo | None:
    """The last statement of the partition, once it has come to `offset`."""
    topic = TopicPartition(stored_topic(world.name), 0)
    last = None
    async with AIOKafkaConsumer(bootstrap_servers=world.servers.kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign([topic])
        [end] = (await consumer.end_offsets([topic])).values()
        while await consumer.position(topic) < end:
            said = decode_stored((await consumer.getone(topic)).value)
            if (said.topic, said.partition) == (partition.topic, partition.partition):
                last = said
    return last if last is not None and last.offset == offset else None
