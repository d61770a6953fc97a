"""Each event is stored once, in one dense order, whatever is repeated, killed or set aside."""

import asyncio

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from mldash.events.encoding import headers
from mldash.events.identity import experiment_id, stream_id, stream_key
from mldash.events.schema import Describe, End, Heartbeat, Rows, RunEvents, Signals, Start
from mldash.events.topics import event_topic, partition_of
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.statements import Statements
from mldash_ingest.worker import Worker
from tests.world import PARTITIONS, World

from .emitting import PREFIX, Died, chain, emitting, eventually, letters, points, stored, until_stored, working

ONE, TWO = b"1" * 16, b"2" * 16

pytestmark = pytest.mark.integration


async def test_records_that_come_twice_are_stored_once(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker()):
        for first, count in [(0, 5), (0, 5), (3, 4), (7, 3), (0, 10)]:
            await emitter.send(ONE, first, points(ONE, first, count))
        await emitter.send(TWO, 0, points(TWO, 0, 1))
        found = await until_stored(world, 11)
    assert found == [(ONE, seq) for seq in range(10)] + [(TWO, 0)]


async def test_a_worker_that_starts_again_goes_on_where_the_chain_ends(world: World) -> None:
    async with emitting(world) as emitter:
        for turn in range(3):
            async with working(world.worker()):
                await emitter.send(ONE, 5 * turn, points(ONE, 5 * turn, 5))
                await until_stored(world, 5 * turn + 5)
    assert await stored(world) == [(ONE, seq) for seq in range(15)]


async def test_a_replay_of_everything_by_another_group_stores_nothing_twice(world: World) -> None:
    """Another consumer group begins at the earliest offset, as after a reset of offsets."""
    async with emitting(world) as emitter:
        async with working(world.worker()):
            await emitter.send(ONE, 0, points(ONE, 0, 500))
            await until_stored(world, 500)
        async with working(world.worker(group=f"{world.name}-again")):
            await emitter.send(ONE, 500, points(ONE, 500, 1))
            found = await until_stored(world, 501)
    assert found == [(ONE, seq) for seq in range(501)]


