"""Writes of one who slept change nothing, and reads of one under whom the ground moved decide nothing."""

from time import time
from typing import Any

import msgspec
import pytest

from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.errors import RangeMoved
from mldash_compactor.moving import candidates, covering
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.covering import cover
from mldash_compactor.moving.move import (
    STEPS,
    commit,
    declare_intent,
    delete_hot,
    move_chunk,
    put_object,
    read_rows,
    run_steps,
    verify_object,
)
from mldash_ingest.documents.buckets import to_document
from mldash_ingest.documents.mongo import AutoReconnect
from tests.world import World

from .chains import Chain

pytestmark = pytest.mark.integration


async def test_rows_that_a_late_insert_left_in_a_moved_range_are_not_taken_for_the_chain(world: World) -> None:
    """The walk finds every bucket that it looks for; only the second look at the cold end tells."""
    chain = await Chain(world).make()
    await chain.grow(10_000, bucket_events=10_000, due_in_s=600)
    asleep = await chain.move(Range(0, 10_000), lease_s=-1.0)
    await declare_intent(asleep)
    await move_chunk(await chain.move(Range(0, 10_000), owner="other"))
    await world.mongo.buckets.insert_one(to_document(chain._bucket(0, 10_000)))
    with pytest.raises(RangeMoved, match="cold end"):
        await read_rows(asleep)


async def test_a_snapshot_is_not_folded_over_what_a_late_insert_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the document and the buckets another one finishes the chunk, and garbage takes the buckets' place."""
    chain = await Chain(world).make()
    await chain.grow(1_000, bucket_events=1_000, snapshot=False)
    await run_steps(await chain.move(Range(0, 1_000), lease_s=-1.0), (declare_intent, read_rows))
    finisher = await chain.move(Range(0, 1_000), owner="other")
    garbage = to_document(chain._bucket(0, 1_000))
    walk = covering.walk

    async def late_walk(*arguments: Any) -> Any:
        monkeypatch.setattr(covering, "walk", walk)
        await move_chunk(finisher)
        await world.mongo.buckets.insert_one(garbage)
        return await walk(*arguments)

    monkeypatch.setattr(covering, "walk", late_walk)
    with pytest.raises(RangeMoved, match="passed the snapshot"):
        await cover(world.mongo, chain.id, 1_000)
    assert await chain.read() == chain.expected()


async def test_an_intent_returns_what_was_committed_since_the_chunk_was_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder's lease had passed, and it commits between our read and our intent. Its epoch was the right one."""
    chain = await Chain(world).make()
    await chain.grow(1_000, due_in_s=600)
    holder = await chain.move(Range(0, 1_000), lease_s=-1.0)
    await run_steps(holder, (declare_intent, read_rows, put_object, verify_object))
    real = manifest.read

    async def read_then_committed(*arguments: Any) -> Any:
        monkeypatch.setattr(manifest, "read", real)
        seen = await real(*arguments)
        await run_steps(holder, (commit,))
        return seen

    monkeypatch.setattr(manifest, "read", read_then_committed)
    intent = await manifest.declare_intent(world.mongo, chain.id, 0, owner="other", lease_s=60, want=1_000)
    assert intent is not None
    assert intent.live == holder.live
    assert intent.live is not None


async def test_each_try_at_a_chunk_writes_under_a_key_of_its_own(world: World) -> None:
    """The first one's put lands late, after the second one's commit: the object that counts stays what it was."""
    chain = await Chain(world).make()
    await chain.grow(1_000, due_in_s=600)
    first = await chain.move(Range(0, 700), lease_s=-1.0)
    await run_steps(first, (declare_intent, read_rows))
    await move_chunk(await chain.move(Range(0, 1_000), owner="other"))
    await put_object(first)
    assert await chain.read() == chain.expected()


