"""What a policy lets expire goes from a chain's head, and nothing else; indices stay, reads begin at the floor."""

import asyncio
import json
from time import time
from typing import Any

import numpy as np
import pytest

from benchmarks.cold_stream import columns_of_chunk, load, name_stream
from mldash_compactor.chunks import levels, manifest, points
from mldash_compactor.chunks.levels import RECORDS
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.moving import candidates, join
from mldash_compactor.upkeep import retention
from mldash_compactor.upkeep.retention import (
    DAY_S,
    STEPS,
    Expiry,
    expire,
    find_expired,
    keep_retention,
    read_policies,
    set_policy,
)
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import CHUNK, bucket_id, to_document
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.walk import cold_ends, walk
from tests.stack import run_mldash
from tests.world import World

from .chains import PREFIX, Chain
from .test_recipes import environment

pytestmark = pytest.mark.integration

OWNER, PROJECT = PREFIX.owner, f"{PREFIX.owner}/{PREFIX.project}"


async def lines(world: World, *, young: int = 1_000) -> Chain:
    """2,000 lines of long ago and `young` ones of now, in buckets of 500."""
    chain = await Chain(world, "logs", "").make()
    await chain.grow(2_000, bucket_events=500, times=[1_000.0 + row for row in range(2_000)])
    if young:
        await chain.grow(young, bucket_events=500, snapshot=False, times=[time() for _ in range(young)])
    return chain


async def expired(world: World) -> list[Expiry]:
    return [one async for one in find_expired(world.mongo, await read_policies(world.mongo), time())]


async def test_old_lines_expire_and_young_ones_stay(world: World) -> None:
    chain = await lines(world)
    await set_policy(world.mongo, OWNER, {"logs": 30.0})
    assert await keep_retention(world.mongo, time()) == 2_000
    document = await chain.document()
    assert (document["floor"], document["cold"], await chain.hot_buckets()) == (2_000, 2_000, 2)
    [first, second] = await walk(world.mongo, None, chain.id, 2_000)
    assert (first.first_index, second.end_index) == (2_000, 3_000)
    assert await keep_retention(world.mongo, time()) == 0


@pytest.mark.parametrize("stopped_after", range(len(STEPS)))
async def test_retention_cut_between_any_two_steps_goes_on(world: World, stopped_after: int) -> None:
    chain = await lines(world, young=0)
    await set_policy(world.mongo, OWNER, {"logs": 30.0})
    [expiry] = await expired(world)
    for step in STEPS[: stopped_after + 1]:
        await step(world.mongo, expiry)
    await keep_retention(world.mongo, time())
    document = await chain.document()
    assert (document["next"], document["floor"], document["cold"], await chain.hot_buckets()) == (2_000,) * 3 + (0,)


async def test_lines_that_come_while_the_floor_is_sought_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker appends between the two looks, at the chain's end and for young lines: the fault run met it."""
    chain = await lines(world, young=0)
    await set_policy(world.mongo, OWNER, {"logs": 30.0})
    real = retention.chain_end

    async def chain_end(mongo: Mongo, stream: bytes, begin: int) -> int:
        if chain.snapshot.next == 2_000:
            await chain.grow(500, bucket_events=500, times=[time()] * 500)
        return await real(mongo, stream, begin)

    monkeypatch.setattr(retention, "chain_end", chain_end)
    assert await keep_retention(world.mongo, time()) == 2_000
    document = await chain.document()
    assert (document["next"], document["floor"], await chain.hot_buckets()) == (2_500, 2_000, 1)


async def test_what_leaves_a_chain_of_lines_is_in_its_snapshot(world: World) -> None:
    """Its worker died before its snapshot: which seqs were stored must be known when the buckets are gone."""
    chain = await Chain(world, "logs", "").make()
    await chain.grow(1_000, bucket_events=500, snapshot=False, times=[1_000.0] * 1_000)
    await set_policy(world.mongo, OWNER, {"logs": 30.0})
    await keep_retention(world.mongo, time())
    document = await chain.document()
    assert {key: document[key] for key in chain.snapshot.to_update()} == chain.snapshot.to_update()