async def test_a_batch_replayed_after_a_crash_stores_no_point_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between check and commit; its successor is given the same records again."""

    async def dies(self: Statements, offsets: object) -> None:
        raise Died

    async with emitting(world) as emitter:
        await emitter.send(ONE, 0, points(ONE, 0, 300))
        with monkeypatch.context() as patch:
            patch.setattr(Statements, "announce", dies)
            running = asyncio.create_task(_swallowing(Worker(world.worker())))
            assert await running == "died"
        assert len(await stored(world)) == 300
        await emitter.send(ONE, 300, points(ONE, 300, 1))
        async with working(world.worker()):
            found = await until_stored(world, 301)
    assert found == [(ONE, seq) for seq in range(301)]


async def _swallowing(worker: Worker) -> str:
    try:
        await worker.run(asyncio.Event())
    except Died:
        return "died"
    return "ended"


async def test_two_workers_that_append_to_one_chain_take_turns(world: World) -> None:
    """Two groups are given the same records at the same time: each place is taken by one of them only."""
    async with emitting(world) as emitter, working(world.worker(0)), working(world.worker(1, group=f"{world.name}-b")):
        for turn in range(40):
            await emitter.send(ONE, 25 * turn, points(ONE, 25 * turn, 25))
            await emitter.send(TWO, 25 * turn, points(TWO, 25 * turn, 25))
        found = await until_stored(world, 2_000)
    assert len(found) == len(set(found)) == 2_000
    for session in (ONE, TWO):
        assert [seq for owner, seq in found if owner == session] == list(range(1_000))


async def test_long_streams_are_cut_at_chunks_and_their_snapshot_keeps_up(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker()):
        for first in range(0, 25_000, 2_500):
            await emitter.send(ONE, first, points(ONE, first, 2_500, loss=0.5))
        await until_stored(world, 25_000)
    buckets = await chain(world)
    assert all(bucket.first_index // CHUNK == (bucket.end_index - 1) // CHUNK for bucket in buckets)
    document = await world.mongo.streams.find_one({"_id": stream_id(experiment_id(PREFIX), 0, "metrics", "loss")})
    assert document is not None
    recount = Snapshot("metrics")
    for bucket in buckets:
        recount.advance(bucket)
    assert Snapshot.from_document("metrics", document).to_update() == recount.to_update()
    assert document["due_at"] > 0


async def test_what_cannot_be_read_is_set_aside_with_its_reason_and_the_rest_goes_on(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker()):
        await emitter.send_bytes(b"\xc1 nothing")
        await emitter.send_bytes(b"{}", headers=[("content-type", b"application/json"), ("schema", b"mldash/2.0")])
        await emitter.send_bytes(b"", headers=headers())
        await emitter.send(ONE, 0, Rows(["a", "b"], [1.0], [[1]]))
        await emitter.send(ONE, 0, points(ONE, 0, 2))
        found = await until_stored(world, 2)
        reasons = [letter["dead-letter-reason"].decode() for letter in await letters(world, 4)]
    assert found == [(ONE, 0), (ONE, 1)]
    assert [text for text in reasons if "newer than 1" in text]
    assert [text for text in reasons if "not one value for each" in text]
    assert [text for text in reasons if "empty" in text]


async def test_params_and_runs_are_folded_into_one_document(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker()):
        await emitter.send(ONE, 0, Rows(["m", "lr"], [1.0], [[1, 0.1]]), kind="params")
        await emitter.send(TWO, 0, Rows(["m.a", "lr"], [2.0], [[2, 0.2]]), kind="params")
        start, end = Start(1.0, host="h", pid=7, context={"git": {"commit": "c"}}), End(3.0, "COMPLETED")
        told = Describe(2.0, "metrics", "loss", description="of training", tags=["a"])
        await emitter.send(ONE, 0, RunEvents([start, told, end]), Signals([Heartbeat(4e9)]), kind="runs")

        async def folded() -> bool:
            documents = {one["kind"]: one async for one in world.mongo.streams.find({})}
            return {"params", "runs", "metrics"} <= documents.keys() and documents["params"]["next"] == 2

        await eventually(folded)
        params = await world.mongo.streams.find_one({"kind": "params"})
        assert params is not None
        flat = {item["k"]: msgspec.msgpack.decode(item["v"]) for item in params["data"]}
        assert flat == {"lr": 0.2, "m.a": 2}
        session = await world.mongo.sessions.find_one({"_id": ONE})
        assert session is not None
        assert (session["host"], session["pid"], session["heartbeat"]) == ("h", 7, 4e9)
        about = await world.mongo.streams.find_one({"kind": "metrics"})
        assert about is not None
        assert msgspec.msgpack.decode(about["about"]["description"]["v"]) == "of training"


async def test_a_partition_that_is_not_the_one_committed_to_halts_and_says_so(world: World) -> None:
    """Offsets restored onto a topic that was made anew: reading on would skip what it holds in silence."""
    group = f"{world.name}-restored"
    async with emitting(world) as emitter:
        for turn in range(10):
            await emitter.send(ONE, turn, points(ONE, turn, 1))
        await commit_elsewhere(world, group, offset=5)
        async with working(world.worker(group=group)) as worker:

            async def halted() -> bool:
                return "made anew" in (await worker.health() or "")

            await eventually(halted)
    assert await stored(world) == []


async def commit_elsewhere(world: World, group: str, offset: int) -> None:
    """A committed offset whose checksum is that of a record which is not there."""
    key = stream_key(experiment_id(PREFIX), "metrics", "loss")
    partition = TopicPartition(event_topic(world.name, "metrics"), partition_of(key, PARTITIONS["metrics"]))
    async with AIOKafkaConsumer(
        bootstrap_servers=world.servers.kafka, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign([partition])
        await consumer.commit({partition: OffsetAndMetadata(offset, "0123456789abcdef")})
