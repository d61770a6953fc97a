"""The steps of one chunk, from hot buckets to a cold object. The order is the guarantee (docs/protocol.md 4).

    declare_intent     the chunk's document: lease, fence and manifest entry in one. Judged by what it returns: where
                       its live end is beyond the cold end, a compactor died after the commit; the rest is finished
    read_rows          the live object's rows, if any, and the chain from the cold end on; then the cold end once more
    put_object         under a key that holds the intent's epoch and was never used before
    verify_object      read the bytes back and compute their checksum
    commit             the object becomes the one that counts, if the epoch is still the intent's
    cover_by_snapshot  events that leave the chain must be in a snapshot, after the commit
    advance_cold_end   readers take the chunk from here on
    delete_hot         readers no longer use the buckets below the cold end

A crash between two steps leaves the old state or the new, and perhaps an orphan object, which the sweep finds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, time
from typing import Final

import structlog

from mldash.events.identity import Prefix
from mldash_compactor import instruments
from mldash_compactor.chunks import checksum, entries, keys, manifest, points
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.manifest import Chunk, Live
from mldash_compactor.chunks.objects import Encoded, read_chunk, read_metadata
from mldash_compactor.chunks.parquet.inherited import read_known
from mldash_compactor.chunks.parquet.metadata import Metadata, merge_sources
from mldash_compactor.chunks.parquet.mixed_types import Field
from mldash_compactor.chunks.rows import Part
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.errors import ChunkHeld, HoleInChain, RangeMoved, StreamClosed
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source
from mldash_ingest.documents.crowd import KEPT
from mldash_ingest.documents.mongo import Mongo, PyMongoError

from .candidates import Range, StreamState, delete_below_cold
from .chain import read_chain
from .covering import cover
from .large import LargeChunk, Made, Scan, read_back

LARGE_BYTES: Final = 64 << 20
"""Hot bytes above which a chunk goes through in parts."""

_COMMIT_TRIES: Final = 4
_FIRST_DELAY_S: Final = 0.1
_log = structlog.get_logger()


class Move:
    """One chunk on its way: what is given, and what each step found for those after it."""

    def __init__(
        self,
        mongo: Mongo,
        objects: ObjectStore,
        stream: StreamState,
        prefix: Prefix,
        range_: Range,
        *,
        owner: str,
        lease_s: float,
        hot_bytes: int = 0,
        snapshot_sessions: int = KEPT,
    ) -> None:
        self.mongo, self.objects = mongo, objects
        self.stream, self.prefix = stream, prefix
        self.k, self.want = range_
        self.is_large = hot_bytes > LARGE_BYTES
        self.owner, self.lease_s, self.snapshot_sessions = owner, lease_s, snapshot_sessions
        self.intent: Chunk | None = None
        self.intent_s = 0.0
        self.parts: list[Part] = []
        self.sources: list[Source] = []
        self.cuts: list[int] = []
        self.known: list[Field] = []
        """The stream's fields in the chunks before this one."""

        self.span = (0.0, 0.0)
        self.scan: Scan | None = None
        """Of a chunk that is too large to be held."""

        self.key = ""
        self.made: Made | None = None
        self.live: Live | None = None
        """The committed object: this move's, or that of one who died after the commit."""

    @property
    def epoch(self) -> int:
        return intent_of(self).epoch


async def declare_intent(move: Move) -> None:
    """Take the chunk, and judge by what the intent returned, never by an earlier read."""
    begun = monotonic()
    move.intent = await manifest.declare_intent(
        move.mongo, move.stream.id, move.k, owner=move.owner, lease_s=move.lease_s, want=move.want
    )
    move.intent_s = monotonic() - begun
    if move.intent is None:
        raise ChunkHeld(move.stream.id, move.k)
    live = move.intent.live
    if live is not None and live.end > move.stream.cold:
        move.live = live
        await manifest.release(move.mongo, move.intent)
        instruments.chunks_finished.inc()
        _log.info("finishing a committed chunk", stream=move.stream.id.hex(), chunk=move.k, end=live.end)