async def test_a_late_insert_below_the_floor_is_refused_and_swept(world: World) -> None:
    """A paused worker takes a place that was taken and freed: its check finds the cold end beyond it."""
    chain = await lines(world)
    late = to_document(chain._bucket(500, 1_000))
    await set_policy(world.mongo, OWNER, {"logs": 30.0})
    await keep_retention(world.mongo, time())
    await world.mongo.buckets.insert_one(late)
    assert (await cold_ends(world.mongo, None, [chain.id]))[chain.id] > 500
    await keep_retention(world.mongo, time())
    assert await world.mongo.buckets.count_documents({"_id": bucket_id(chain.id, 500)}) == 0
    assert await chain.hot_buckets() == 2


async def cold_stream(world: World, chunk_count: int, old: int, *, joined: bool = False) -> bytes:
    """A metric whose first `old` chunks became cold long ago."""
    stream = name_stream(PREFIX.text, "loss")
    await load(world.mongo, world.objects, stream, chunk_count * CHUNK, joined=joined)
    of_stream = {"_id.s": stream.id}
    await world.mongo.chunks.update_many(of_stream, {"$set": {"live.stored_at": time() - 5 * DAY_S}})
    long_ago = {"$set": {"live.stored_at": time() - 100 * DAY_S}}
    await world.mongo.chunks.update_many({**of_stream, "_id.k": {"$lt": old}}, long_ago)
    return stream.id


async def check_from(world: World, stream: bytes, first_k: int, end_k: int) -> None:
    chunks = await manifest.live_chunks(world.mongo, stream, 0)
    assert [chunk.k for chunk in chunks] == list(range(first_k, end_k))
    for chunk in chunks:
        assert chunk.live is not None
        rows = points.decode(await read_chunk(world.objects, chunk.live))
        assert list(rows.columns) == columns_of_chunk(chunk.k)


async def test_chunks_expire_by_the_day_on_which_they_became_cold(world: World) -> None:
    stream = await cold_stream(world, 4, old=3)
    await set_policy(world.mongo, PROJECT, {"metrics": 30.0})
    assert await keep_retention(world.mongo, time()) == 3 * CHUNK
    await check_from(world, stream, 3, 4)
    assert await sweep(world.mongo, world.objects, 0.0) == 3
    await check_from(world, stream, 3, 4)


async def test_an_object_of_joined_chunks_goes_with_the_last_of_them(world: World) -> None:
    stream = await cold_stream(world, 4, old=3, joined=True)
    await set_policy(world.mongo, PROJECT, {"metrics": 30.0})
    await keep_retention(world.mongo, time())
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    await check_from(world, stream, 3, 4)
    await set_policy(world.mongo, PROJECT, {"metrics": 1.0})
    assert await keep_retention(world.mongo, time()) == CHUNK
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    assert [one.key async for one in world.objects.list()] == []


async def test_a_span_whose_head_has_expired_is_joined_and_summarised_without_it(world: World) -> None:
    stream = await cold_stream(world, RECORDS, old=97)
    await set_policy(world.mongo, PROJECT, {"metrics": 30.0})
    await keep_retention(world.mongo, time())
    state = await candidates.read_stream(world.mongo, stream)
    assert state is not None
    assert list(join.due_spans(state)) == [0]
    chunks = await join.span_chunks(world.mongo, state, 0)
    await join.write_levels(world.mongo, stream, 0, chunks)
    [run] = join.plan_runs(chunks, 1 << 30)
    await join.run_steps(join.Join(world.mongo, world.objects, state, PREFIX, run, owner="t", lease_s=60))
    await sweep(world.mongo, world.objects, 0.0)
    await check_from(world, stream, 97, 100)
    [block] = await levels.read_blocks(world.mongo, stream, 0, range(1), ["loss"])
    assert block.fields[0].array()["count"].tolist() == [0] * 97 + [CHUNK] * 3
    await world.mongo.chunks.update_many({"_id.s": stream}, {"$set": {"live.stored_at": 1.0}})
    await keep_retention(world.mongo, time())
    assert await world.mongo.levels.count_documents({}) == 0


