"""Summaries of a numeric field, for charts without its points: first, last, least, greatest and where; sum, count.

    FieldSummary  of a whole chunk, in the manifest
    FieldBlocks   of every 500 rows, in the object's metadata: an array of BLOCK records, so that views use it as it is

Only int and float are numbers; NaN are counted and part of nothing else, infinities are numbers. The first 256 numeric
fields of a chunk have summaries. Of a field that mixes int and float they are of floats; the points stay exact. `index`
is the event's index in the stream for metrics, the row in the chunk for tracks; `time` is `_ts` where it was given,
else that of logging.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash.events.column_types import DTYPES, are_int64
from mldash.events.field_statistics import is_number
from mldash_ingest.documents.columns import ABSENT, Column

BLOCK_ROWS: Final = 500
FIELD_LIMIT: Final = 256
_FIELDS_AT_ONCE: Final = 16
"""Summarised together: beyond, memory grows and nothing is gained."""

LEVELS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
"""Events that one record of a level speaks of (levels.py)."""

PLACES: Final = ("first", "last", "min", "max")
UNKNOWN: Final = -1
"""`nan_count` of a record whose field was left out for the limit: nothing is known of it, look into the rows."""

Numbers = tuple[NDArray[Any], NDArray[np.bool_]]
"""One value a row, float64 or int64, and in which rows the field is a number or NaN."""


def block_type(*, integer: bool) -> np.dtype[Any]:
    """One record a block; `…_row` counts from the chunk's first row. Where count is 0 the places mean nothing."""
    value = "<i8" if integer else "<f8"
    parts: list[tuple[str, str]] = [("count", "<i4"), ("nan_count", "<i4"), ("sum", "<f8")]
    for place in PLACES:
        parts += [(f"{place}_row", "<i4"), (f"{place}_time", "<f8"), (place, value)]
    return np.dtype(parts)


def unknown_blocks(count: int, kind: np.dtype[Any], *, known: bool) -> NDArray[Any]:
    """So many records without a number; `known`: the values hold none, else they were not looked at."""
    records = np.zeros(count, kind)
    records["nan_count"] = 0 if known else UNKNOWN
    return records


class Spot(Struct, frozen=True, array_like=True):
    """One value and where it stands."""

    index: int
    time: float
    value: int | float


class FieldSummary(Struct, frozen=True, array_like=True):
    """Of one field over one chunk; the spots are None where no value is a number."""

    name: str
    count: int
    nan_count: int
    sum: float
    first: Spot | None
    last: Spot | None
    min: Spot | None
    max: Spot | None


class FieldBlocks(Struct, frozen=True, array_like=True):
    """Of one field, for every 500 rows."""

    name: str
    integer: bool
    records: bytes

    def array(self) -> NDArray[Any]:
        """Records of block_type."""
        return np.frombuffer(self.records, block_type(integer=self.integer))


def summarise(
    columns: Sequence[Column], times: NDArray[np.float64], first_index: int
) -> tuple[list[FieldSummary], list[FieldBlocks]]:
    """Of the numeric fields of a chunk; `times` has one a row, row 0 has `first_index`."""
    return summarise_numbers(numeric_fields(columns, len(times)), times, first_index)


def summarise_numbers(
    fields: Sequence[tuple[str, Numbers]], times: NDArray[np.float64], first_index: int
) -> tuple[list[FieldSummary], list[FieldBlocks]]:
    """The same of numbers that are at hand."""
    summaries, blocks = list[FieldSummary](), list[FieldBlocks]()
    for integer, group in groupby(fields, lambda field: field[1][0].dtype.kind == "i"):
        alike = list(group)
        for at in range(0, len(alike), _FIELDS_AT_ONCE):
            some = alike[at : at + _FIELDS_AT_ONCE]
            values, present = (np.stack(arrays) for arrays in zip(*(numbers for _, numbers in some), strict=True))
            for (name, _), records in zip(some, _records(values, present, times), strict=True):
                summaries.append(_summary(name, records, first_index))
                blocks.append(FieldBlocks(name, integer, records.tobytes()))
    return summaries, blocks


def _summary(name: str, records: NDArray[Any], first_index: int) -> FieldSummary:
    """Of the whole chunk, from the records of its blocks; of equals the first one counts."""
    there = records[records["count"] > 0]
    spots: list[Spot | None] = [None] * len(PLACES)
    if len(there):
        chosen = {"first": 0, "last": -1, "min": int(there["min"].argmin()), "max": int(there["max"].argmax())}
        spots = [_spot(there[chosen[place]], place, first_index) for place in PLACES]
    with np.errstate(all="ignore"):
        total = float(there["sum"].sum())
    return FieldSummary(name, int(records["count"].sum()), int(records["nan_count"].sum()), total, *spots)