async def read_rows(move: Move) -> None:
    """The rows of [k·10,000, want), by exact boundaries; then the cold end once more, causally after."""
    stream, cold = move.stream.id, move.stream.cold
    live = move.intent.live if move.intent else None
    begin = move.k * CHUNK if live is None else live.end
    if begin != cold:
        raise HoleInChain(stream, begin, cold)
    move.known = await read_known(move.mongo, stream, move.k, live)
    if live is not None:
        await _read_live(move, live)
    elif move.is_large and await _scan(move):
        return
    buckets = await read_chain(move.mongo, stream, cold, move.want)
    take(move, buckets, live)


async def _scan(move: Move) -> bool:
    """The first of two passes; False where the entries of a track must be laid over one another in memory."""
    found = await _large(move).scan()
    if move.stream.kind == "tracks" and not found.follows_in_time:
        _log.info("a large chunk is folded in memory", stream=move.stream.id.hex(), chunk=move.k)
        return False
    move.scan, move.sources, move.cuts, move.span = found, found.sources, found.cuts, found.span
    return True


def _large(move: Move) -> LargeChunk:
    return LargeChunk(move.mongo, move.stream.id, move.k, move.stream.cold, move.want)


async def _read_live(move: Move, live: Live) -> None:
    data = await read_chunk(move.objects, live)
    decode = points.decode if move.stream.kind == "metrics" else entries.decode
    move.parts.append(await asyncio.to_thread(decode, data))
    before = await asyncio.to_thread(read_metadata, data)
    move.sources += before.sources
    move.cuts += before.cuts


def take(move: Move, buckets: Sequence[Bucket], live: Live | None) -> None:
    """The rows that the object will hold: the live object's rows, which are there already, and these."""
    move.parts += buckets
    move.sources = merge_sources([*move.sources, *(source for bucket in buckets for source in bucket.sources)])
    move.cuts += [bucket.first_index for bucket in buckets]
    spans = [(bucket.t0, bucket.t1) for bucket in buckets] + ([(live.t0, live.t1)] if live else [])
    move.span = min(t0 for t0, _ in spans), max(t1 for _, t1 in spans)


async def put_object(move: Move) -> None:
    """Encode the rows and put them; what the store tries again are the same bytes under the same key."""
    parts = keys.KeyParts(move.stream.id, move.stream.generation, move.k, move.epoch)
    move.key = keys.object_key(move.prefix, parts)
    if move.scan is not None:
        move.made = await _large(move).write(move.objects, move.key, move.scan, _metadata(move), move.known)
        move.scan = None
    else:
        encoded = await asyncio.to_thread(_encode, move)
        move.parts.clear()
        crc32c = checksum.crc32c(encoded.data)
        await move.objects.put(move.key, encoded.data, crc32c)
        move.made = Made(
            len(encoded.data),
            crc32c,
            encoded.packed_schema(),
            encoded.packed_summaries(),
            encoded.tail_bytes,
            checksum.crc32c(encoded.data[-encoded.tail_bytes :]),
        )
    instruments.object_bytes.labels(move.stream.kind).inc(move.made.size)


def _encode(move: Move) -> Encoded:
    if move.stream.kind == "metrics":
        return points.encode(points.fold(move.parts), _metadata(move), move.known)
    return entries.encode(entries.fold(move.parts), _metadata(move), move.known)


def _metadata(move: Move) -> Metadata:
    return Metadata(
        prefix=move.prefix.text,
        kind=move.stream.kind,
        name=move.stream.name,
        stream=move.stream.id,
        generation=move.stream.generation,
        k=move.k,
        first_index=move.k * CHUNK,
        end_index=move.want,
        sources=move.sources,
        cuts=move.cuts,
    )


async def verify_object(move: Move) -> None:
    """Read the bytes back. Raises ChunkDamaged where they differ: the next try has a new epoch and a new key."""
    assert move.made is not None
    size, crc32c = await read_back(move.objects, move.key)
    if size != move.made.size:
        raise ChunkDamaged(move.key, f"{size} bytes came back, {move.made.size} were put")
    checksum.compare(move.key, size, crc32c, move.made.crc32c)


