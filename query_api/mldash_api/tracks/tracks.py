"""Lists of tracks. Distinct timestamps are counted from what buckets and chunks say of themselves; only those that
overlap in time are opened, for their time columns."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from mldash.answers.shapes import TrackSummary
from mldash_api.experiments.about import about_of
from mldash_api.seam import cold, hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.chain_ends import list_streams
from mldash_api.seam.rows import Rows
from mldash_api.seam.snapshots import Carried, all_carried_forward
from mldash_api.stores.streams import ExperimentRef, Stores, StreamRef
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.manifest import Chunk
from mldash_compactor.chunks.rows import Part
from mldash_ingest.documents.buckets import CHUNK, bucket_id
from mldash_ingest.documents.mongo import Session

from .entries import distinct_times

_AT_ONCE: Final = 8
_ROWS: Final = {"t0": 1, "t1": 1, "rows": {"$divide": [{"$binarySize": "$times"}, 8]}}


class Span(NamedTuple):
    """A bucket or chunk: its times, and how many entries it has (a chunk does not say)."""

    t0: float
    t1: float
    rows: int | None
    chunk: Chunk | None = None


async def list_tracks(stores: Stores, experiment: ExperimentRef) -> list[TrackSummary]:
    """One entry a topic, by topic."""
    listed = await list_streams(stores.mongo, experiment, "tracks", {"name": 1})
    streams = [experiment.stream("tracks", one.document["name"]) for one in listed]
    carried = await all_carried_forward(stores.mongo, streams)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def summary(stream: StreamRef) -> TrackSummary:
        async with slots:
            return _summary(carried[stream.id], await _count_entries(stores, stream))

    there = sorted((one for one in streams if one.id in carried), key=lambda one: one.name or "")
    return list(await asyncio.gather(*(summary(stream) for stream in there)))


def _summary(carried: Carried, entries: int) -> TrackSummary:
    document, snapshot = carried.document, carried.snapshot
    about = about_of(document)
    return {
        "trackId": document["_id"].hex(),
        "topic": document["name"],
        "description": about.description,
        "tags": about.tags,
        "metadata": about.metadata,
        "totalEntries": entries,
        "firstTimestamp": snapshot.first_at,
        "lastTimestamp": snapshot.last_at,
        "columns": list(snapshot.fields),
    }


async def _count_entries(stores: Stores, stream: StreamRef) -> int:
    """Distinct timestamps of a track."""

    async def read(session: Session) -> int:
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return 0
        hot_span = seam.cold, await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
        spans = await _spans(stores, session, stream.id, hot_span)
        count = 0
        for group in overlapping(spans):
            alone = group[0].rows if len(group) == 1 else None
            count += alone if alone is not None else await _count_group(stores, session, stream, hot_span, group)
        await hot.look_again(stores.mongo, session, stream.id, seam.cold)
        return count

    return await settled(stores.mongo, stream, read)


async def _spans(stores: Stores, session: Session, stream: bytes, hot_span: tuple[int, int]) -> list[Span]:
    (cold_end, end), spans = hot_span, list[Span]()
    if cold_end:
        last_k = (cold_end - 1) // CHUNK
        for chunk in await manifest.live_chunks(stores.mongo, stream, 0, last_k, session):
            assert chunk.live is not None
            spans.append(Span(chunk.live.t0, chunk.live.t1, None, chunk))
    query = {"_id": {"$gte": bucket_id(stream, cold_end), "$lt": bucket_id(stream, end)}}
    async for one in stores.mongo.buckets.find(query, _ROWS, session=session):
        spans.append(Span(one["t0"], one["t1"], int(one["rows"])))
    return spans


def overlapping(spans: Sequence[Span]) -> list[list[Span]]:
    """Groups of spans of which each meets another of its group; no two groups share a time."""
    groups = list[list[Span]]()
    reach = float("-inf")
    for span in sorted(spans, key=lambda one: one.t0):
        if groups and span.t0 <= reach:
            groups[-1].append(span)
        else:
            groups.append([span])
        reach = max(reach, span.t1)
    return groups


async def _count_group(
    stores: Stores, session: Session, stream: StreamRef, hot_span: tuple[int, int], group: Sequence[Span]
) -> int:
    """No other span has a time of the group's, so its buckets are those that overlap its whole time."""
    no_fields, times = list[str](), (group[0].t0, max(span.t1 for span in group))
    chunks = [span.chunk for span in group if span.chunk is not None]
    parts: list[Part] = list(await cold.fetch(stores, stream, chunks, no_fields)) if chunks else []
    if len(chunks) < len(group):
        parts += await hot.buckets_by_time(stores.mongo, session, stream, hot_span, times, no_fields)
    return len(distinct_times([Rows(part, 0, part.row_count) for part in parts]))
