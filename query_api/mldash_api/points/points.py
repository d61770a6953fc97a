"""Points of a metric by index: the seam of hot and cold, docs/protocol.md 5 step by step."""

from collections.abc import Sequence
from itertools import chain

from msgspec import Struct

from mldash.answers.shapes import MetricPage, MetricPoint
from mldash_api.seam import cold, hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.rows import Rows, events_of, rows_of_indices, times_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_api.times import iso_times
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.mongo import Session


class Range(Struct, frozen=True):
    """Rows that hold the indices from `first_index` on, dense; `goes_on`: the stream has more behind them.

    Where retention has taken the first of what was asked for, `first_index` is the floor; it may lie behind all of it.
    """

    first_index: int
    rows: list[Rows]
    goes_on: bool

    @property
    def count(self) -> int:
        return sum(rows.count for rows in self.rows)


async def read_range(
    stores: Stores, stream: StreamRef, first_index: int, count: int, fields: Sequence[str] | None = None
) -> Range:
    """The indices [first_index, first_index + count), as far as the stream has them. Any kind with a row an event.

    `fields`: only their columns have to come; there may be others.
    """

    async def read(session: Session) -> Range:
        return await _read(stores, session, stream, first_index, count, fields)

    return await settled(stores.mongo, stream, read)


async def _read(
    stores: Stores,
    session: Session,
    stream: StreamRef,
    first_index: int,
    count: int,
    fields: Sequence[str] | None,
) -> Range:
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return Range(first_index, [], False)
    first, end = max(first_index, seam.floor), first_index + count
    chunks = await cold.chunks_between(stores, session, stream, first, min(end, seam.cold), fields)
    hot_first, buckets = max(first, seam.cold), list[Bucket]()
    if end > hot_first:
        buckets = await hot.chain_between(stores.mongo, session, stream.id, seam.cold, hot_first, end, fields)
    goes_on = await _goes_on(stores, session, stream.id, seam, end, buckets, hot_was_read=end > hot_first)
    if end >= seam.cold:
        # A bucket may begin before the first index asked for: it is used whole or not at all.
        await hot.look_again(stores.mongo, session, stream.id, buckets[0].first_index if buckets else hot_first)
    rows = [rows_of_indices(chunk, first, min(end, seam.cold)) for chunk in chunks]
    rows += [rows_of_indices(bucket, hot_first, end) for bucket in buckets]
    return Range(first, [one for one in rows if one.count], goes_on)


async def _goes_on(
    stores: Stores,
    session: Session,
    stream: bytes,
    seam: hot.Seam,
    end: int,
    buckets: Sequence[Bucket],
    *,
    hot_was_read: bool,
) -> bool:
    """Whether the stream holds the index `end`."""
    if end < seam.cold:
        return True
    if buckets:
        last = buckets[-1].end_index
        return last > end or (last == end and await hot.goes_on_at(stores.mongo, session, stream, end))
    if hot_was_read:
        return False  # nothing was found below `end`, so nothing is behind it
    return await hot.chain_end(stores.mongo, session, stream, seam.cold) > end


def points_of(rows: Sequence[Rows], fields: Sequence[str] | None = None) -> list[MetricPoint]:
    """Each as read() has it."""
    indices = chain.from_iterable(range(one.first_index, one.first_index + one.count) for one in rows)
    events = chain.from_iterable(events_of(one, fields) for one in rows)
    created = iso_times(times_of(rows))
    return [
        {"index": index, "data": event, "createdAt": at}
        for index, event, at in zip(indices, events, created, strict=True)
    ]


def page_of(found: Range, start_index: int, fields: Sequence[str] | None = None) -> MetricPage:
    """The answer of read()."""
    points = points_of(found.rows, fields)
    return {
        "data": points,
        "startIndex": start_index,
        "endIndex": points[-1]["index"] if points else max(start_index, found.first_index) - 1,
        "total": len(points),
        "hasMore": found.goes_on,
    }
