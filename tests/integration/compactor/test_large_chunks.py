"""A chunk that is too large to be held goes through in parts, and nothing about it is different to a reader."""

import os
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from mldash_compactor.chunks import manifest
from mldash_compactor.errors import RangeMoved
from mldash_compactor.moving import large
from mldash_compactor.moving import move as moving
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import STEPS, Move, move_chunk, put_object, read_rows, run_steps, verify_object
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source, to_document
from mldash_ingest.documents.columns import columns_of_events, pack_times
from tests.world import World

from .chains import Chain

pytestmark = pytest.mark.integration


async def in_parts(chain: Chain, end: int, **more: object) -> Move:
    """A move of a chunk that is said to be large."""
    move = await chain.move(Range(0, end), **more)  # type: ignore[arg-type]
    move.is_large = True
    return move


@pytest.mark.parametrize("kind", ["metrics", "tracks"])
async def test_a_large_chunk_reads_as_any_other(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "GROUP_BYTES", 100_000)
    chain = await Chain(world, kind).make()
    await chain.grow(CHUNK, due_in_s=600)
    plain = await chain.move(Range(0, CHUNK))
    await run_steps(plain, STEPS[: STEPS.index(verify_object) + 1])
    await moving.release(plain)
    move = await in_parts(chain, CHUNK)
    await run_steps(move, (STEPS[0], read_rows))
    assert move.scan is not None
    await run_steps(move, STEPS[2:])
    assert (await chain.cold(), await chain.hot_buckets()) == (CHUNK, 0)
    assert await chain.read() == chain.expected()
    [chunk] = await manifest.live_chunks(world.mongo, chain.id, 0)
    assert chunk.live is not None
    assert plain.made is not None
    summaries = {one.name: one for one in chunk.live.field_summaries()}
    assert summaries == {one.name: one for one in manifest._summaries.decode(plain.made.summaries)}
    assert await sweep(world.mongo, world.objects, 0.0) == 1


async def test_a_large_chunk_of_a_track_out_of_order_is_folded_in_memory(world: World) -> None:
    chain = await Chain(world, "tracks").make()
    await chain.grow(CHUNK, times=[float((index * 7_919) % 4_001) for index in range(CHUNK)])
    move = await in_parts(chain, CHUNK)
    await move_chunk(move)
    assert await chain.read() == chain.expected()


async def test_megabytes_go_in_parts_and_are_never_held_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 MB that do not compress, in buckets of 1 MB."""
    monkeypatch.setattr(large, "GROUP_BYTES", 4 << 20)
    chain = await Chain(world).make()
    blobs = [os.urandom(100_000) for _ in range(600)]
    for first in range(0, 600, 10):
        await world.mongo.buckets.insert_one(to_document(_bucket(chain, first, blobs[first : first + 10])))
    move = await in_parts(chain, 600)
    tracemalloc.start()
    try:
        await run_steps(move, STEPS[: STEPS.index(verify_object) + 1])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert move.made is not None
    assert move.made.size > 60_000_000
    assert most < 45_000_000, f"{most} bytes were held at once"
    await run_steps(move, (moving.commit,))
    [chunk] = await manifest.live_chunks(world.mongo, chain.id, 0)
    assert chunk.live is not None
    data = await moving.read_chunk(world.objects, chunk.live)
    [column] = moving.points.decode(data).columns
    assert list(column.packed()) == blobs


def _bucket(chain: Chain, first: int, blobs: list[bytes]) -> Bucket:
    times = [1_000.0 + first + row for row in range(len(blobs))]
    return Bucket(
        stream=chain.id,
        kind="metrics",
        first_index=first,
        count=len(blobs),
        sources=[Source(b"s" * 16, first, len(blobs))],
        t0=times[0],
        t1=times[-1],
        times=pack_times(times),
        columns=columns_of_events([{"image": blob} for blob in blobs]),
    )


async def test_what_a_late_insert_left_is_not_taken_by_the_second_pass(world: World) -> None:
    """Between the passes another moves the chunk, and a bucket lands in its place."""
    chain = await Chain(world).make()
    await chain.grow(CHUNK, bucket_events=CHUNK, due_in_s=600)
    asleep = await in_parts(chain, CHUNK, lease_s=-1.0)
    await run_steps(asleep, (STEPS[0], read_rows))
    await move_chunk(await chain.move(Range(0, CHUNK), owner="other"))
    await world.mongo.buckets.insert_one(to_document(chain._bucket(0, CHUNK)))
    with pytest.raises(RangeMoved, match="cold end"):
        await put_object(asleep)
    assert await chain.read() == chain.expected()


async def test_an_upload_that_a_kill_left_is_aborted_by_the_sweep(world: World) -> None:
    upload = await world.objects.open_upload("owner=o/x.parquet")
    await upload.part(os.urandom(5 << 20))
    assert await world.objects.abort_uploads_before(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await world.objects.abort_uploads_before(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert await world.objects.abort_uploads_before(datetime.now(UTC) + timedelta(hours=1)) == 0
    assert [one async for one in world.objects.list()] == []
