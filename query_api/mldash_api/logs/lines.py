"""Log lines by index, time, level and text. The sequence number is the index in the chain.

Without a filter the place of a line is its index, so any offset costs the same. With filters the buckets come in index
order as a stream, only those that can hold such a line, and no further than the answer needs.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mldash.answers.shapes import LogLine
from mldash_api.points.points import read_range
from mldash_api.seam import hot
from mldash_api.seam.attempts import DELAYS_S, Moved, settled, unsettled
from mldash_api.seam.rows import Rows, events_of, iso_times, rows_of_indices
from mldash_api.stores.streams import Stores, StreamRef
from mldash_ingest.documents.buckets import Bucket, bucket_id, from_document
from mldash_ingest.documents.mongo import Session


class Filter(NamedTuple):
    """Lines that fit all of what is given; times are inclusive, `search` is text that the message holds in any case."""

    levels: Sequence[str] | None = None
    search: str | None = None
    start: float | None = None
    end: float | None = None

    @property
    def fits_all(self) -> bool:
        return all(part is None for part in self)


async def read_lines(stores: Stores, stream: StreamRef, wanted: Filter, offset: int, limit: int) -> list[LogLine]:
    """`offset` and `limit` count the lines that fit."""
    if wanted.fits_all:
        return await _by_place(stores, stream, offset, limit)

    async def read(session: Session) -> list[LogLine]:
        return await _filtered(stores, session, stream, wanted, offset, limit)

    return await settled(stores.mongo, stream, read) if limit else []


async def _by_place(stores: Stores, stream: StreamRef, offset: int, limit: int) -> list[LogLine]:
    moved = Moved()
    for _ in DELAYS_S:
        seam = await settled(stores.mongo, stream, lambda session: hot.find_seam(stores.mongo, session, stream.id))
        if seam is None or not limit:
            return []
        found = await read_range(stores, stream, seam.floor + offset, limit)
        if found.first_index == seam.floor + offset:
            return [line for rows in found.rows for line in lines_of(rows)]
        # Retention raised the floor in between: lines are counted from the new one on.
    raise unsettled(stream, moved)


async def _filtered(
    stores: Stores, session: Session, stream: StreamRef, wanted: Filter, offset: int, limit: int
) -> list[LogLine]:
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return []
    first = max(seam.floor, seam.cold)
    end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    query = _query(stream.id, seam.cold, end, wanted)
    lines, skip = list[LogLine](), offset
    async for document in stores.mongo.buckets.find(query, session=session).sort("_id", 1):
        for line in _fitting(from_document(document), first, wanted):
            if skip:
                skip -= 1
                continue
            lines.append(line)
        if len(lines) >= limit:
            break
    await hot.look_again(stores.mongo, session, stream.id, seam.cold)
    return lines[:limit]


def _query(stream: bytes, first_index: int, end_index: int, wanted: Filter) -> dict[str, Any]:
    """The buckets that can hold such a line. Levels are of a fixed list, checked before: they may be a path."""
    query: dict[str, Any] = {"_id": {"$gte": bucket_id(stream, first_index), "$lt": bucket_id(stream, end_index)}}
    if wanted.start is not None:
        query["t1"] = {"$gte": wanted.start}
    if wanted.end is not None:
        query["t0"] = {"$lte": wanted.end}
    if wanted.levels is not None:
        query["$or"] = [{f"levels.{level}": {"$gt": 0}} for level in wanted.levels]
    return query


def _fitting(bucket: Bucket, first_index: int, wanted: Filter) -> Iterator[LogLine]:
    rows = rows_of_indices(bucket, first_index, bucket.end_index)
    times, needle = rows.times(), wanted.search.casefold() if wanted.search else ""
    levels = None if wanted.levels is None else frozenset(wanted.levels)
    for place, event in enumerate(events_of(rows)):
        if levels is not None and event["level"] not in levels:
            continue
        if wanted.start is not None and times[place] < wanted.start:
            continue
        if wanted.end is not None and times[place] > wanted.end:
            continue
        if needle and needle not in event["message"].casefold():
            continue
        yield _line(rows.first_index + place, iso_times(times[place : place + 1])[0], event)


def lines_of(rows: Rows) -> list[LogLine]:
    """All of them, in index order."""
    stamped = zip(iso_times(rows.times()), events_of(rows), strict=True)
    return [_line(index, stamp, event) for index, (stamp, event) in enumerate(stamped, rows.first_index)]


def _line(index: int, stamp: str, event: dict[str, Any]) -> LogLine:
    line: LogLine = {
        "sequenceNumber": index,
        "timestamp": stamp,
        "level": event["level"],
        "message": event["message"],
    }
    if event.get("metadata"):
        line["metadata"] = event["metadata"]
    return line
