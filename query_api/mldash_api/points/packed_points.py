"""Points → MessagePack, many at once: rows of plain numbers never become Python objects.

Where every column is a number in every row, each point takes the same bytes but for its values, so a block of them is
an array: the constant bytes laid out once, and each column's values written into their places. What decodes is the
same as without (numbers take their widest form). All other rows go one by one.
"""

from array import array
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from mldash.events.column_types import DTYPES, WIDTHS
from mldash.events.messagepack import FALSE, FLOAT64, INT64, map_head, pack_array, text_head, unpack_array
from mldash_api.seam.rows import Rows, events_of
from mldash_api.times import iso_times
from mldash_compactor.chunks.rows import join
from mldash_ingest.documents.columns import Column

from .points import Range

_encode = msgspec.msgpack.Encoder().encode
_TAGS: Final = {"float64": bytes((FLOAT64,)), "float32": bytes((FLOAT64,)), "int64": bytes((INT64,))}
_SENT: Final = {"float64": ">f8", "float32": ">f8", "int64": ">i8"}
_MOST_FIELDS: Final = 1_000
_SMALL: Final = 100
_TIME_LENGTH: Final = len("2026-01-31T12:00:00.000000Z")

_DAY_US: Final = 86_400_000_000
_END_S: Final = 32_503_680_000.0  # the year 3000: before 1970 and behind it the calendar is asked
_Place = tuple[int, NDArray[np.uint8]]


def pack_page(found: Range, fields: Sequence[str] | None, start_index: int) -> bytes:
    """A MetricPage, as points.page_of makes it."""
    rows, count = put_together(found.rows), found.count
    last = rows[-1].first_index + rows[-1].count - 1 if count else max(start_index, found.first_index) - 1
    rest = _encode({"startIndex": start_index, "endIndex": last, "total": count, "hasMore": found.goes_on})
    points = pack_array(count, (pack_points(one, fields) for one in rows))
    return b"".join([map_head(5), _encode("data"), points, rest[1:]])


def put_together(rows: Sequence[Rows]) -> list[Rows]:
    """Small neighbours as one: a slow stream has a bucket a point, and each would cost as much as a large one."""
    found, small = list[Rows](), list[Rows]()
    for one in rows:
        if one.count < _SMALL and one.count == one.part.row_count:
            small.append(one)
            continue
        found += [*_joined(small), one]
        small = []
    return found + _joined(small)


def _joined(rows: Sequence[Rows]) -> list[Rows]:
    if len(rows) < 2:
        return list(rows)
    part = join([one.part for one in rows])
    return [Rows(part, 0, part.row_count)]


def pack_points(rows: Rows, fields: Sequence[str] | None = None) -> bytes:
    """Each row as {"index", "data", "createdAt"}, one behind the other."""
    columns = [one for one in rows.part.columns if fields is None or one.type == "events" or one.name in fields]
    if len(columns) > _MOST_FIELDS or not all(_is_plain(column) for column in columns):
        return _one_by_one(rows, fields)
    layout = bytearray(map_head(3) + _encode("index") + _TAGS["int64"])
    places: list[_Place] = []
    index = np.arange(rows.first_index, rows.first_index + rows.count, dtype=">i8")
    _place(layout, places, _bytes_of(index))
    layout += _encode("data") + map_head(len(columns))
    for column in columns:
        layout += _encode(column.name) + _TAGS.get(column.type, b"")
        _place(layout, places, _values(column, rows))
    layout += _encode("createdAt") + text_head(_TIME_LENGTH)
    _place(layout, places, _iso_bytes(rows.times()))
    table = np.empty((rows.count, len(layout)), np.uint8)
    table[:] = np.frombuffer(layout, np.uint8)
    for at, content in places:
        table[:, at : at + content.shape[1]] = content
    return table.tobytes()


def _iso_bytes(times: "array[float]") -> NDArray[np.uint8]:
    """What times.iso_times says of each, as bytes: the date of each day once, the time of day digit by digit."""
    seconds = np.frombuffer(times, np.float64)
    if not len(seconds) or not (np.isfinite(seconds).all() and seconds.min() >= 0 and seconds.max() < _END_S):
        return np.array(iso_times(times), f"S{_TIME_LENGTH}").view(np.uint8).reshape(len(seconds), _TIME_LENGTH)
    fraction, whole = np.modf(seconds)
    moments = whole.astype(np.int64) * 1_000_000 + np.rint(fraction * 1e6).astype(np.int64)
    days, rest = np.divmod(moments, _DAY_US)
    known, which = np.unique(days, return_inverse=True)
    dates = np.array(np.datetime_as_string(known.view("datetime64[D]")), "S10").view(np.uint8).reshape(len(known), 10)
    found = np.empty((len(seconds), _TIME_LENGTH), np.uint8)
    found[:] = np.frombuffer(b"0000-00-00T00:00:00.000000Z", np.uint8)
    found[:, :10] = dates[which]
    clock, micros = np.divmod(rest, 1_000_000)
    minutes, second = np.divmod(clock, 60)
    hour, minute = np.divmod(minutes, 60)
    for at, digits, number in ((11, 2, hour), (14, 2, minute), (17, 2, second), (20, 6, micros)):
        left = number.astype(np.int32)
        for place in range(at + digits - 1, at - 1, -1):
            left, digit = np.divmod(left, 10)
            found[:, place] += digit.astype(np.uint8)
    return found


def _place(layout: bytearray, places: list[_Place], content: NDArray[np.uint8]) -> None:
    places.append((len(layout), content))
    layout += bytes(content.shape[1])


def _is_plain(column: Column) -> bool:
    return column.present is None and not column.shape and column.type in WIDTHS


def _values(column: Column, rows: Rows) -> NDArray[np.uint8]:
    if column.type == "bool":
        values = np.frombuffer(column.data, np.uint8)[rows.start : rows.stop]
        return (values + np.uint8(FALSE)).reshape(rows.count, 1)
    stored = np.frombuffer(column.data, DTYPES[column.type])[rows.start : rows.stop]
    return _bytes_of(stored.astype(_SENT[column.type]))


def _bytes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values.view(np.uint8).reshape(len(values), values.dtype.itemsize)


def _one_by_one(rows: Rows, fields: Sequence[str] | None) -> bytes:
    indices = range(rows.first_index, rows.first_index + rows.count)
    points = [
        {"index": index, "data": event, "createdAt": at}
        for index, event, at in zip(indices, events_of(rows, fields), iso_times(rows.times()), strict=True)
    ]
    return bytes(unpack_array(_encode(points))[1])
