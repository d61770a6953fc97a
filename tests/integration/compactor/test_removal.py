"""A deleted experiment is gone at once and everywhere, whatever is killed on the way; what is made again is new."""

import json
from collections.abc import AsyncIterator, Sequence
from time import time
from typing import Any

import pytest

from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash.events.schema import Block, Claim, Describe, Heartbeat, Record, RunEvents, Signals, Start
from mldash_compactor.chunks import levels
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.keys import experiment_folder
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import run_steps
from mldash_compactor.upkeep.removal import STEPS, Removal, finish_generation, go_on_with_removals, sweep_generation
from mldash_ingest import instruments
from mldash_ingest.documents.buckets import CHUNK, bucket_id
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.removals import find_target, raise_generation
from mldash_ingest.fetch.decode import Arrival
from mldash_ingest.store.sessions import Admission, Sessions
from tests.integration.ingest_workers.appending import Origin
from tests.integration.ingest_workers.emitting import PREFIX as EMITTED
from tests.integration.ingest_workers.emitting import emitting, points, until_stored, working
from tests.stack import run_mldash
from tests.world import World

from .chains import PREFIX, Chain, compacting, eventually

ONE, TWO = b"1" * 16, b"2" * 16
COLLECTIONS = ("buckets", "streams", "chunks", "levels", "claims", "seqs")

pytestmark = pytest.mark.integration


async def half_cold(world: World) -> Chain:
    """A chunk on S3, the rest hot, a session, a claim."""
    chain = await Chain(world).make()
    await chain.grow(CHUNK + 500)
    await run_steps(await chain.move(Range(0, CHUNK)))
    session = {"_id": ONE, "exp": chain.experiment, "gen": 0, "prefix": PREFIX.text, "first_at": 1.0, "host": "h"}
    await world.mongo.sessions.insert_one({**session, "pid": 7, "heartbeat": time()})
    claim = {"_id": {"sid": ONE, "s": chain.id}, "exp": chain.experiment, "gen": 0, "seq": CHUNK + 500}
    await world.mongo.claims.insert_one(claim)
    await levels.insert(world.mongo, levels.unknown(chain.id, 1, 0))
    return chain


async def delete(world: World, prefix: Prefix = PREFIX) -> Removal:
    """What comes before the steps."""
    target = await find_target(world.mongo, prefix)
    assert target is not None
    assert await raise_generation(world.mongo, target)
    return Removal(world.mongo, world.objects, prefix, target.generation)


async def left(world: World) -> dict[str, Any]:
    """What there is of anything in database and bucket; closed documents are counted apart."""
    counts: dict[str, Any] = {name: await world.mongo.database[name].count_documents({}) for name in COLLECTIONS}
    closed = await world.mongo.streams.count_documents({"cold": CLOSED})
    counts["streams"] -= closed
    counts["objects"] = [one.key async for one in world.objects.list()]
    return {name: number for name, number in counts.items() if number}


@pytest.mark.parametrize("other", [b"\0" * 16, b"\x7f" * 16, b"\xff" * 16])
async def test_summaries_of_other_streams_stay_wherever_their_ids_sort(world: World, other: bytes) -> None:
    """MongoDB compares the length of binary ids before it looks at their bytes."""
    chain = await half_cold(world)
    numbers = (0, 1, 2**40)
    for level in range(len(levels.LEVELS)):
        for number in numbers:
            await levels.insert(world.mongo, levels.unknown(other, level, number))
    await sweep_generation(await delete(world))
    assert await world.mongo.levels.count_documents({}) == len(levels.LEVELS) * len(numbers)
    assert not await levels.read_blocks(world.mongo, chain.id, 1, range(1))


