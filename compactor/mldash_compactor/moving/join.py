"""Neighbouring full chunks into one larger object, and the summaries over them (docs/protocol.md 4.9).

Every full million events of a stream, a span, is joined once all of it is cold:

    levels          the summaries over these chunks, and coarser ones over ten and a hundred spans
    for each run of chunks that fit together, all of the span where no field changes its type, these steps:
      declare_intents   on each chunk, with the object's key in it
      read_parts        each chunk's bytes, wherever its intent says they are, and their checksums
      put_object        the bytes end to end, under a key that holds the first intent's epoch
      verify_object     read it back
      commit            each chunk's document is moved to the object, one by one
    mark            `joined` of the stream's document: below it levels are complete and all chunks are joined

Rows are never touched: a chunk's bytes are what they were, and so are its checksum and its summaries. A crash between
two steps leaves each chunk where it was or where it goes, both of them there; the next compactor begins anew with a new
key, and the sweep takes objects that no chunk names.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from mldash.events.identity import Prefix
from mldash_compactor import instruments
from mldash_compactor.chunks import checksum, keys, levels, manifest
from mldash_compactor.chunks.errors import ChunkDamaged, FilesDiffer, ObjectMissing
from mldash_compactor.chunks.join_intents import commit_join, declare_join, release_join
from mldash_compactor.chunks.joined import JoinedObject, fit_together, join
from mldash_compactor.chunks.levels import FAN, RECORDS, SPAN
from mldash_compactor.chunks.manifest import Chunk, Live
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.chunks.summaries import LEVELS
from mldash_compactor.errors import ChunkHeld, ManifestHole, RangeMoved
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Mongo, PyMongoError

from .candidates import StreamState

_READS: Final = 8
_log = structlog.get_logger()


def due_spans(stream: StreamState) -> range:
    """Numbers of the spans that are all cold and not joined yet."""
    return range(max(stream.joined, stream.floor) // SPAN, stream.cold // SPAN)


def plan_runs(chunks: Sequence[Chunk], most_bytes: int) -> list[list[Chunk]]:
    """Neighbours that can share an object of at most so many bytes, two or more; those that do already are left out."""
    runs: list[list[Chunk]] = []
    rest = list(chunks)
    while rest:
        run = _take_run(rest, most_bytes)
        rest = rest[len(run) :]
        if len(run) > 1 and not _share_an_object(run):
            runs.append(run)
    return runs


def _take_run(chunks: Sequence[Chunk], most_bytes: int) -> list[Chunk]:
    lives = [_live(chunk) for chunk in chunks]
    count, total = 0, 0
    for number, (chunk, live) in enumerate(zip(chunks, lives, strict=True)):
        total += live.bytes
        if chunk.k != chunks[0].k + number or total > most_bytes:
            break
        count += 1
    return list(chunks[: max(1, fit_together([live.stored_fields() for live in lives[:count]]))])


def _share_an_object(run: Sequence[Chunk]) -> bool:
    joined = _live(run[0]).joined
    return joined is not None and joined.count == len(run) and len({_live(chunk).key for chunk in run}) == 1


def _live(chunk: Chunk) -> Live:
    assert chunk.live is not None, "only chunks with a live object are joined"
    return chunk.live


class Join:
    """One run of chunks on its way into one object."""

    def __init__(
        self,
        mongo: Mongo,
        objects: ObjectStore,
        stream: StreamState,
        prefix: Prefix,
        chunks: Sequence[Chunk],
        *,
        owner: str,
        lease_s: float,
    ) -> None:
        self.mongo, self.objects = mongo, objects
        self.stream, self.chunks = stream, chunks
        self.owner, self.lease_s = owner, lease_s
        first = chunks[0]
        self.key = keys.object_key(
            prefix, keys.KeyParts(stream.id, stream.generation, first.k, first.epoch + 1, len(chunks))
        )
        self.intents: list[Chunk] = []
        self.parts: list[bytes] = []
        self.made: JoinedObject | None = None
        self.crc32c = 0


async def declare_intents(run: Join) -> None:
    """Take every chunk, or none. What they return says where the bytes are, not what was read before."""
    run.intents = await declare_join(run.mongo, run.chunks, run.key, owner=run.owner, lease_s=run.lease_s)
    if not run.intents:
        raise ChunkHeld(run.stream.id, run.chunks[0].k)
    if any(intent.live is None or intent.live.end != (intent.k + 1) * CHUNK for intent in run.intents):
        raise RangeMoved(run.stream.id, run.chunks[0].k, "a chunk of the run is not full")


async def read_parts(run: Join) -> None:
    """The chunks' own bytes, a few at once. Raises ChunkDamaged, ObjectMissing."""
    slots = asyncio.Semaphore(_READS)

    async def read(live: Live) -> bytes:
        async with slots:
            return await read_chunk(run.objects, live)

    tasks = [asyncio.ensure_future(read(_live(intent))) for intent in run.intents]
    try:
        run.parts = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def put_object(run: Join) -> None:
    """The bytes end to end; what the store tries again are the same bytes under the same key."""
    run.made = await asyncio.to_thread(join, run.parts)
    run.parts = []
    run.crc32c = checksum.crc32c(run.made.data)
    await run.objects.put(run.key, run.made.data, run.crc32c)


