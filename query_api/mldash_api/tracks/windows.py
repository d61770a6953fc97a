"""A track in windows of time, however long it is: one after the other, in memory that does not grow with it.

Where windows end follows from when chunks and buckets begin and end, as if entries lay evenly between: a track that was
written in time order is cut where its chunks are, and each is opened once. Where a window holds far more than that, it
is cut short while it is read. So memory holds some windows' entries and the chunks on their way, in whatever order a
track was written; the time grows with how many chunks reach into each window.

Each window is read by itself, hot and cold as one, as the track is then.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from msgspec import structs

from mldash_api.limits import HOT_EVENTS_AT_ONCE, MOST_WINDOW_ROWS, WINDOW_ROWS
from mldash_api.seam import cold, hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.rows import Rows, alone, rows_of_times, times_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.rows import Part
from mldash_ingest.documents.buckets import CHUNK, bucket_id
from mldash_ingest.documents.mongo import Session

from .entries import Asked, Times, stored_names


class Span(NamedTuple):
    """When a bucket or chunk begins and ends, and how many entries it has at most."""

    first: float
    last: float
    rows: int


class Plan(NamedTuple):
    """Of a track as it was at the first look: when its entries of the times asked for begin and end, where its windows
    end, and whether each chunk reaches into one of them only."""

    span: Times | None
    ends: list[float]
    in_order: bool


async def plan_windows(stores: Stores, stream: StreamRef, asked: Asked) -> Plan:
    """Raises ReadOvertaken, ChainHasGap."""
    spans = await settled(stores.mongo, stream, lambda session: _spans(stores, session, stream, asked))
    if not spans:
        return Plan(None, [], True)
    span = max(asked.start, min(one.first for one in spans)), min(asked.end, max(one.last for one in spans))
    ends = [end for end in window_ends(spans, WINDOW_ROWS) if asked.start <= end < asked.end]
    follow = all(before.last < after.first for before, after in pairwise(sorted(spans)))
    return Plan(span, [*ends, asked.end], follow)


async def windows(stores: Stores, stream: StreamRef, asked: Asked, plan: Plan) -> AsyncGenerator[list[Rows]]:
    """The rows, in index order within a window; no two windows share a time. Raises DamagedRange where an object is
    broken: what came before is whole."""
    start, fields = asked.start, stored_names(asked.fields)
    if plan.in_order:  # else what one window has opened the next one needs again
        stores = structs.replace(stores, chunks=stores.chunks.passing())
    for end in plan.ends:
        while start <= end:
            rows, until = await _read_window(stores, stream, (start, end), fields)
            if rows:
                yield rows
            start = math.nextafter(until, math.inf)
            if until >= end:
                break


def window_ends(spans: Sequence[Span], rows: int) -> list[float]:
    """The last time of each window but the last one, so that each has about so many entries."""
    first, last = np.array([one.first for one in spans]), np.array([one.last for one in spans])
    count = np.array([one.rows for one in spans], np.float64)
    edges = np.unique(np.concatenate([first, last]))
    with np.errstate(over="ignore", invalid="ignore"):
        width = last - first
        rate = np.where(width > 0, count / np.where(width > 0, width, 1.0), 0.0)
        slope = np.zeros(len(edges))
        np.add.at(slope, np.searchsorted(edges, first), rate)
        np.add.at(slope, np.searchsorted(edges, last), -rate)
        at_once = np.zeros(len(edges))
        np.add.at(at_once, np.searchsorted(edges, first), np.where(width > 0, 0.0, count))
        between = np.concatenate([[0.0], np.cumsum(slope)[:-1] * np.diff(edges)])
        behind = np.cumsum(between + at_once)  # how many entries lie up to each edge
    if not np.isfinite(behind).all():
        return []  # times as far apart as floats go: one window, cut short as it is read
    # A span of next to no width has so steep a slope that what is left of it, once taken off again, is more than all
    # others: no more lie up to an edge than have begun by then, no fewer than have ended.
    begun, ended = np.zeros(len(edges)), np.zeros(len(edges))
    np.add.at(begun, np.searchsorted(edges, first), count)
    np.add.at(ended, np.searchsorted(edges, last), np.where(np.isfinite(width), count, 0.0))
    behind = np.clip(behind, np.cumsum(ended), np.cumsum(begun))
    # Rounded, so that what is reached exactly where a chunk ends is not sought in the next one.
    reached = np.maximum.accumulate(np.round(np.column_stack([behind - at_once, behind]).ravel(), 3))
    times = np.repeat(edges, 2)
    wanted = np.arange(1, int(behind[-1] // rows) + 1) * float(rows)
    at = np.minimum(np.searchsorted(reached, wanted), len(times) - 1)
    step = np.maximum(reached[at] - reached[at - 1], 1e-3)
    ends = times[at] - (times[at] - times[at - 1]) * np.clip((reached[at] - wanted) / step, 0.0, 1.0)
    found: list[float] = np.unique(ends[ends < edges[-1]]).tolist()
    return found


async def _spans(stores: Stores, session: Session, stream: StreamRef, asked: Asked) -> list[Span]:
    """Raises Moved."""
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return []
    times = {"$gte": asked.start}, {"$lte": asked.end}
    chunks = {"_id.s": stream.id, "live.t1": times[0], "live.t0": times[1]}
    only = {"live.t0": 1, "live.t1": 1}
    spans = [
        Span(one["live"]["t0"], one["live"]["t1"], CHUNK)
        async for one in stores.mongo.chunks.find(chunks, only, session=session)
        if one["_id"]["k"] * CHUNK < seam.cold
    ]
    end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    buckets = {
        "_id": {"$gte": bucket_id(stream.id, seam.cold), "$lt": bucket_id(stream.id, end)},
        "s": stream.id,
        "kind": stream.kind,
        "t1": times[0],
        "t0": times[1],
    }
    async for one in stores.mongo.buckets.find(buckets, {"t0": 1, "t1": 1, "n": 1}, session=session):
        spans.append(Span(one["t0"], one["t1"], int(one["n"])))
    await hot.look_again(stores.mongo, session, stream.id, seam.cold)
    return spans


async def _read_window(
    stores: Stores, stream: StreamRef, times: Times, fields: Sequence[str] | None
) -> tuple[list[Rows], float]:
    """Its rows, and up to which time they are all that there are."""

    async def read(session: Session) -> tuple[list[Rows], float]:
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return [], times[1]
        end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
        held = _Held(*times)
        chunks = await manifest.chunks_by_time(stores.mongo, stream.id, *times, session) if seam.cold else []
        chunks, at_once = [one for one in chunks if one.k * CHUNK < seam.cold], stores.settings.chunk_fetches
        for at in range(0, len(chunks), at_once):
            held.add(await cold.fetch(stores, stream, chunks[at : at + at_once], fields))
        for first in range(seam.cold, end, HOT_EVENTS_AT_ONCE):
            span = first, min(end, first + HOT_EVENTS_AT_ONCE)
            held.add(await hot.buckets_by_time(stores.mongo, session, stream, span, (times[0], held.until), fields))
        await hot.look_again(stores.mongo, session, stream.id, seam.cold)
        return held.rows, held.until

    return await settled(stores.mongo, stream, read)


class _Held:
    """The rows of a window so far. Where they become too many, its end comes nearer and those behind it go."""

    def __init__(self, start: float, end: float) -> None:
        self.rows, self.until = list[Rows](), end
        self._start, self._count = start, 0

    def add(self, parts: Sequence[Part]) -> None:
        """In index order, and so are all of them."""
        found = [rows_of_times(part, self._start, self.until) for part in parts]
        self.rows += [alone(one) for one in found if one.count]
        self._count += sum(one.count for one in found)
        if self._count <= MOST_WINDOW_ROWS:
            return
        self.until = float(np.partition(np.asarray(times_of(self.rows)), WINDOW_ROWS)[WINDOW_ROWS])
        kept = [rows_of_times(one.part, self._start, self.until) for one in self.rows]
        self.rows = [alone(one) for one in kept if one.count]
        self._count = sum(one.count for one in self.rows)