async def test_everything_of_a_deleted_experiment_goes_and_only_its_tombstones_stay(world: World) -> None:
    await half_cold(world)
    await sweep_generation(await delete(world))
    assert await left(world) == {}
    sessions = [one async for one in world.mongo.sessions.find({})]
    assert sessions == [{"_id": ONE, "exp": experiment_id(PREFIX.text), "gen": 0}]
    (experiment,) = [one async for one in world.mongo.experiments.find({})]
    (note,) = experiment.pop("purge")
    assert experiment == {"_id": experiment_id(PREFIX.text), "prefix": PREFIX.text, "gen": 1}
    assert note["gen"] == 0
    assert note["swept_at"] >= note["at"]


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
async def test_a_removal_cut_after_any_step_goes_on_where_it_is_run_again(world: World, done: int) -> None:
    """The process dies after so many steps; another one is given the note that it left."""
    await half_cold(world)
    removal = await delete(world)
    for step in STEPS[:done]:
        await step(removal)
    target = await find_target(world.mongo, PREFIX)
    assert target is not None
    assert not target.is_there
    assert target.unswept == [0]
    await sweep_generation(Removal(world.mongo, world.objects, PREFIX, 0))
    assert await left(world) == {}
    again = await find_target(world.mongo, PREFIX)
    assert again is not None
    assert again.unswept == []


