"""Full chunks of a long stream share larger objects; reads are the same before, between any two steps, and after."""

from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from benchmarks.cold_stream import columns_of_chunk, load, name_stream
from mldash_api.audit.chains import count_stream
from mldash_api.stores.streams import StreamRef
from mldash_compactor.chunks import joined, levels, manifest, points
from mldash_compactor.chunks.errors import ChunkDamaged, ObjectMissing
from mldash_compactor.chunks.levels import RECORDS, SPAN
from mldash_compactor.chunks.manifest import Chunk
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.errors import ChunkHeld, RangeMoved
from mldash_compactor.moving import candidates, join
from mldash_compactor.moving.join import STEPS, Join, declare_intents, put_object, run_steps
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .chains import compacting, eventually

pytestmark = pytest.mark.integration

Step = Callable[[Join], Awaitable[None]]


class ColdStream:
    """A metric whose full chunks are all in S3, none of them joined."""

    def __init__(self, world: World, chunk_count: int, name: str = "train") -> None:
        self.world, self.chunk_count = world, chunk_count
        self.stream = name_stream("owner/project/long", name)

    async def make(self) -> "ColdStream":
        await load(self.world.mongo, self.world.objects, self.stream, self.chunk_count * CHUNK, joined=False)
        return self

    async def chunks(self) -> list[Chunk]:
        return await manifest.live_chunks(self.world.mongo, self.stream.id, 0)

    async def join(self, chunks: list[Chunk] | None = None, owner: str = "test", lease_s: float = 60.0) -> Join:
        state = await candidates.read_stream(self.world.mongo, self.stream.id)
        assert state is not None
        return Join(
            self.world.mongo,
            self.world.objects,
            state,
            self.stream.prefix,
            chunks or await self.chunks(),
            owner=owner,
            lease_s=lease_s,
        )

    async def check_reads(self) -> None:
        """Every chunk, by its manifest entry, holds exactly its points."""
        chunks = await self.chunks()
        assert [chunk.k for chunk in chunks] == list(range(self.chunk_count))
        for chunk in chunks:
            assert chunk.live is not None
            cold = points.decode(await read_chunk(self.world.objects, chunk.live))
            assert (cold.first_index, cold.end_index) == (chunk.k * CHUNK, (chunk.k + 1) * CHUNK)
            assert list(cold.columns) == columns_of_chunk(chunk.k)

    async def object_keys(self) -> list[str]:
        return [one.key async for one in self.world.objects.list() if self.stream.id.hex() in one.key]


@pytest.mark.parametrize("last", STEPS, ids=lambda step: step.__name__)
async def test_another_compactor_finishes_a_join_that_one_left(world: World, last: Step) -> None:
    """One stops after this step; its leases have passed when the other comes. Nothing is left but one object."""
    cold = await ColdStream(world, 4).make()
    await run_steps(await cold.join(lease_s=-1.0), STEPS[: STEPS.index(last) + 1])
    await cold.check_reads()
    assert await sweep(world.mongo, world.objects, 0.0) in (0, 4)
    await cold.check_reads()
    for run in join.plan_runs(await cold.chunks(), 1 << 30):
        await run_steps(await cold.join(run, owner="other"))
    await sweep(world.mongo, world.objects, 0.0)
    await cold.check_reads()
    assert len(await cold.object_keys()) == 1


@pytest.mark.parametrize("moved", [1, 3])
async def test_a_join_that_died_in_the_middle_of_its_commit_is_made_again(world: World, moved: int) -> None:
    """Some chunks' documents name the new object, the others the old ones."""
    cold = await ColdStream(world, 4).make()
    run = await cold.join(lease_s=-1.0)
    await run_steps(run, STEPS[:-1])
    run.intents, rest = run.intents[:moved], run.intents[moved:]
    made = run.made
    assert made is not None
    run.made = joined.JoinedObject(made.data, made.offsets[:moved], made.joined)
    await join.commit(run)
    assert rest
    await cold.check_reads()
    await sweep(world.mongo, world.objects, 0.0)
    await cold.check_reads()
    [again] = join.plan_runs(await cold.chunks(), 1 << 30)
    await run_steps(await cold.join(again, owner="other"))
    await sweep(world.mongo, world.objects, 0.0)
    await cold.check_reads()
    [key] = await cold.object_keys()
    assert key.endswith("/00000000-00000003-000003.parquet")


