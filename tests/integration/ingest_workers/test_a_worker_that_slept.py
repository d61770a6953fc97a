"""What a worker that slept writes when it wakes: into the true end of the chain, and each event once.

Meanwhile others have appended, and a compactor has moved the range that it knew to S3 and deleted its buckets: places
that were taken are free again. Each case here is the shortest one in which a rule of docs/protocol.md 3 is missed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mldash.events.identity import Prefix
from mldash_ingest.documents.removals import find_target, raise_generation
from mldash_ingest.store import chains
from mldash_ingest.store.chains import Chains
from mldash_ingest.store.sessions import Admission, Sessions
from mldash_ingest.worker import Worker
from tests.world import World

from .appending import STREAM, Appender, arrival, move_away, read
from .emitting import PREFIX, Died, emitting, eventually, points, until_stored, working

ONE, TWO, THREE = b"1" * 16, b"2" * 16, b"3" * 16

pytestmark = pytest.mark.integration


def seqs(session: bytes, count: int) -> list[tuple[bytes, int]]:
    return [(session, seq) for seq in range(count)]


@pytest.fixture
async def appender(world: World) -> AsyncIterator[Callable[[], Appender]]:
    """As many workers as one asks for."""
    async with AsyncExitStack() as made:

        def make() -> Appender:
            one = Appender(world)
            made.push_async_callback(one.close)
            return one

        yield make


@pytest.mark.parametrize("count", [50, 150])
async def test_what_lands_in_a_range_that_was_moved_away_is_stored_again_at_the_end(
    world: World, appender: Callable[[], Appender], count: int
) -> None:
    """Its place is free, for the bucket that took it has moved. With 150 events it even reaches beyond the cold end, so
    that a snapshot of it would be newer than the true one."""
    sleeper, other = appender(), appender()
    await sleeper.append(ONE, 0, 100)
    await other.append(ONE, 100, 100)
    await move_away(world, 200)
    await sleeper.append(TWO, 0, count)
    assert await read(world) == seqs(ONE, 200) + seqs(TWO, count)
    await appender().append(TWO, 0, count + 1)  # who knows nothing finds the same
    assert await read(world) == seqs(ONE, 200) + seqs(TWO, count + 1)


async def test_of_a_batch_with_two_buckets_the_second_waits_for_the_check_of_the_first(
    world: World, appender: Callable[[], Appender]
) -> None:
    """The first lands below the cold end, the second beyond the end of the chain: an orphan, which the chain would run
    into later."""
    sleeper, other = appender(), appender()
    await sleeper.append(ONE, 0, 9_990)
    await other.append(ONE, 9_990, 5)
    await move_away(world, 9_995)
    await sleeper.append(TWO, 0, 60)
    assert await read(world) == seqs(ONE, 9_995) + seqs(TWO, 60)


async def test_what_a_late_insert_left_in_a_moved_range_is_not_taken_for_stored(
    world: World, appender: Callable[[], Appender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the document and the buckets the range moves, and the buckets of one who died lie where it was. Who walks
    over them would find its events stored."""
    dies, other, walks = appender(), appender(), appender()
    await other.append(ONE, 0, 1)  # with the first snapshot; the next one comes later
    late = await dies.plan(TWO, 0, 10)
    await other.append(ONE, 1, 199)
    walk_many = chains.walk_many

    async def late_walk(*arguments: Any) -> Any:
        monkeypatch.setattr(chains, "walk_many", walk_many)
        await move_away(world, 200)
        assert not await dies.insert(late), "the place was free"
        async for bucket in walk_many(*arguments):
            yield bucket

    monkeypatch.setattr(chains, "walk_many", late_walk)
    await walks.append(TWO, 0, 10)
    assert await read(world) == seqs(ONE, 200) + seqs(TWO, 10)


async def test_what_lies_behind_a_gap_is_not_of_the_chain(world: World, appender: Callable[[], Appender]) -> None:
    """Left there by one who died in the middle of a batch, before its chain was moved away."""
    dies, other, walks = appender(), appender(), appender()
    await other.append(ONE, 0, 9_990)
    first, orphan = await dies.plan(TWO, 0, 60)
    assert (first.first_index, orphan.first_index) == (9_990, 10_000)
    await dies.insert([orphan])
    await walks.append(THREE, 0, 5)
    assert await read(world) == seqs(ONE, 9_990) + seqs(THREE, 5)


async def test_a_worker_that_dies_before_its_check_has_committed_nothing(
    world: World, appender: Callable[[], Appender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it inserted lies where nobody reads it; the next worker is given the records again."""
    check, dying = Chains.check, asyncio.Event()

    async def check_or_die(self: Chains, session: Any, buckets: Any) -> set[bytes]:
        if dying.is_set():
            raise Died
        return await check(self, session, buckets)

    monkeypatch.setattr(Chains, "check", check_or_die)
    async with emitting(world) as emitter:
        await emitter.send(ONE, 0, points(ONE, 0, 100))
        running = asyncio.create_task(Worker(world.worker()).run(asyncio.Event()))
        await until_stored(world, 100)
        await eventually(lambda: _snapshot_of(world, 100))  # its batch is done
        await appender().append(ONE, 100, 100)
        await move_away(world, 200)
        dying.set()
        await emitter.send(TWO, 0, points(TWO, 0, 50))
        with pytest.raises(Died):
            await running
        dying.clear()
        await emitter.send(THREE, 0, points(THREE, 0, 1))
        async with working(world.worker()):
            await eventually(lambda: _holds(world, THREE))
    assert await read(world) == [*seqs(ONE, 200), *seqs(TWO, 50), *seqs(THREE, 1)]


async def _snapshot_of(world: World, count: int) -> bool:
    document = await world.mongo.streams.find_one({"_id": STREAM})
    return document is not None and document["next"] == count


async def _holds(world: World, session: bytes) -> bool:
    return any(owner == session for owner, _ in await read(world))


async def test_a_new_session_is_of_the_generation_that_there_is_now(world: World) -> None:
    """Its worker knows the experiment from before it was removed."""
    sessions = Sessions(world.mongo)
    assert await sessions.admit([arrival(ONE, 0, 1)]) == {ONE: Admission(0, False)}
    target = await find_target(world.mongo, Prefix(PREFIX))
    assert target is not None
    assert await raise_generation(world.mongo, target)
    assert await sessions.admit([arrival(TWO, 0, 1)]) == {TWO: Admission(1, False)}
    assert await Sessions(world.mongo).admit([arrival(ONE, 1, 1), arrival(TWO, 1, 1)]) == {
        ONE: Admission(0, True),
        TWO: Admission(1, False),
    }