async def test_a_step_cut_in_its_middle_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket at a time, and the process dies after the third."""
    monkeypatch.setattr("mldash_compactor.upkeep.removal._BUCKETS_AT_ONCE", 1)
    chain = await Chain(world).make()
    await chain.grow(1_000, bucket_events=100)
    removal = await delete(world)

    def dies(deleted: Any) -> None:
        if deleted.buckets == 3:
            raise KeyboardInterrupt

    removal.deleted.tell = dies
    with pytest.raises(KeyboardInterrupt):
        await sweep_generation(removal)
    assert await chain.hot_buckets() == 7
    assert await go_on_with_removals(world.mongo, world.objects, purge_after_s=1e9, now=time()) == 1
    assert await left(world) == {}


async def test_two_that_delete_at_the_same_time_delete_one_generation(world: World) -> None:
    await half_cold(world)
    target = await find_target(world.mongo, PREFIX)
    assert target is not None
    assert await raise_generation(world.mongo, target)
    assert not await raise_generation(world.mongo, target)


async def test_an_experiment_whose_objects_lie_in_the_same_folder_keeps_its_own(world: World) -> None:
    """`a/b` and `a/b/b`: owner a, project b, experiment b."""
    removal = Removal(world.mongo, world.objects, Prefix("a/b"), 0)
    assert experiment_folder(Prefix("a/b")) == experiment_folder(Prefix("a/b/b"))
    for prefix in ("a/b", "a/b/b"):
        key = experiment_id(prefix)
        stream = stream_id(key, 0, "metrics", "loss")
        await world.mongo.experiments.insert_one({"_id": key, "prefix": prefix, "gen": 0})
        document = {"_id": stream, "exp": key, "gen": 0, "kind": "metrics", "name": "loss"}
        await world.mongo.streams.insert_one({**document, "next": CHUNK, "cold": CHUNK, "chunk": CHUNK})
        folder = experiment_folder(Prefix(prefix))
        await world.objects.put(f"{folder}gen=0/stream={stream.hex()}/00000000-000001.parquet", b"x", crc32c(b"x"))
    await sweep_generation(removal)
    other = stream_id(experiment_id("a/b/b"), 0, "metrics", "loss")
    assert [key for key in (await left(world))["objects"] if other.hex() not in key] == []
    assert await world.mongo.streams.count_documents({"_id": other, "cold": CHUNK}) == 1


async def test_what_late_writers_left_is_deleted_once_more_and_then_the_tombstones_of_streams(world: World) -> None:
    chain = await half_cold(world)
    await sweep_generation(await delete(world))
    late = {"_id": bucket_id(chain.id, CHUNK), "s": chain.id, "kind": "metrics", "n": 1}
    await world.mongo.buckets.insert_one(late)
    other = {"_id": b"o" * 16, "exp": chain.experiment, "gen": 0, "kind": "logs", "name": "", "next": 0, "cold": 0}
    await world.mongo.streams.insert_one(other)
    async with compacting(world.compactor(purge_after_s=0.0, sweep_s=0.1)):

        async def purged() -> bool:
            experiment = await world.mongo.experiments.find_one({})
            return experiment is not None and experiment["purge"] == []

        await eventually(purged)
    assert await left(world) == {}
    assert await world.mongo.streams.count_documents({}) == 0
    assert await world.mongo.sessions.count_documents({"gen": 0}) == 1


async def test_a_compactor_finishes_what_a_killed_command_left(world: World) -> None:
    await half_cold(world)
    await STEPS[0](await delete(world))
    async with compacting(world.compactor(sweep_s=0.1)):

        async def swept() -> bool:
            experiment = await world.mongo.experiments.find_one({})
            return experiment is not None and experiment["purge"][0].get("swept_at") is not None

        await eventually(swept)
    assert await left(world) == {}


async def test_what_is_made_again_has_all_of_the_new_and_nothing_of_the_old(whole_world: World) -> None:
    """The old session goes on meanwhile: its events are dropped and counted."""
    before = instruments.deleted._value.get()
    async with emitting(whole_world) as emitter, working(whole_world.worker()):
        await emitter.send(ONE, 0, points(ONE, 0, 50))
        await until_stored(whole_world, 50)
        await emitter.send(ONE, 0, Signals([Heartbeat(time()), Claim(time(), "metrics", "loss", 50)]), kind="runs")
        await sweep_generation(await delete(whole_world, Prefix(EMITTED)))
        await emitter.send(ONE, 50, points(ONE, 50, 30))
        await emitter.send(TWO, 0, points(TWO, 0, 20))
        found = await until_stored_in(whole_world, 1, 20)
    assert found == [(TWO, seq) for seq in range(20)]
    assert instruments.deleted._value.get() - before == 30
    gone = stream_id(experiment_id(EMITTED), 0, "metrics", "loss")
    assert await whole_world.mongo.claims.count_documents({"_id.s": gone}) == 0


async def test_a_session_that_begins_a_new_stream_of_a_deleted_experiment_stores_nothing(whole_world: World) -> None:
    """Its worker knows the session from before: the first look at the stream tells that its generation has passed."""
    before = instruments.deleted._value.get()
    async with emitting(whole_world) as emitter, working(whole_world.worker()):
        await emitter.send(ONE, 0, points(ONE, 0, 50))
        await until_stored(whole_world, 50)
        await sweep_generation(await delete(whole_world, Prefix(EMITTED)))
        await emitter.send(ONE, 0, points(ONE, 0, 7), name="began later")
        await emitter.send(ONE, 7, points(ONE, 7, 7), name="began later")
        await until_dropped(before, 14)
    assert await left(whole_world) == {}


async def test_who_writes_on_when_all_of_the_deleted_is_gone_leaves_nothing_behind(whole_world: World) -> None:
    """Nobody comes by a third time: not even a closed document may be left, of a stream that was there or a new one."""
    before = instruments.deleted._value.get()
    async with emitting(whole_world) as emitter, working(whole_world.worker()):
        await emitter.send(ONE, 0, points(ONE, 0, 50))
        await until_stored(whole_world, 50)
        await finish_generation(await delete(whole_world, Prefix(EMITTED)))
        await emitter.send(ONE, 50, points(ONE, 50, 7))
        await emitter.send(ONE, 0, points(ONE, 0, 7), name="began later")
        await until_dropped(before, 14)
    assert await left(whole_world) == {}
    assert await whole_world.mongo.streams.count_documents({}) == 0


@pytest.mark.parametrize("swept", [True, False])
async def test_what_a_session_says_after_its_experiment_was_deleted_leaves_nothing(world: World, swept: bool) -> None:
    """Its worker still takes it for a session of a live experiment: whether the steps have passed already or not."""
    await half_cold(world)
    sessions = Sessions(world.mongo)
    stale = await sessions.admit([said(Signals([]))])
    assert stale == {ONE: Admission(0, False)}
    removal = await delete(world)
    if swept:
        await sweep_generation(removal)
    late = [
        said(Start(time(), "h", 7, context={"argv": ["secret"]})),
        said(Describe(time(), "metrics", "loss", description="of a stream that was there"), seq=1),
        said(Describe(time(), "metrics", "acc", tags=["of a stream that was not"]), seq=2),
        said(Signals([Heartbeat(time()), Claim(time(), "metrics", "loss", 50), Claim(time(), "metrics", "acc", 5)])),
    ]
    await sessions.move_forward(late, stale)
    assert await sessions.admit(late) == {ONE: Admission(0, True)}
    if not swept:
        await sweep_generation(removal)
    assert await left(world) == {}
    assert await world.mongo.streams.count_documents({"about": {"$exists": True}}) == 0
    await finish_generation(removal)
    await sessions.move_forward(late, stale)
    assert await world.mongo.streams.count_documents({}) == 0
    assert [one async for one in world.mongo.sessions.find({})] == [
        {"_id": ONE, "exp": experiment_id(PREFIX.text), "gen": 0}
    ]


async def until_dropped(before: float, count: int) -> None:
    """So many events more than `before` belonged to what was deleted."""

    async def dropped() -> bool:
        return bool(instruments.deleted._value.get() - before == count)

    await eventually(dropped)


def said(block: Block | Start | Describe, seq: int = 0) -> Arrival:
    """A record of the runs of a session."""
    record = Record(
        prefix=PREFIX.text,
        kind="runs",
        name="",
        session=ONE,
        first_seq=seq,
        logged_at=1.0,
        blocks=[RunEvents([block]) if isinstance(block, (Start, Describe)) else block],
    )
    return Arrival(record, experiment_id(PREFIX.text), Origin())


async def until_stored_in(world: World, generation: int, count: int) -> Sequence[tuple[bytes, int]]:
    from tests.integration.ingest_workers.emitting import chain as chain_of
    from tests.integration.ingest_workers.emitting import events_of_columns

    async def enough() -> list[tuple[bytes, int]]:
        there = [
            (event["session"], event["seq"])
            for bucket in await chain_of(world, generation=generation)
            for event in events_of_columns(bucket.columns, bucket.row_count)
        ]
        return there if len(there) >= count else []

    found: list[tuple[bytes, int]] = await eventually(enough)
    return found


@pytest.fixture
async def variables(world: World) -> AsyncIterator[dict[str, str]]:
    """The environment of a command that works on this world."""
    settings = world.compactor()
    yield {
        "MLDASH_MONGO": settings.mongo,
        "MLDASH_MONGO_DATABASE": settings.mongo_database,
        "MLDASH_S3_ENDPOINT": settings.s3_endpoint or "",
        "MLDASH_S3_BUCKET": settings.s3_bucket,
        "MLDASH_S3_ACCESS_KEY": settings.s3_access_key or "",
        "MLDASH_S3_SECRET_KEY": settings.s3_secret_key or "",
    }


async def test_a_dry_run_counts_hot_and_cold_and_deletes_nothing(world: World, variables: dict[str, str]) -> None:
    await half_cold(world)
    before = await left(world)
    told = json.loads(run_mldash("rm", PREFIX.text, "--dry-run", "--json", **variables).stdout)
    assert (told["events"], told["hot_events"], told["chunks"], told["sessions"]) == (CHUNK + 500, 500, 1, 1)
    assert told["streams"] == {"metrics": 1}
    (live,) = told["live_sessions"]
    assert (live["host"], live["pid"]) == ("h", 7)
    assert await left(world) == before


async def test_the_command_asks_deletes_and_then_knows_of_no_experiment(
    world: World, variables: dict[str, str]
) -> None:
    await half_cold(world)
    refused = run_mldash("rm", PREFIX.text, check=False, **variables)
    assert refused.returncode == 130  # nobody answers its question
    assert "10500 events" in refused.stdout
    assert "still running" in refused.stderr
    done = run_mldash("rm", PREFIX.text, "--yes", **variables)
    assert f"deleted {PREFIX.text} (generation 0)" in done.stdout
    assert await left(world) == {}
    again = run_mldash("rm", PREFIX.text, "--yes", check=False, **variables)
    assert again.returncode == 1
    assert again.stderr.strip() == f"mldash: rm: there is no experiment {PREFIX.text}"