@pytest.mark.parametrize("last", STEPS[:-1], ids=lambda step: step.__name__)
async def test_a_joiner_that_slept_past_its_lease_can_commit_nothing(world: World, last: Step) -> None:
    """Another joins the chunks meanwhile, and the sweep runs; the sleeper wakes and goes on with its next step."""
    cold = await ColdStream(world, 3).make()
    sleeper = await cold.join(lease_s=-1.0)
    await run_steps(sleeper, STEPS[: STEPS.index(last) + 1])
    await run_steps(await cold.join(owner="other"))
    await sweep(world.mongo, world.objects, 0.0)
    with pytest.raises((RangeMoved, ObjectMissing)):
        await run_steps(sleeper, STEPS[STEPS.index(last) + 1 :])
    await cold.check_reads()
    await sweep(world.mongo, world.objects, 0.0)
    await cold.check_reads()
    [key] = await cold.object_keys()
    assert key.endswith("-000003.parquet")


async def test_the_sweep_leaves_a_joined_object_that_may_still_be_committed(world: World) -> None:
    """Of any age, and also when another has taken all chunks but one."""
    cold = await ColdStream(world, 3).make()
    paused = await cold.join(lease_s=-1.0)
    await run_steps(paused, STEPS[:-1])
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    taken = await cold.join((await cold.chunks())[:2], owner="other")
    await declare_intents(taken)
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    with pytest.raises(RangeMoved):
        await join.commit(paused)  # chunk 2 moves, the others' epochs have passed
    await cold.check_reads()
    await sweep(world.mongo, world.objects, 0.0)
    await cold.check_reads()


async def test_chunks_in_anothers_hands_are_left_to_it(world: World) -> None:
    cold = await ColdStream(world, 3).make()
    holder = await cold.join()
    await declare_intents(holder)
    with pytest.raises(ChunkHeld):
        await run_steps(await cold.join(owner="other"))
    last = await cold.join((await cold.chunks())[2:], owner="other", lease_s=60)
    with pytest.raises(ChunkHeld):
        await declare_intents(last)
    await run_steps(holder, STEPS[1:])
    await cold.check_reads()


async def test_a_join_that_finds_one_chunk_held_gives_the_others_back(world: World) -> None:
    cold = await ColdStream(world, 3).make()
    chunks = await cold.chunks()
    await manifest.declare_intent(world.mongo, cold.stream.id, 2, owner="x", lease_s=60, want=30_000)
    with pytest.raises(ChunkHeld):
        await run_steps(await cold.join(chunks))
    assert [chunk.until is None for chunk in await cold.chunks()] == [True, True, False]
    await cold.check_reads()


async def test_a_damaged_chunk_stays_by_itself_and_is_told(world: World) -> None:
    cold = await ColdStream(world, 3).make()
    [_, second, _] = await cold.chunks()
    assert second.live is not None
    await world.objects.put(second.live.key, b"other", joined.checksum.crc32c(b"other"))
    run = await cold.join()
    await join.join_run(run)
    assert all(chunk.live and chunk.live.joined is None and chunk.until is None for chunk in await cold.chunks())
    with pytest.raises(ChunkDamaged) as damage:
        await read_chunk(world.objects, second.live)
    assert damage.value.key == second.live.key


async def test_a_damaged_joined_object_costs_only_the_chunk_that_is_hit(world: World) -> None:
    cold = await ColdStream(world, 3).make()
    run = await cold.join()
    await run_steps(run)
    data = bytearray(await world.objects.get(run.key))
    lives = [chunk.live for chunk in await cold.chunks() if chunk.live]
    data[lives[1].offset + 500] ^= 1
    await world.objects.put(run.key, bytes(data), joined.checksum.crc32c(bytes(data)))
    for k in (0, 2):
        points.decode(await read_chunk(world.objects, lives[k]))
    with pytest.raises(ChunkDamaged, match="CRC32C"):
        await read_chunk(world.objects, lives[1])
    cut = bytes(data[: lives[2].offset + 10])
    await world.objects.put(run.key, cut, joined.checksum.crc32c(cut))
    with pytest.raises(ChunkDamaged, match="10 bytes came"):
        await read_chunk(world.objects, lives[2])


