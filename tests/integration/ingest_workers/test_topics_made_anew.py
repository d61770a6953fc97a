"""A topic made anew under its name, or whose records were removed before they were stored: nothing is skipped in
silence, nothing comes twice, and followers of stored events see none too early."""

from contextlib import nullcontext

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from mldash.events.identity import experiment_id, stream_key
from mldash.events.stored import StoredUpTo
from mldash.events.topics import event_topic, partition_of
from mldash_deploy.prepare import prepare
from mldash_ingest.worker import Worker
from tests.world import PARTITIONS, World

from .emitting import PREFIX, Emitter, emitting, eventually, points, stored, until_stored, working
from .followers import following, until
from .offsets import move_offset, statement_at

ONE, TWO = b"1" * 16, b"2" * 16
EVENTS = [(ONE, seq) for seq in range(5)] + [(TWO, seq) for seq in range(8)]
KEY = stream_key(experiment_id(PREFIX), "metrics", "loss")

pytestmark = pytest.mark.integration


@pytest.fixture
def partition(world: World) -> TopicPartition:
    """Where the stream's records go."""
    return TopicPartition(event_topic(world.name, "metrics"), partition_of(KEY, PARTITIONS["metrics"]))


async def test_a_topic_made_anew_is_read_from_its_beginning_and_followers_wait_for_what_is_said_of_it(
    world: World, partition: TopicPartition
) -> None:
    """Kafka forgets a group's offsets with the topic, and the stored topic does not forget what was said of it."""
    before = await _store_and_make_anew(world, partition)
    async with emitting(world) as emitter, following(world, stored=True) as given:
        await _send_each(emitter, TWO, 8)
        async with following(world, stored=False) as at_once:
            await until(at_once, 8)
        assert given == []
        async with working(world.worker()):
            await until_stored(world, 13)
            after = await eventually(lambda: statement_at(world, partition, 8))
            await until(given, 8)
    assert await stored(world) == EVENTS
    assert given == EVENTS[5:]
    assert before.incarnation and after.incarnation and before.incarnation != after.incarnation


async def test_a_topic_made_anew_under_a_worker_is_stored_whole_and_once(
    world: World, partition: TopicPartition
) -> None:
    """A worker that sees it gone begins anew with it; one that does not halts, for it would go on in the middle."""
    async with working(world.worker(announce_s=0.2, metadata_s=0.5)) as worker:
        await _store_and_make_anew(world, partition, worker)
        async with emitting(world) as emitter:
            await _send_each(emitter, TWO, 8)
        await eventually(lambda: _halts_or_has_stored(world, worker, 13))
    await eventually(lambda: move_offset(world, partition, 0))
    async with working(world.worker()):
        await until_stored(world, 13)
    assert sorted(await stored(world)) == EVENTS


@pytest.mark.parametrize("metadata", ["{checksum}@{incarnation}", "{checksum}@"], ids=["by its id", "by a record"])
async def test_an_offset_of_another_topic_than_the_one_that_is_there_halts(
    world: World, partition: TopicPartition, metadata: str
) -> None:
    """As a group's offsets are that were mirrored or restored, and the topic was not."""
    before = await _store_and_make_anew(world, partition)
    async with emitting(world) as emitter:
        await _send_each(emitter, TWO, 8)
    committed = metadata.format(checksum="0123456789abcdef", incarnation=before.incarnation)
    await eventually(lambda: move_offset(world, partition, 5, committed))
    async with working(world.worker()) as worker:
        await eventually(lambda: _says(worker, "made anew"))
    assert await stored(world) == EVENTS[:5]
    await eventually(lambda: move_offset(world, partition, 0))
    async with working(world.worker()):
        await until_stored(world, 13)
    assert await stored(world) == EVENTS


async def test_records_removed_before_they_were_stored_halt_their_partition_and_no_other(
    world: World, partition: TopicPartition
) -> None:
    async with emitting(world) as emitter:
        async with working(world.worker()):
            await _send_each(emitter, ONE, 2)
            await until_stored(world, 2)
        for seq in range(2, 6):
            await emitter.send(ONE, seq, points(ONE, seq, 1))
        await _remove_before(world, partition, 4)
        async with working(world.worker()) as worker:
            await eventually(lambda: _says(worker, "out of range"))
            await emitter.send(ONE, 0, points(ONE, 0, 3), name=_elsewhere(partition))
            await until_stored(world, 3, name=_elsewhere(partition))
        await eventually(lambda: move_offset(world, partition, 4))
        async with working(world.worker()):
            await until_stored(world, 4)
            said = await eventually(lambda: statement_at(world, partition, 6))
    assert await stored(world) == [(ONE, seq) for seq in (0, 1, 4, 5)]
    assert said.skipped == [(2, 4)], "which records are lost is said to whoever acts on stored ones"


async def _store_and_make_anew(world: World, partition: TopicPartition, worker: Worker | None = None) -> StoredUpTo:
    """Five points, then the topic is another one; the last statement of the old one. Without a worker one is made."""
    async with emitting(world) as emitter, nullcontext(worker) if worker else working(world.worker()):
        await _send_each(emitter, ONE, 5)
        await until_stored(world, 5)
        said: StoredUpTo = await eventually(lambda: statement_at(world, partition, 5))
    await _make_anew(world, partition.topic)
    return said


async def _send_each(emitter: Emitter, session: bytes, count: int) -> None:
    """A record a point."""
    for seq in range(count):
        await emitter.send(session, seq, points(session, seq, 1))


async def _says(worker: Worker, text: str) -> bool:
    return text in (await worker.health() or "")


async def _halts_or_has_stored(world: World, worker: Worker, count: int) -> bool:
    return await _says(worker, "made anew") or len(await stored(world)) == count


async def _make_anew(world: World, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        await eventually(lambda: _is_gone(admin, topic))
        await prepare(world.servers, PARTITIONS)
        await eventually(lambda: _is_there(admin, topic))
    finally:
        await admin.close()


async def _is_gone(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return topic not in await admin.list_topics()


async def _is_there(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return topic in await admin.list_topics()


async def _remove_before(world: World, partition: TopicPartition, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await admin.start()
    try:
        await admin.delete_records({partition: RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


def _elsewhere(partition: TopicPartition) -> str:
    """A stream of the other partition."""
    return next(
        name
        for name in map(str, range(100))
        if partition_of(stream_key(experiment_id(PREFIX), "metrics", name), PARTITIONS["metrics"])
        != partition.partition
    )
