"""The summaries of a stretch of a metric as blocks of a view, wherever they lie: levels, manifest, objects.

Summaries never change, for their events are cold and final: so these reads need no causal session. A summary that has
gone was moved or deleted meanwhile (Moved: plan anew); an object that is gone or broken is judged as everywhere
(cold.py).
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from mldash_api.seam.attempts import Moved
from mldash_api.seam.cold import all_of, judged
from mldash_api.stores.streams import Stores, StreamRef
from mldash_compactor.chunks import levels
from mldash_compactor.chunks.levels import RECORDS, Block
from mldash_compactor.chunks.manifest import Chunk, Live
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.parquet.columns import Reading
from mldash_compactor.chunks.parquet.metadata import blocks_of
from mldash_compactor.chunks.summaries import BLOCK_ROWS, FIELD_LIMIT, LEVELS, PLACES, UNKNOWN, FieldBlocks
from mldash_ingest.documents.buckets import CHUNK

from .dots import Numbers
from .drawing import Blocks, Spots
from .grains import Stretch

_MANIFEST: Final = LEVELS[0]


class Asked(NamedTuple):
    """Whose summaries: of these fields, None: of all that have some. `joined`: up to where levels reach, as the
    stream's document says now. `by_time`: blocks lie where their times are, else where their indices are."""

    stream: StreamRef
    names: Collection[str] | None
    joined: int
    by_time: bool = False


class NotSummarised(Exception):
    """A field that was asked for has no summaries in a part of the range: only its points tell."""


class TimedBlocks(NamedTuple):
    """Blocks of one grain with their times, without any field: where to look closer."""

    first: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def take(self, places: NDArray[np.bool_]) -> "TimedBlocks":
        return TimedBlocks(self.first[places], self.low[places], self.high[places])


async def read_blocks(stores: Stores, asked: Asked, stretch: Stretch) -> list[Blocks]:
    """Raises Moved, NotSummarised, DamagedRange, ServerAway."""
    if stretch.grain == BLOCK_ROWS:
        return await _of_objects(stores, asked, stretch)
    if stretch.grain == _MANIFEST:
        return await _of_chunks(stores, asked, stretch)
    return [_of_level(block, asked, stretch) for block in await _levels(stores, asked, stretch)]


async def read_times(stores: Stores, stream: StreamRef, stretch: Stretch, joined: int) -> TimedBlocks:
    """Of blocks of 10,000 events or more: when each begins and ends. Raises Moved."""
    asked = Asked(stream, (), joined)
    if stretch.grain == _MANIFEST:
        blocks, chunks = await _split(stores, asked, stretch)
        first = [block.first_index + at * CHUNK for block in blocks for at in range(RECORDS)] + [
            chunk.k * CHUNK for chunk in chunks
        ]
    else:
        blocks, chunks = await _levels(stores, asked, stretch), list[Chunk]()
        first = [block.first_index + at * stretch.grain for block in blocks for at in range(RECORDS)]
    low = b"".join(block.t0 for block in blocks)
    high = b"".join(block.t1 for block in blocks)
    lives = [chunk.live for chunk in chunks if chunk.live is not None]
    found = TimedBlocks(
        np.array(first, np.int64),
        np.concatenate([np.frombuffer(low, "<f8"), np.array([live.t0 for live in lives], "<f8")]),
        np.concatenate([np.frombuffer(high, "<f8"), np.array([live.t1 for live in lives], "<f8")]),
    )
    chosen = (found.first >= stretch.first) & (found.first < stretch.end)
    return found.take(chosen)