async def commit(move: Move) -> None:
    """Make the object count. Without an answer the same again: the epoch and live.end make it harmless."""
    live = committed(move)
    if not await until_answered(lambda: manifest.commit(move.mongo, intent_of(move), live), move.key):
        raise RangeMoved(move.stream.id, move.k, f"its epoch {move.epoch} has passed")
    move.live = live


def intent_of(move: Move) -> Chunk:
    assert move.intent is not None, "the intent comes first"
    return move.intent


def committed(move: Move) -> Live:
    """The entry that the commit writes: the object that was put and verified."""
    assert move.made is not None
    return Live(
        key=move.key,
        end=move.want,
        crc32c=move.made.crc32c,
        bytes=move.made.size,
        schema=move.made.schema,
        summaries=move.made.summaries,
        t0=move.span[0],
        t1=move.span[1],
        stored_at=time(),
        tail_bytes=move.made.tail_bytes,
        tail_crc32c=move.made.tail_crc32c,
    )


async def until_answered(send: Callable[[], Awaitable[bool]], key: str) -> bool:
    """The answer of a commit; the same again where MongoDB gives none, a few times."""
    delay = _FIRST_DELAY_S
    for attempt in range(1, _COMMIT_TRIES + 1):
        try:
            return await send()
        except PyMongoError as error:
            if attempt == _COMMIT_TRIES:
                raise
            _log.warning("commit without an answer, the same again", key=key, error=str(error), delay_s=delay)
        await asyncio.sleep(delay)
        delay *= 2
    raise AssertionError("unreachable: the last try returns or raises")


async def cover_by_snapshot(move: Move) -> None:
    """A snapshot that reaches the committed end at least; one that did when the stream was read still does."""
    assert move.live is not None
    if move.stream.next >= move.live.end:
        return
    await cover(move.mongo, move.stream.id, move.live.end, sessions=move.snapshot_sessions)


async def advance_cold_end(move: Move) -> None:
    """Only where a snapshot covers it, and never back."""
    assert move.live is not None
    covered = {"_id": move.stream.id, "next": {"$gte": move.live.end}}
    done = await move.mongo.streams.update_one(covered, {"$max": {"cold": move.live.end}})
    if not done.matched_count:
        raise StreamClosed(move.stream.id)  # a snapshot never goes back: the document is gone


async def delete_hot(move: Move) -> None:
    """After the cold end moved, never before."""
    assert move.live is not None
    await delete_below_cold(move.mongo, move.stream.id, move.live.end)


Step = Callable[[Move], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (
    declare_intent,
    read_rows,
    put_object,
    verify_object,
    commit,
    cover_by_snapshot,
    advance_cold_end,
    delete_hot,
)

BEFORE_DELETION: Final = STEPS[:-1]
"""For one who moves several chunks of a stream and deletes behind the last."""

_TO_THE_COMMIT: Final = frozenset({read_rows, put_object, verify_object, commit})


async def run_steps(move: Move, steps: Sequence[Step] = STEPS) -> None:
    """The steps in order; those up to the commit only where the chunk is not committed already."""
    for step in steps:
        if move.live is None or step not in _TO_THE_COMMIT:
            await step(move)


async def move_chunk(move: Move, steps: Sequence[Step] = STEPS) -> None:
    """All steps; where one fails, others may have the chunk at once instead of after the lease."""
    started = monotonic()
    try:
        await run_steps(move, steps)
    except Exception:
        await release(move)
        raise
    count(move, monotonic() - started)


def count(move: Move, seconds: float) -> None:
    """A chunk that has become cold, for the operator."""
    assert move.live is not None
    kind = move.stream.kind
    instruments.chunks_moved.labels(kind).inc()
    instruments.events_moved.labels(kind).inc(move.live.end - move.stream.cold)
    instruments.move_seconds.observe(seconds)


async def release(move: Move) -> None:
    """Let others have a chunk that was not committed."""
    if move.intent is None or move.live is not None:
        return
    try:
        await manifest.release(move.mongo, move.intent)
    except PyMongoError as error:
        _log.warning("intent not released, its lease will pass", chunk=move.k, error=str(error))