async def test_buckets_go_only_when_readers_take_the_chunk_instead(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(1_000, due_in_s=600)
    move = await chain.move(Range(0, 1_000))
    await run_steps(move, STEPS[: STEPS.index(delete_hot)])
    assert await chain.cold() == 1_000
    await delete_hot(move)
    assert await chain.read() == chain.expected()


async def test_who_has_lost_its_chunk_writes_no_snapshot(world: World) -> None:
    """What it read may have been another's late insert by then: the commit tells, so the snapshot comes after it."""
    chain = await Chain(world).make()
    await chain.grow(1_000, snapshot=False)
    sleeper = await chain.move(Range(0, 1_000), lease_s=-1.0)
    await run_steps(sleeper, STEPS[: STEPS.index(commit)])
    await declare_intent(await chain.move(Range(0, 1_000), owner="other"))
    with pytest.raises(RangeMoved):
        await run_steps(sleeper, STEPS[STEPS.index(verify_object) + 1 :])
    assert (await chain.document())["next"] == 0


async def test_a_release_of_one_that_lost_its_epoch_frees_nothing(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(1_000, due_in_s=600)
    old, new = [await chain.move(Range(0, 1_000), lease_s=lease_s) for lease_s in (-1.0, 60.0)]
    await declare_intent(old)
    await declare_intent(new)
    assert old.intent is not None
    await manifest.release(world.mongo, old.intent)
    chunk = await manifest.read(world.mongo, chain.id, 0)
    assert chunk is not None
    assert (chunk.epoch, chunk.until is not None) == (2, True)


async def test_a_shorter_object_never_takes_the_place_of_a_longer_one(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(2_000, due_in_s=600)
    move = await chain.move(Range(0, 2_000))
    await run_steps(move)
    assert move.intent is not None
    assert move.live is not None
    shorter = msgspec.structs.replace(move.live, key="other", end=1_000)
    assert not await manifest.commit(world.mongo, move.intent, shorter)
    assert await manifest.commit(world.mongo, move.intent, move.live)  # its own, again: the answer was lost
    chunk = await manifest.read(world.mongo, chain.id, 0)
    assert chunk is not None
    assert chunk.live == move.live


async def test_a_commit_whose_answer_was_lost_is_sent_again_and_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await Chain(world).make()
    await chain.grow(2_000, due_in_s=600)
    real, calls = manifest.commit, list[bool]()

    async def unanswered(*arguments: Any) -> bool:
        calls.append(await real(*arguments))
        if len(calls) == 1:
            raise AutoReconnect("connection closed")
        return calls[-1]

    monkeypatch.setattr(manifest, "commit", unanswered)
    await move_chunk(await chain.move(Range(0, 2_000)))
    assert calls == [True, True]
    assert await chain.cold() == 2_000
    assert await chain.read() == chain.expected()


async def test_a_due_time_is_only_taken_away_where_no_newer_snapshot_is(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(500, due_in_s=0.0)
    seen = await candidates.read_stream(world.mongo, chain.id)
    assert seen is not None
    await chain.grow(500, due_in_s=5.0)
    await candidates.settle(world.mongo, seen, None)
    assert (await chain.document())["due_at"] > time()


async def test_an_intent_is_taken_over_once_its_lease_has_passed(world: World) -> None:
    stream = b"s" * 16
    first = await manifest.declare_intent(world.mongo, stream, 3, owner="a", lease_s=60, want=40_000)
    assert first is not None
    assert (first.epoch, first.owner, first.want, first.live) == (1, "a", 40_000, None)
    assert await manifest.declare_intent(world.mongo, stream, 3, owner="b", lease_s=60, want=40_000) is None
    await manifest.release(world.mongo, first)
    second = await manifest.declare_intent(world.mongo, stream, 3, owner="b", lease_s=-1, want=40_000)
    third = await manifest.declare_intent(world.mongo, stream, 3, owner="c", lease_s=60, want=40_000)
    assert second is not None
    assert third is not None
    assert (second.epoch, third.epoch) == (2, 3)
    live = Live(key="x", end=40_000, crc32c=1, bytes=2, schema=b"\x90", summaries=b"\x90", t0=0.0, t1=1.0)
    assert not await manifest.commit(world.mongo, second, live)
    assert await manifest.commit(world.mongo, third, live)
    assert await manifest.live_chunks(world.mongo, stream, 0, 2) == []
    [chunk] = await manifest.live_chunks(world.mongo, stream, 3, 3)
    assert (chunk.live, chunk.until) == (live, None)
    assert live.fields() == live.field_summaries() == []
