"""Partitions that grow, and offsets that somebody else has moved: nothing twice, and what is missing is said."""

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Record
from mldash.events.topics import event_topic, partition_of
from tests.world import PARTITIONS, World

from .emitting import PREFIX, emitting, eventually, points, stored, until_stored, working
from .offsets import move_offset, statement_at

ONE = b"1" * 16
KEY = stream_key(experiment_id(PREFIX), "metrics", "loss")

pytestmark = pytest.mark.integration


async def test_a_partition_that_is_added_is_read_and_appends_to_the_same_stream(world: World) -> None:
    """A session that began later computes with the new count: two partitions bring one stream."""
    async with emitting(world) as emitter, working(world.worker(metadata_s=0.5)):
        await emitter.send(ONE, 0, points(ONE, 0, 5))
        await until_stored(world, 5)
        admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
        await admin.start()
        await admin.create_partitions({event_topic(world.name, "metrics"): NewPartitions(PARTITIONS["metrics"] + 1)})
        await admin.close()
        record = Record(
            prefix=PREFIX,
            kind="metrics",
            name="loss",
            session=b"2" * 16,
            first_seq=0,
            logged_at=1.0,
            blocks=[points(b"2" * 16, 0, 5)],
        )
        async with AIOKafkaProducer(bootstrap_servers=world.servers.kafka, metadata_max_age_ms=200) as producer:
            topic = event_topic(world.name, "metrics")
            await eventually(lambda: _has_partition(producer, topic, PARTITIONS["metrics"]))
            await producer.send_and_wait(
                topic, encode_record(record), key=KEY, partition=PARTITIONS["metrics"], headers=headers()
            )
        found = await until_stored(world, 10)
    assert found == [(session, seq) for session in (ONE, b"2" * 16) for seq in range(5)]


async def _has_partition(producer: AIOKafkaProducer, topic: str, number: int) -> bool:
    return number in await producer.partitions_for(topic)


async def test_records_that_a_moved_offset_skips_are_named_on_the_stored_topic(world: World) -> None:
    partition = TopicPartition(event_topic(world.name, "metrics"), partition_of(KEY, PARTITIONS["metrics"]))
    async with emitting(world) as emitter:
        async with working(world.worker()):
            for seq in range(2):
                await emitter.send(ONE, seq, points(ONE, seq, 1))
            await until_stored(world, 2)
        for seq in range(2, 6):
            await emitter.send(ONE, seq, points(ONE, seq, 1))
        await eventually(lambda: move_offset(world, partition, 5))
        for _ in range(2):  # the second worker knows it from the first one's commit
            async with working(world.worker()):
                await until_stored(world, 3)
                said = await eventually(lambda: statement_at(world, partition, 6))
            assert said.skipped == [(2, 5)]
    assert await stored(world) == [(ONE, 0), (ONE, 1), (ONE, 5)]