async def test_a_damaged_put_of_a_joined_object_never_counts(world: World) -> None:
    cold = await ColdStream(world, 2).make()
    run = await cold.join()
    await run_steps(run, STEPS[: STEPS.index(put_object) + 1])
    await world.objects.put(run.key, b"PAR1", joined.checksum.crc32c(b"PAR1"))
    with pytest.raises(ChunkDamaged):
        await run_steps(run, STEPS[STEPS.index(put_object) + 1 :])
    await cold.check_reads()
    await run_steps(await cold.join())
    await sweep(world.mongo, world.objects, 0.0)
    await cold.check_reads()
    assert len(await cold.object_keys()) == 1


async def test_finer_summaries_of_a_million_points_are_one_request(world: World) -> None:
    cold = await ColdStream(world, 5).make()
    await run_steps(await cold.join())
    live = (await cold.chunks())[3].live
    assert live is not None
    [loss] = await joined.read_blocks(world.objects, live, ["loss"])
    values = np.concatenate([np.frombuffer(columns_of_chunk(k)[0].data) for k in range(5)]).reshape(-1, 500)
    assert loss.array()["min"].tolist() == values.min(axis=1).tolist()
    assert loss.array()["max_row"].tolist() == (values.argmax(axis=1) + np.arange(100) * 500).tolist()
    assert [one.name for one in await joined.read_blocks(world.objects, live)] == ["loss", "step"]


async def test_a_span_that_is_all_cold_is_joined_and_summarised_by_the_compactor(world: World) -> None:
    """A million points and a rest; the next one finds nothing to do."""
    cold = await ColdStream(world, RECORDS + 3).make()
    due = {"due_at": 1.0}
    await world.mongo.streams.update_one({"_id": cold.stream.id}, {"$set": due})
    async with compacting(world.compactor()):

        async def marked() -> bool:
            document = await world.mongo.streams.find_one({"_id": cold.stream.id})
            return document is not None and document.get("joined") == SPAN and "due_at" not in document

        await eventually(marked, 60)
    chunks = await cold.chunks()
    lives = [chunk.live for chunk in chunks if chunk.live]
    assert {live.key for live in lives[:RECORDS]} == {lives[0].key}
    assert [live.joined is None for live in lives[RECORDS:]] == [True] * 3
    await sweep(world.mongo, world.objects, 0.0)
    assert len(await cold.object_keys()) == 4
    await cold.check_reads()
    [block] = await levels.read_blocks(world.mongo, cold.stream.id, 0, range(1), ["loss"])
    values = np.concatenate([np.frombuffer(columns_of_chunk(k)[0].data) for k in range(RECORDS)])
    [loss] = block.fields
    assert loss.array()["max"].tolist() == values.reshape(RECORDS, -1).max(axis=1).tolist()
    assert loss.array()["first_index"].tolist() == [k * CHUNK for k in range(RECORDS)]
    assert join.plan_runs(chunks[:RECORDS], 1 << 30) == []


async def test_the_audit_counts_what_is_joined_and_names_the_chunk_that_is_hit(world: World) -> None:
    cold = await ColdStream(world, 3).make()
    run = await cold.join()
    await run_steps(run)
    ref = StreamRef(cold.stream.id, "metrics", cold.stream.name, cold.stream.prefix.text)
    counted = await count_stream(world.mongo, world.objects, ref, lambda _: None)
    assert counted is not None
    assert (counted.chunks, counted.count.end, counted.live_keys) == (3, 3 * CHUNK, {run.key})
    assert [one.what for one in counted.findings if one.what != "snapshot-wrong"] == []
    data = bytearray(await world.objects.get(run.key))
    live = (await cold.chunks())[1].live
    assert live is not None
    data[live.offset + 500] ^= 1
    await world.objects.put(run.key, bytes(data), joined.checksum.crc32c(bytes(data)))
    counted = await count_stream(world.mongo, world.objects, ref, lambda _: None)
    assert counted is not None
    [damaged] = [one for one in counted.findings if one.what == "object-damaged"]
    assert (damaged.first, damaged.end) == (CHUNK, 2 * CHUNK)
