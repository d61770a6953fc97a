"""Track entries: lines {"timestamp", field: value, …} in the order of their arrival, merged by time when read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from mldash.answers.names import shown_entry_field
from mldash.answers.shapes import EntriesAnswer
from mldash.events.merging import merge_entries

from .blocks import Event
from .reading.stream_rows import Row, StreamRows
from .row_index import Block

TIMESTAMP: Final = "timestamp"


def lines_of(events: Iterable[Event]) -> Iterator[tuple[float, Row]]:
    """Events → lines."""
    for time, fields in events:
        yield time, {TIMESTAMP: time, **_spared(fields)}


def row_of(event: Event) -> Row:
    """The row that the event will be, as it reads."""
    time, fields = event
    return {TIMESTAMP: time, **_spared(fields)}


def time_of(row: Mapping[str, Any]) -> float:
    return float(row[TIMESTAMP])


def answer(
    rows: StreamRows,
    start: float | None,
    end: float | None,
    columns: Sequence[str] | None,
    limit: int | None = None,
) -> EntriesAnswer:
    """Entries in [start, end], merged, in time order, with these columns only; an entry that has none of them stays.

    `limit`: the earliest so many.
    """
    wanted = None if columns is None else frozenset(columns)
    merged: dict[float, dict[str, Any]] = {}
    for row in rows.between(start, end) if limit is None else rows.earliest(start, end, limit):
        time = time_of(row)
        fields = {
            name: value for name, value in row.items() if name != TIMESTAMP and (wanted is None or name in wanted)
        }
        merge_entries((time,), (fields,), into=merged)
    entries = [{TIMESTAMP: time, **merged[time]} for time in sorted(merged)[:limit]]
    return {"entries": entries, "count": len(entries)}


def count_times(rows: StreamRows) -> int:
    """Distinct timestamps: blocks carry their own counts, and only those that overlap another are read."""
    total = 0
    group: list[Block] = []
    group_end = 0.0
    undrained = {time_of(row) for row in rows.undrained}
    for block in sorted(rows.file.blocks, key=lambda one: one.first):
        if group and block.first > group_end:
            total += _count_group(rows, group, undrained)
            group = []
        group_end = max(group_end, block.last) if group else block.last
        group.append(block)
    total += _count_group(rows, group, undrained)
    return total + len(undrained)


def columns_of(rows: StreamRows, known: Iterable[str], first_row: int) -> list[str]:
    """All fields that any entry has, sorted; `known` are those of the rows before first_row."""
    names = set(known)
    for page in rows.pages(first_row):
        for row in page:
            names.update(row)
    return sorted(names - {TIMESTAMP})


def _count_group(rows: StreamRows, group: list[Block], undrained: set[float]) -> int:
    """Distinct times of blocks that overlap one another; taken out of `undrained`, so that they count once."""
    if not group:
        return 0
    low, high = group[0].first, max(block.last for block in group)
    if len(group) == 1 and not any(low <= time <= high for time in undrained):
        return group[0].distinct
    times = {time_of(row) for block in group for row in rows.file.read(block, block)}
    undrained -= times
    return len(times)


def _spared(fields: dict[str, Any]) -> dict[str, Any]:
    """Without a field that would take the place of the entry's time; mldash/handles/tracks.py renames it before."""
    if TIMESTAMP not in fields:
        return fields
    return {shown_entry_field(name): value for name, value in fields.items()}
