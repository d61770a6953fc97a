"""A stream that more sessions write than its snapshot keeps: those moved out are stored once all the same."""

import pytest

from mldash.events.identity import experiment_id, parse_prefix, stream_id
from mldash.events.seen import Seen
from mldash_api.errors import NotYetStored
from mldash_api.experiments.own_writes import Written, wait_for_own_writes
from mldash_ingest.documents.snapshot import Snapshot
from tests.integration.compactor.chains import compacting
from tests.world import World

from .emitting import PREFIX, Emitter, chain, emitting, eventually, points, until_stored, working

STREAM = stream_id(experiment_id(PREFIX), 0, "metrics", "loss")
SESSIONS = [bytes([number]) * 16 for number in range(1, 13)]

pytestmark = pytest.mark.integration


FEW = {"snapshot_buckets": 1, "snapshot_sessions": 5}
"""Of a worker: its snapshots keep few sessions."""


async def send_round(emitter: Emitter, first: int, count: int) -> None:
    for session in SESSIONS:
        await emitter.send(session, first, points(session, first, count))


async def crowded(world: World) -> dict[bytes, Seen]:
    """What the snapshot has, which is few, and `seqs` has the others."""
    document = await world.mongo.streams.find_one({"_id": STREAM})
    assert document is not None
    assert document["crowded"]
    assert len(document["sess"]) <= 5
    found = {bytes(one["_id"]["sid"]): Seen.from_document(one["r"]) async for one in world.mongo.seqs.find({})}
    for session, seen in Snapshot.from_document("metrics", document).seen.items():
        found.setdefault(session, Seen()).unite(seen)
    return found


async def test_sessions_that_were_moved_out_and_come_again_are_stored_once(world: World) -> None:
    """Each round is by a new worker, and sends what the round before sent as well."""
    async with emitting(world) as emitter:
        for turn in range(3):
            async with working(world.worker(**FEW)):
                await send_round(emitter, 0, 2 * turn + 2)
                found = await until_stored(world, len(SESSIONS) * (2 * turn + 2))
            assert len(found) == len(set(found)) == len(SESSIONS) * (2 * turn + 2)
            assert await crowded(world) == {session: Seen(2 * turn + 2) for session in SESSIONS}


async def test_one_worker_that_moves_sessions_out_reads_them_again(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker(batch_records=3, **FEW)):
        for turn in range(3):
            await send_round(emitter, turn, 2)  # overlaps the round before by one
            found = await until_stored(world, len(SESSIONS) * (turn + 2))
    assert sorted(found) == [(session, seq) for session in SESSIONS for seq in range(4)]


async def test_what_a_session_that_was_moved_out_has_written_counts_as_stored(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker(**FEW)):
        await send_round(emitter, 0, 3)
        await until_stored(world, 3 * len(SESSIONS))
    prefix = parse_prefix(PREFIX)
    for session in SESSIONS:
        assert await wait_for_own_writes(world.mongo, prefix, [Written("metrics", "loss", session, 3)], 5.0)
    with pytest.raises(NotYetStored):
        await wait_for_own_writes(world.mongo, prefix, [Written("metrics", "loss", SESSIONS[0], 4)], 0.05)


async def test_a_snapshot_that_the_compactor_makes_of_a_crowded_stream_loses_no_session(world: World) -> None:
    """The chain has grown since the snapshot, by sessions that it has moved out."""
    async with emitting(world) as emitter:
        async with working(world.worker(**FEW)):
            await send_round(emitter, 0, 2)
            await until_stored(world, 2 * len(SESSIONS))
        before = await world.mongo.streams.find_one({"_id": STREAM})
        seqs = [one async for one in world.mongo.seqs.find({})]
        async with working(world.worker(**FEW)):
            await send_round(emitter, 2, 1)
            await until_stored(world, 3 * len(SESSIONS))
    assert before is not None
    await world.mongo.streams.replace_one(
        {"_id": STREAM}, {**before, "due_at": 1.0}
    )  # as if killed before its snapshot
    await world.mongo.seqs.delete_many({})
    await world.mongo.seqs.insert_many(seqs)
    end = (await chain(world))[-1].end_index
    async with compacting(world.compactor(snapshot_sessions=FEW["snapshot_sessions"])):
        await eventually(lambda: world.mongo.streams.find_one({"_id": STREAM, "next": end}))
    assert await crowded(world) == {session: Seen(3) for session in SESSIONS}
