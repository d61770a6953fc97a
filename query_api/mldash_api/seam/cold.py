"""The cold part of a stream: its chunks below the cold end, fetched side by side.

An object that is gone or broken does not prove damage: its chunk may have been written anew under another key. So its
document is read again; where it has changed the read starts over, otherwise it tells of damage, with the range.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from mldash_api import instruments
from mldash_api.errors import DamagedRange, ServerAway
from mldash_api.stores.chunk_cache import Decode
from mldash_api.stores.streams import Stores, StreamRef
from mldash_compactor.chunks import entries, manifest, points
from mldash_compactor.chunks.errors import ChunkDamaged, ObjectMissing, StoreRefused, StoreUnreachable
from mldash_compactor.chunks.manifest import Chunk, Live
from mldash_compactor.chunks.rows import Cold
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Session

from .attempts import Moved

_Answer = TypeVar("_Answer")

_DECODE: Final[dict[str, Decode]] = {"metrics": points.decode, "tracks": entries.decode}


async def chunks_between(
    stores: Stores,
    session: Session,
    stream: StreamRef,
    first_index: int,
    end_index: int,
    fields: Sequence[str] | None = None,
) -> list[Cold]:
    """The chunks that hold [first_index, end_index), all of it below `cold`, or these rows of them alone.

    For kinds with a row an event. Raises Moved where one is not there.
    """
    if first_index >= end_index:
        return []
    first_k, last_k = first_index // CHUNK, (end_index - 1) // CHUNK
    chunks = await manifest.live_chunks(stores.mongo, stream.id, first_k, last_k, session)
    found = {chunk.k: chunk for chunk in chunks}
    for k in range(first_k, last_k + 1):
        live = found[k].live if k in found else None
        if live is None or live.end < min(end_index, (k + 1) * CHUNK):
            raise Moved(max(first_index, k * CHUNK) if live is None else live.end)
    return await fetch(stores, stream, chunks, fields, range(first_index, end_index))


async def chunks_by_time(
    stores: Stores,
    session: Session,
    stream: StreamRef,
    cold: int,
    times: tuple[float, float],
    fields: Sequence[str] | None,
) -> list[Cold]:
    """The chunks below `cold` that have an event in `times` (both ends included), in index order.

    One that reaches beyond `cold` is taken whole: laying the chain from `cold` over it changes nothing.
    """
    chunks = await manifest.chunks_by_time(stores.mongo, stream.id, *times, session)
    return await fetch(stores, stream, [one for one in chunks if one.k * CHUNK < cold], fields)


async def fetch(
    stores: Stores,
    stream: StreamRef,
    chunks: Sequence[Chunk],
    fields: Sequence[str] | None,
    indices: range | None = None,
) -> list[Cold]:
    """The decoded chunks, or of large ones these rows alone; at most `chunk_fetches` on their way at once."""
    slots = asyncio.Semaphore(stores.settings.chunk_fetches)

    async def one(chunk: Chunk) -> Cold:
        async with slots:
            return await _fetch(stores, stream, chunk, fields, indices)

    return await all_of([one(chunk) for chunk in chunks])


async def all_of(reads: Sequence[Coroutine[Any, Any, _Answer]]) -> list[_Answer]:
    """The answers of these reads of one stream, made side by side. Where several fail, the gravest error counts."""
    if len(reads) == 1:
        return [await reads[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
    except* Exception as several:
        raise _gravest(several) from None
    return [task.result() for task in tasks]


def _gravest(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what several chunks met at once: damage stays, whatever else moved."""
    order = (DamagedRange, ServerAway, Moved)
    return min(several.exceptions, key=lambda error: order.index(type(error)) if type(error) in order else -1)


async def _fetch(
    stores: Stores, stream: StreamRef, chunk: Chunk, fields: Sequence[str] | None, indices: range | None
) -> Cold:
    live = chunk.live
    assert live is not None, "only chunks with a live object are asked for"
    async with judged(stores, stream, chunk.k, live, (chunk.k * CHUNK, live.end)):
        rows = await stores.chunks.get(live, _DECODE[stream.kind], fields, indices)
        _check_range(chunk, live, rows, indices)
    return rows


@asynccontextmanager
async def judged(stores: Stores, stream: StreamRef, k: int, live: Live, span: tuple[int, int]) -> AsyncIterator[None]:
    """The error of chunk k's object, in words of the stream: Moved, DamagedRange of this span, ServerAway."""
    try:
        yield
    except (ObjectMissing, ChunkDamaged) as error:
        now = await manifest.read_linearizable(stores.mongo, stream.id, k)  # a stale 'the same' would cry damage
        if now is None or now.live != live:
            raise Moved from error
        instruments.damaged.inc()
        reason = error.reason if isinstance(error, ChunkDamaged) else "the object is not there"
        raise DamagedRange(str(stream), *span, live.key, reason) from error
    except (StoreUnreachable, StoreRefused) as error:
        raise ServerAway("S3", str(error)) from error


def _check_range(chunk: Chunk, live: Live, rows: Cold, indices: range | None) -> None:
    first, end = chunk.k * CHUNK, live.end
    if indices is not None:
        first, end = max(first, indices.start), min(end, indices.stop)
    if rows.first_index > first or rows.end_index < end:
        held = f"indices {rows.first_index} … {rows.end_index - 1}"
        raise ChunkDamaged(live.key, f"it holds {held}, the manifest says {first} … {end - 1}")