async def _levels(stores: Stores, asked: Asked, stretch: Stretch) -> list[Block]:
    """The documents that hold the stretch. Raises Moved where one is gone."""
    span = stretch.grain * RECORDS
    numbers = range(stretch.first // span, -(-stretch.end // span))
    level = LEVELS.index(stretch.grain)
    blocks = await levels.read_blocks(stores.mongo, asked.stream.id, level, numbers, asked.names)
    if len(blocks) < len(numbers):
        raise Moved(stretch.first)
    return blocks


async def _split(stores: Stores, asked: Asked, stretch: Stretch) -> tuple[list[Block], list[Chunk]]:
    """Summaries of 10,000: in levels where these reach, in the manifest behind."""
    seam = min(max(stretch.first, asked.joined), stretch.end)
    blocks = list[Block]()
    if stretch.first < seam:
        blocks = await _levels(stores, asked, Stretch(_MANIFEST, stretch.first, seam))
    return blocks, await _full_chunks(stores, asked, seam, stretch.end)


async def _full_chunks(stores: Stores, asked: Asked, first: int, end: int) -> list[Chunk]:
    """The chunks of a range whose ends are chunks' ends. Raises Moved where one is not there in full."""
    if first >= end:
        return []
    ks = range(first // CHUNK, end // CHUNK)
    chunks = await stores.full_chunks.get(stores.mongo, asked.stream.id, ks.start, ks.stop, asked.joined)
    if len(chunks) < len(ks):
        there = {one.k for one in chunks}
        raise Moved(next(k for k in ks if k not in there) * CHUNK)
    return chunks


def _of_level(block: Block, asked: Asked, stretch: Stretch) -> Blocks:
    start = max(0, (stretch.first - block.first_index) // stretch.grain)
    stop = min(RECORDS, (stretch.end - block.first_index) // stretch.grain)
    fields = {field.name: field.array()[start:stop] for field in block.fields}
    first = block.first_index + np.arange(start, stop, dtype=np.int64) * stretch.grain
    if asked.by_time:
        low, high = (np.frombuffer(times, "<f8")[start:stop] for times in (block.t0, block.t1))
    else:
        low, high = first.astype(np.float64), (first + stretch.grain - 1).astype(np.float64)
    spots = _spots(fields, asked.names, limited=block.limited)
    return Blocks(np.full(stop - start, stretch.grain, np.int64), low, high, spots)


async def _of_chunks(stores: Stores, asked: Asked, stretch: Stretch) -> list[Blocks]:
    blocks, chunks = await _split(stores, asked, stretch)
    made = [_of_level(block, asked, stretch) for block in blocks]
    for number, group in groupby(chunks, lambda chunk: chunk.k // RECORDS):
        own = {chunk.k: chunk.live for chunk in group if chunk.live is not None}
        block = structs.replace(levels.of_chunks(asked.stream.id, number, own), limited=_limited(own.values()))
        part = Stretch(_MANIFEST, min(own) * CHUNK, (max(own) + 1) * CHUNK)
        made.append(_of_level(block, asked, part))
    return made


def _limited(lives: Iterable[Live]) -> bool:
    """Whether one of these chunks may have a numeric field without a summary."""
    return any(live.summary_count() >= FIELD_LIMIT for live in lives)


async def _of_objects(stores: Stores, asked: Asked, stretch: Stretch) -> list[Blocks]:
    """Of every 500 events, an object after the other."""
    begin, end = stretch.first // CHUNK * CHUNK, -(-stretch.end // CHUNK) * CHUNK
    stretches = by_object(await _full_chunks(stores, asked, begin, end))
    slots = asyncio.Semaphore(stores.settings.chunk_fetches)

    async def one(chunks: list[tuple[int, Live]]) -> Blocks:
        async with slots:
            return await _of_object(stores, asked, chunks, stretch)

    return await all_of([one(chunks) for chunks in stretches])


def by_object(chunks: Iterable[Chunk]) -> list[list[tuple[int, Live]]]:
    """Chunks that follow each other in one object, together; full ones, in order. While a join is committed, and where
    entries were read before and after it, an object may hold the chunks on both sides of one that stands alone."""
    found = list[list[tuple[int, Live]]]()
    for chunk in chunks:
        assert chunk.live is not None, "full chunks are live"
        if found and found[-1][-1][0] == chunk.k - 1 and found[-1][-1][1].key == chunk.live.key:
            found[-1].append((chunk.k, chunk.live))
        else:
            found.append([(chunk.k, chunk.live)])
    return found


async def _of_object(stores: Stores, asked: Asked, chunks: Sequence[tuple[int, Live]], stretch: Stretch) -> Blocks:
    first_k, live = chunks[0]
    held = (first_k, 1) if live.joined is None else (live.joined.first_k, live.joined.count)
    begin, behind = held[0] * CHUNK, (held[0] + held[1]) * CHUNK
    try:
        async with judged(stores, asked.stream, first_k, live, (begin, behind)):
            found = await _blocks_in(stores, live, asked.names)
    except Moved:
        stores.full_chunks.drop(asked.stream.id, first_k)
        raise
    first, end = max(stretch.first, first_k * CHUNK), min(stretch.end, (chunks[-1][0] + 1) * CHUNK)
    start, stop = (first - begin) // BLOCK_ROWS, (end - begin) // BLOCK_ROWS
    fields = {one.name: one.array()[start:stop] for one in found}
    lacking = asked.names is not None and not set(asked.names) <= fields.keys()
    spots = _spots(fields, asked.names, limited=lacking and _limited(live for _, live in chunks), begin=begin)
    events = np.full(stop - start, BLOCK_ROWS, np.int64)
    if asked.by_time:
        return Blocks(events, *_times_of(spots, chunks, first, end), spots)
    index = np.arange(first, end, BLOCK_ROWS, dtype=np.float64)
    return Blocks(events, index, index + (BLOCK_ROWS - 1), spots)


async def _blocks_in(stores: Stores, live: Live, names: Collection[str] | None) -> Sequence[FieldBlocks]:
    """Of a joined object one part of it says them all; a chunk that stands alone has them in its own metadata."""
    if live.joined is not None:
        return await stores.blocks.get(live, names)
    tail = await stores.chunks.parts.tail(live)
    text = Reading(await read_chunk(stores.objects, live)).text if tail is None else tail.text
    found = blocks_of(text)
    return [one for one in found if names is None or one.name in names]


def _times_of(
    spots: Mapping[str, Spots], chunks: Sequence[tuple[int, Live]], first: int, end: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When blocks begin and end: as their spots say, and where these have no number as if a chunk's time ran evenly."""
    place = (np.arange(first, end, BLOCK_ROWS) - chunks[0][0] * CHUNK) / CHUNK
    k = place.astype(np.int64)
    t0, t1 = np.array([live.t0 for _, live in chunks]), np.array([live.t1 for _, live in chunks])
    low, high = np.full(len(k), np.inf), np.full(len(k), -np.inf)
    for one in spots.values():
        np.minimum.at(low, one.block, one.times)
        np.maximum.at(high, one.block, one.times)
    evenly = t0[k] + (t1[k] - t0[k]) * (place - k)
    empty = low > high
    return np.where(empty, evenly, low), np.where(empty, evenly, high)


def _spots(
    fields: Mapping[str, NDArray[Any]], names: Collection[str] | None, *, limited: bool, begin: int | None = None
) -> dict[str, Spots]:
    """`begin`: the index of row 0, where records have rows. Raises NotSummarised."""
    if names is not None and limited and not set(names) <= fields.keys():
        raise NotSummarised
    found = dict[str, Spots]()
    for name, records in fields.items():
        if names is not None and (records["nan_count"] == UNKNOWN).any():
            raise NotSummarised
        has_numbers = records["count"] > 0
        block = np.flatnonzero(has_numbers)
        there = records if len(block) == len(records) else records[has_numbers]
        index = [
            there[f"{place}_index"] if begin is None else begin + there[f"{place}_row"].astype(np.int64)
            for place in PLACES
        ]
        found[name] = Spots(
            np.concatenate([block] * len(PLACES)),
            np.concatenate(index),
            np.concatenate([there[f"{place}_time"] for place in PLACES]),
            Numbers.of(np.concatenate([there[place] for place in PLACES])),
            int(there["count"].sum()),
            block,
            there["count"].astype(np.int64),
            there["sum"],
        )
    return found