async def verify_object(run: Join) -> None:
    """Read the bytes back. Raises ChunkDamaged where they differ."""
    assert run.made is not None
    checksum.check(run.key, await run.objects.get(run.key), run.crc32c)


async def commit(run: Join) -> None:
    """Each chunk's document names the object now. Raises RangeMoved where an intent was lost on the way."""
    assert run.made is not None
    lives = {
        intent.k: _moved(_live(intent), run.key, offset, run.made)
        for intent, offset in zip(run.intents, run.made.offsets, strict=True)
    }
    if not await commit_join(run.mongo, run.intents, lives):
        raise RangeMoved(run.stream.id, run.chunks[0].k, "an intent of the join was lost")


def _moved(live: Live, key: str, offset: int, made: JoinedObject) -> Live:
    fields = {name: getattr(live, name) for name in Live.__struct_fields__}
    return Live(**{**fields, "key": key, "offset": offset, "joined": made.joined})


Step = Callable[[Join], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (declare_intents, read_parts, put_object, verify_object, commit)


async def run_steps(run: Join, steps: Sequence[Step] = STEPS) -> None:
    """The steps in order; where one fails, others may have the chunks at once instead of after the lease."""
    try:
        for step in steps:
            await step(run)
    except Exception:
        if run.intents:
            await _release(run)
        raise
    instruments.chunks_joined.labels(run.stream.kind).inc(len(run.chunks))


async def _release(run: Join) -> None:
    try:
        await release_join(run.mongo, run.intents, run.key)
    except PyMongoError as error:
        _log.warning("intents not released, their lease will pass", key=run.key, error=str(error))


async def span_chunks(mongo: Mongo, stream: StreamState, span: int) -> list[Chunk]:
    """The chunks of a span from the stream's floor on. Raises ManifestHole."""
    first_k, end_k = span * RECORDS, (span + 1) * RECORDS
    chunks = await manifest.live_chunks(mongo, stream.id, first_k, end_k - 1)
    found = {chunk.k for chunk in chunks if chunk.live is not None and chunk.live.end == (chunk.k + 1) * CHUNK}
    for k in range(max(first_k, -(-stream.floor // CHUNK)), end_k):
        if k not in found:
            raise ManifestHole(stream.id, k)
    return [chunk for chunk in chunks if chunk.k in found]


async def write_levels(mongo: Mongo, stream: bytes, span: int, chunks: Sequence[Chunk]) -> None:
    """The block over the span, and the coarser ones that end where it does."""
    await levels.insert(mongo, levels.of_chunks(stream, span, {chunk.k: _live(chunk) for chunk in chunks}))
    number = span
    for level in range(1, len(LEVELS)):
        if (number + 1) % FAN:
            return
        number //= FAN
        wanted = range(number * FAN, (number + 1) * FAN)
        found = {block.number: block for block in await levels.read_blocks(mongo, stream, level - 1, wanted)}
        finer = [found.get(one) or levels.unknown(stream, level - 1, one) for one in wanted]
        await levels.insert(mongo, levels.of_blocks(stream, level, number, finer))


async def join_run(run: Join) -> None:
    """All steps. Chunks that can't be joined are told of and stay as they are: the others go on."""
    try:
        await run_steps(run)
    except (ChunkDamaged, ObjectMissing, FilesDiffer) as error:
        _log.error("chunks not joined", key=run.key, error=str(error))
        instruments.moves_stopped.labels(type(error).__name__).inc()


async def mark(mongo: Mongo, stream: bytes, span: int) -> None:
    """Note that the span is done."""
    await mongo.streams.update_one({"_id": stream}, {"$max": {"joined": (span + 1) * SPAN}})
