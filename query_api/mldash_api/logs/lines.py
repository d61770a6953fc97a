"""Log lines by index, time, level and text. The sequence number is the index in the chain.

Without a filter the place of a line is its index, so any offset costs the same. With filters the buckets come in index
order as a stream, only those that can hold such a line, and no further than the answer needs.
"""

import asyncio
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mldash.answers.shapes import LogLine
from mldash_api.errors import SearchTooLong
from mldash_api.points.points import read_range
from mldash_api.seam import hot
from mldash_api.seam.attempts import DELAYS_S, Moved, settled, unsettled
from mldash_api.seam.rows import Rows, columns_of, events_of, rows_of_indices
from mldash_api.stores.streams import Stores, StreamRef
from mldash_api.times import iso_times
from mldash_ingest.documents.buckets import bucket_id, from_document
from mldash_ingest.documents.mongo import Session

_BUCKETS_AT_ONCE: Final = 4
"""Each may be some megabytes; the driver takes a batch apart as one, with Python's lock."""


class Filter(NamedTuple):
    """Lines that fit all of what is given; times are inclusive, `search` is text that the message holds in any case."""

    levels: Sequence[str] | None = None
    search: str | None = None
    start: float | None = None
    end: float | None = None

    @property
    def fits_all(self) -> bool:
        return all(part is None for part in self)


class _Looked:
    """How many lines were looked through."""

    count = 0


async def read_lines(stores: Stores, stream: StreamRef, wanted: Filter, offset: int, limit: int) -> list[LogLine]:
    """`offset` and `limit` count the lines that fit. Raises SearchTooLong."""
    if wanted.fits_all:
        return await _by_place(stores, stream, offset, limit)
    looked, limit_s = _Looked(), stores.settings.search_timeout_s

    async def read(session: Session) -> list[LogLine]:
        return await _filtered(stores, session, stream, wanted, offset, limit, looked)

    try:
        async with asyncio.timeout(limit_s):
            return await settled(stores.mongo, stream, read) if limit else []
    except TimeoutError:
        raise SearchTooLong(looked.count, limit_s) from None


async def _by_place(stores: Stores, stream: StreamRef, offset: int, limit: int) -> list[LogLine]:
    moved = Moved()
    for _ in DELAYS_S:
        seam = await settled(stores.mongo, stream, lambda session: hot.find_seam(stores.mongo, session, stream.id))
        if seam is None or not limit:
            return []
        found = await read_range(stores, stream, seam.floor + offset, limit)
        if found.first_index == seam.floor + offset:
            return await asyncio.to_thread(_lines_of_all, found.rows)
        # Retention raised the floor in between: lines are counted from the new one on.
    raise unsettled(stream, moved)


async def _filtered(
    stores: Stores, session: Session, stream: StreamRef, wanted: Filter, offset: int, limit: int, looked: _Looked
) -> list[LogLine]:
    """A bucket at a time, in a thread: other requests get their turn, and a caller who leaves ends it."""
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return []
    first = max(seam.floor, seam.cold)
    end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    query = _query(stream.id, seam.cold, end, wanted)
    lines, skip = list[LogLine](), offset
    async for document in stores.mongo.buckets.find(query, session=session, batch_size=_BUCKETS_AT_ONCE).sort("_id", 1):
        async with stores.searching:
            count, found = await asyncio.to_thread(_look_through, document, first, wanted)
        looked.count += count
        lines += found[skip:]
        skip = max(0, skip - len(found))
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


def _look_through(document: Mapping[str, Any], first_index: int, wanted: Filter) -> tuple[int, list[LogLine]]:
    """How many lines a bucket has, and those that fit. Whole lines are made of these alone."""
    bucket = from_document(document)
    rows = rows_of_indices(bucket, first_index, bucket.end_index)
    times = rows.times()
    fit = [place for place in _fitting(rows, wanted) if _is_within(times[place], wanted)]
    if not fit:
        return rows.count, []
    events, stamps = events_of(rows), iso_times(array("d", [times[place] for place in fit]))
    lines = [_line(rows.first_index + place, stamp, events[place]) for place, stamp in zip(fit, stamps, strict=True)]
    return rows.count, lines


def _fitting(rows: Rows, wanted: Filter) -> Iterator[int]:
    """Places of the lines that have a level and hold the text that is wanted."""
    levels = None if wanted.levels is None else frozenset(wanted.levels)
    needle = wanted.search.casefold() if wanted.search else ""
    for place, (level, message) in enumerate(_levels_and_messages(rows)):
        if (levels is None or level in levels) and (not needle or needle in message.casefold()):
            yield place


def _levels_and_messages(rows: Rows) -> Iterable[tuple[str, str]]:
    names, columns = columns_of(rows, ["level", "message"])
    if names == [""]:
        return ((event["level"], event["message"]) for event in columns[0])
    of = dict(zip(names, columns, strict=True))
    return zip(of["level"], of["message"], strict=True)


def _is_within(time: float, wanted: Filter) -> bool:
    return (wanted.start is None or time >= wanted.start) and (wanted.end is None or time <= wanted.end)


def _lines_of_all(rows: Sequence[Rows]) -> list[LogLine]:
    return [line for one in rows for line in lines_of(one)]


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