def _spot(record: Any, place: str, first_index: int) -> Spot:
    return Spot(first_index + int(record[f"{place}_row"]), float(record[f"{place}_time"]), record[place].item())


def _records(values: NDArray[Any], present: NDArray[np.bool_], times: NDArray[np.float64]) -> NDArray[Any]:
    """Of some fields, one a line of `values`, a record for every 500 rows: all blocks of all of them at once."""
    fields, rows = values.shape
    count = -(-rows // BLOCK_ROWS)
    fill = ((0, 0), (0, count * BLOCK_ROWS - rows))
    table = (np.pad(values, fill) if fill[1][1] else values).reshape(-1, BLOCK_ROWS)
    there = (np.pad(present, fill) if fill[1][1] else present).reshape(-1, BLOCK_ROWS)
    integer = table.dtype.kind == "i"
    numbers = there if integer else there & ~np.isnan(table)
    complete = bool(numbers.all())
    top, bottom = (np.iinfo(np.int64).max, np.iinfo(np.int64).min) if integer else (np.inf, -np.inf)
    chosen = {
        "first": numbers.argmax(axis=1),
        "last": BLOCK_ROWS - 1 - numbers[:, ::-1].argmax(axis=1),
        "min": (table if complete else np.where(numbers, table, top)).argmin(axis=1),
        "max": (table if complete else np.where(numbers, table, bottom)).argmax(axis=1),
    }
    records = np.zeros(len(table), block_type(integer=integer))
    records["count"] = numbers.sum(axis=1)
    records["nan_count"] = there.sum(axis=1) - records["count"]
    with np.errstate(all="ignore"):  # infinities of both signs have no sum: NaN
        records["sum"] = (table if complete else np.where(numbers, table, 0)).sum(axis=1, dtype=np.float64)
    lines = np.arange(len(table))
    field, starts = lines // count, lines % count * BLOCK_ROWS
    for place, columns in chosen.items():
        # A filler can only win where every number equals it: then the first of them will do.
        spots = columns if complete else np.where(numbers[lines, columns], columns, chosen["first"])
        absolute = np.minimum(starts + spots, rows - 1)
        records[f"{place}_row"], records[f"{place}_time"] = absolute, times[absolute]
        records[place] = values[field, absolute]
    return records.reshape(fields, count)


def numeric_fields(columns: Sequence[Column], rows: int) -> list[tuple[str, Numbers]]:
    """The first fields that hold a number, with one value a row."""
    found: list[tuple[str, Numbers]] = []
    for column in columns:
        if len(found) == FIELD_LIMIT:
            break
        if column.type == "events":
            return _numbers_of_events(column.packed())
        if not column.shape and (numbers := _numbers(column, rows)) is not None:
            found.append((column.name, numbers))
    return found


def _numbers(column: Column, rows: int) -> Numbers | None:
    if column.type == "bool":
        return None
    if column.type == "values":
        return _numbers_of_values(column.values(rows))
    packed = np.frombuffer(column.data, DTYPES[column.type])
    if column.type == "float32":
        packed = packed.astype(np.float64)
    present = presence(column, rows)
    if present is None:
        return packed, np.ones(rows, np.bool_)
    values = np.zeros(rows, packed.dtype)
    values[present] = packed
    return values, present


def _numbers_of_values(values: Sequence[Any]) -> Numbers | None:
    kinds = set(map(type, values))
    if not kinds & {int, float}:
        return None
    present = np.fromiter(map(is_number, values), np.bool_, len(values))
    if float not in kinds:
        integers = [value if type(value) is int else 0 for value in values]
        if are_int64(integers):
            return np.array(integers, np.int64), present
    return np.array([float(value) if is_number(value) else 0.0 for value in values], np.float64), present


def _numbers_of_events(events: Sequence[dict[str, Any]]) -> list[tuple[str, Numbers]]:
    names: dict[str, None] = {}
    for event in events:
        for name, value in event.items():
            if is_number(value):
                names.setdefault(name)
        if len(names) >= FIELD_LIMIT:
            break
    chosen = list(names)[:FIELD_LIMIT]
    fields = ((name, _numbers_of_values([event.get(name, ABSENT) for event in events])) for name in chosen)
    return [(name, numbers) for name, numbers in fields if numbers is not None]


def presence(column: Column, rows: int) -> NDArray[np.bool_] | None:
    """In which rows the field is there; None: in all."""
    if column.present is None:
        return None
    bits = np.frombuffer(column.present, np.uint8)
    return np.unpackbits(bits, count=rows, bitorder="little").view(np.bool_)
