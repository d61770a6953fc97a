"""Entries of a track by time: those of one timestamp are one entry, field by field, in index order.

The chain's end is fixed first: without it one might miss an earlier event and show a later one. Then the chunks below
the cold end and the buckets between are taken as they lie, those that overlap in time, and folded in index order.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from mldash.answers.names import shown_entry_field, stored_entry_field
from mldash.answers.shapes import EntriesAnswer
from mldash.events.merging import merge_entries
from mldash_api.errors import AnswerTooLarge
from mldash_api.seam import cold, hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.rows import Rows, columns_of, events_of, rows_of_times, times_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_compactor.chunks.rows import Part
from mldash_ingest.documents.columns import ABSENT
from mldash_ingest.documents.mongo import Session

TIMESTAMP: Final = "timestamp"
"""In an answer the entry's time. The SDK renames a field that is called so; other producers may not (answers/names.py).
"""

Times = tuple[float, float]


class Asked(NamedTuple):
    """The part of a track that a reader wants: both times inclusive; `fields` None: all."""

    start: float = float("-inf")
    end: float = float("inf")
    fields: Sequence[str] | None = None
    limit: int | None = None


async def read_entries(stores: Stores, stream: StreamRef, asked: Asked) -> list[Rows]:
    """The rows that hold the entries, in index order; at most `limit` timestamps of them, the earliest.

    Raises AnswerTooLarge above the setting, so that one request can't take all memory.
    """
    fields = stored_names(asked.fields)

    async def read(session: Session) -> list[Part]:
        return await read_parts(stores, session, stream, (asked.start, asked.end), fields)

    parts = await settled(stores.mongo, stream, read)
    rows = [rows_of_times(part, asked.start, asked.end) for part in parts]
    return bounded([one for one in rows if one.count], asked.limit, stores.settings.entries_limit)


async def read_parts(
    stores: Stores, session: Session, stream: StreamRef, times: Times, fields: Sequence[str] | None
) -> list[Part]:
    """The chunks and buckets that have an event in these times, in index order. Raises Moved."""
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return []
    end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    parts: list[Part] = []
    if seam.cold:
        parts += await cold.chunks_by_time(stores, session, stream, seam.cold, times, fields)
    parts += await hot.buckets_by_time(stores.mongo, session, stream, (seam.cold, end), times, fields)
    await hot.look_again(stores.mongo, session, stream.id, seam.cold)
    return parts


def bounded(rows: list[Rows], limit: int | None, most: int) -> list[Rows]:
    """The rows of the first `limit` timestamps. Raises AnswerTooLarge where there are more than `most`."""
    count = sum(one.count for one in rows)
    if limit is None and count <= most:
        return rows
    times = distinct_times(rows)
    if limit is None:
        if len(times) > most:
            raise AnswerTooLarge(len(times), most, "give start and end, or limit, and go on behind the last timestamp")
        return rows
    if len(times) <= limit:
        return rows
    if not limit:
        return []
    last = float(times[limit - 1])
    cut = [Rows(one.part, one.start, one.start + bisect_right(one.times(), last)) for one in rows]
    return [one for one in cut if one.count]


def distinct_times(rows: Sequence[Rows]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Every timestamp once, rising."""
    if not rows:
        return np.empty(0)
    return np.unique(np.asarray(times_of(rows)))


def answer_of(rows: Sequence[Rows], fields: Sequence[str] | None = None) -> EntriesAnswer:
    """The answer of read()."""
    entries = entries_of(rows, fields)
    return {"entries": entries, "count": len(entries)}


def entries_of(rows: Sequence[Rows], fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """{"timestamp": t, field: value, …} in time order; fields that an entry has not are absent."""
    chosen = stored_names(fields)
    if follow_in_time(rows):
        return [entry for one in rows for entry in _in_place(one, chosen)]
    merged: dict[float, dict[str, Any]] = {}
    for one in rows:
        merge_entries(one.times(), events_of(one, chosen), merged)
    return [_entry(time, merged[time]) for time in sorted(merged)]


def stored_names(fields: Sequence[str] | None) -> list[str] | None:
    """The possible names of an answer's fields in the store."""
    if fields is None:
        return None
    return [stored for name in fields if (stored := stored_entry_field(name)) is not None]


def follow_in_time(rows: Sequence[Rows]) -> bool:
    """Whether each begins after the one before has ended: then no two entries meet."""
    spans = [(times[0], times[-1]) for times in (one.times() for one in rows)]
    return all(before[1] < after[0] for before, after in pairwise(spans))


def _in_place(rows: Rows, fields: Sequence[str] | None) -> list[dict[str, Any]]:
    names, columns = columns_of(rows, fields)
    times = [time + 0.0 for time in rows.times()]  # + 0.0 makes -0.0 the plain zero, as merging does
    if names == [""] and rows.part.columns[0].type == "events":
        return [_entry(time, event) for time, event in zip(times, columns[0], strict=True)]
    names = [TIMESTAMP, *map(shown_entry_field, names)]
    table = zip(times, *columns, strict=True)
    if all(column.present is None for column in rows.part.columns):
        return [dict(zip(names, row, strict=True)) for row in table]
    return [{name: value for name, value in zip(names, row, strict=True) if value is not ABSENT} for row in table]


def _entry(time: float, fields: dict[str, Any]) -> dict[str, Any]:
    return {TIMESTAMP: time, **{shown_entry_field(name): value for name, value in fields.items()}}