async def test_a_document_that_a_sleeper_left_below_the_floor_goes_with_the_next_pass(world: World) -> None:
    stream = await cold_stream(world, 2, old=1)
    await set_policy(world.mongo, PROJECT, {"metrics": 30.0})
    await keep_retention(world.mongo, time())
    assert await manifest.declare_intent(world.mongo, stream, 0, owner="slept", lease_s=60, want=CHUNK) is not None
    assert await sweep(world.mongo, world.objects, 0.0) == 0  # its epoch is 1, as the object's
    await keep_retention(world.mongo, time())
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    await check_from(world, stream, 1, 2)


async def test_what_became_cold_at_an_unknown_time_stays(world: World) -> None:
    stream = await cold_stream(world, 2, old=0)
    await world.mongo.chunks.update_many({}, {"$set": {"live.stored_at": 0.0}})
    await set_policy(world.mongo, PROJECT, {"metrics": 1.0})
    assert await keep_retention(world.mongo, time()) == 0
    await check_from(world, stream, 0, 2)


async def test_a_stale_expiry_takes_nothing_that_is_not_cold(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(CHUNK)
    state = await candidates.read_stream(world.mongo, chain.id)
    assert state is not None
    await expire(world.mongo, Expiry(prefix=PREFIX.text, stream=state, new_floor=CHUNK))
    assert await chain.read() == chain.expected()


async def test_the_command_says_shows_and_counts(world: World) -> None:
    await cold_stream(world, 4, old=2)
    variables = environment(world)

    async def run(*arguments: str, **more: Any) -> Any:
        return await asyncio.to_thread(lambda: run_mldash("retention", *arguments, **more, **variables))

    assert "for ever" in (await run()).stdout
    counted = json.loads((await run(PROJECT, "--metrics", "30d", "--dry-run", "--json")).stdout)
    assert [(one["kind"], one["name"], one["events"]) for one in counted] == [("metrics", "loss", 2 * CHUNK)]
    assert await read_policies(world.mongo) == []
    await run(OWNER, "--logs", "8w", "--metrics", "1y")
    shown = json.loads((await run(PROJECT, "--metrics", "30", "--logs", "forever", "--json")).stdout)
    assert shown == {OWNER: {"logs": 56.0, "metrics": 365.0}, PROJECT: {"metrics": 30.0, "logs": None}}
    assert "20000 events of 1 streams" in (await run("--dry-run")).stdout
    await run(PROJECT, "--metrics", "default", "--logs", "default")
    assert [one.subject for one in await read_policies(world.mongo)] == [OWNER]
    for wrong in (["--logs", "30d"], [PROJECT, "--logs", "soon"], ["a/b/c", "--logs", "1d"]):
        refused = await run(*wrong, check=False)
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr


async def test_chunks_are_listed_with_their_places(world: World) -> None:
    stream = await cold_stream(world, 3, old=0, joined=True)
    listed = await asyncio.to_thread(lambda: run_mldash("chunks", PREFIX.text, "--json", **environment(world)))
    [found] = json.loads(listed.stdout)
    assert (found["kind"], found["name"], found["hotEvents"]) == ("metrics", "loss", 0)
    lives = [chunk.live for chunk in await manifest.live_chunks(world.mongo, stream, 0)]
    told = [(one["first"], one["end"], one["key"], one["offset"], one["bytes"]) for one in found["chunks"]]
    assert told == [
        (k * CHUNK, live.end, live.key, live.offset, live.bytes) for k, live in enumerate(lives) if live is not None
    ]
    table = await asyncio.to_thread(lambda: run_mldash("chunks", PREFIX.text, **environment(world)))
    assert "0 … 29999" in table.stdout
    missing = await asyncio.to_thread(lambda: run_mldash("chunks", "no/body/here", check=False, **environment(world)))
    assert (missing.returncode, "no experiment" in missing.stderr) == (1, True)
    assert np.isfinite(found["chunks"][0]["t0"])
