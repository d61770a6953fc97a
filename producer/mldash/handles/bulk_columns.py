"""Arguments of log_many and append_many → columns of the wire, without a Python loop over the points of an array.

A column is a list, tuple or range, an array (library_arrays.py), or anything with a `to_numpy()` (pandas, Polars,
Arrow; library_columns.py). Its first dimension is the points; the others are the shape of one value.

  float64, float32, int64, bool    stay what they are, little endian
  other integers, smaller floats   become int64 and float32, which hold them exactly; what is out of range raises
  lists of floats, ints or bools   the same, if all are of one type: 1, 1.0 and True stay three things
  everything else                  "values": each as values.py converts it, in one MessagePack array

Many points are cut into pieces, so that each event of the journal fits into a record. All pieces are made,
and all values checked, before the first of them is written.
"""

import math
import sys
from array import array
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct

from mldash.errors import few
from mldash.events.column_types import (
    ARRAY_CODES,
    FACTS,
    MAX_INT,
    ColumnType,
    PackedType,
    common_type,
    pack_numbers,
    value_bytes,
)
from mldash.events.identity import check_name
from mldash.events.limits import CALL_BYTES, COLUMN_BYTES, RECORD_EVENTS, RECORD_TARGET_BYTES
from mldash.events.moments import seconds_of, seconds_of_all
from mldash.events.schema import Column

from .library_arrays import SMALL_FLOATS, SMALL_INTS, is_array, opened_column
from .library_columns import opened
from .values import UnsupportedValue, asked_of_library, plain

TIMESTAMP = "_ts"
"""The field of a metric's points that is a time."""

_encode = msgspec.msgpack.Encoder().encode

_KEPT: dict[str, PackedType] = {name: name for name in FACTS}  # by the name that NumPy has for the type


class Packed(Struct, frozen=True):
    """One whole column of a call. `data` are packed numbers; of type "values" the plain values themselves."""

    type: ColumnType
    count: int
    data: Any
    shape: tuple[int, ...] = ()

    @property
    def value_bytes(self) -> int:
        """Bytes of one value of packed numbers; of "values" nothing is known yet."""
        return 0 if self.type == "values" else value_bytes(self.type, self.shape)

    def value(self, at: int) -> Any:
        """The value of one point."""
        if self.type == "values":
            return self.data[at]
        width = self.value_bytes
        numbers: Any = self.data[at * width : (at + 1) * width]
        numbers = [byte == 1 for byte in numbers] if self.type == "bool" else list(numbers.cast(ARRAY_CODES[self.type]))
        for length in reversed(self.shape):
            numbers = [numbers[start : start + length] for start in range(0, len(numbers), length)]
        return numbers[0]

    def piece(self, start: int, stop: int) -> Column:
        """The column of the points start … stop - 1."""
        if self.type == "values":
            return Column("values", _encode(self.data[start:stop]))
        width = self.value_bytes
        return Column(self.type, bytes(self.data[start * width : stop * width]), self.shape)


class Piece(Struct, frozen=True):
    """Points start … start + count - 1 of a call, as one event block."""

    start: int
    count: int
    columns: dict[str, Column]


def pack_columns(columns: Mapping[str, Any]) -> tuple[int, dict[str, Packed]]:
    """How many points there are, and a packed column a field.

    Raises ValueError where the lengths differ, where a column is a single value, or for a name; UnsupportedValue.
    """
    packed = {}
    for name, values in columns.items():
        check_name("field", name)
        packed[str(name)] = pack_times(values) if name == TIMESTAMP else pack_column(values, name)
    lengths = {name: column.count for name, column in packed.items()}
    if len(set(lengths.values())) > 1:
        told = few(f"{name:.80} {length}" for name, length in lengths.items())
        raise ValueError(f"columns must have one length, not {told}")
    return next(iter(lengths.values()), 0), packed


def pack_column(values: Any, field: str) -> Packed:
    """One column. Raises ValueError (not a list nor an array), UnsupportedValue."""
    if isinstance(values, (list, tuple, range)):
        return _pack_list(list(values), field)
    values = _as_numpy(values, field)
    if isinstance(values, list):
        return _pack_list(values, field)
    if values.ndim == 0:
        raise ValueError(f"column {field!r} is a single value: give a list or an array with one value a point")
    kind = values.dtype.kind
    name = values.dtype.name
    if name == "float16" or name in SMALL_FLOATS:
        name, values = "float32", values.astype("float32")
    elif (kind in "iu" and name != "int64") or name in SMALL_INTS:
        if name == "uint64" and values.size and int(values.max()) > MAX_INT:
            raise UnsupportedValue(field, "numpy.uint64", "integers are 64 bits, signed")
        name, values = "int64", values.astype("int64")
    if name not in _KEPT or 0 in values.shape[1:]:
        return Packed("values", len(values), plain(values, field))
    little = values if name == "bool" else values.astype(values.dtype.newbyteorder("<"), copy=False)
    return Packed(_KEPT[name], len(values), memoryview(little.tobytes()), tuple(values.shape[1:]))


def cut(count: int, packed: Mapping[str, Packed]) -> list[Piece]:
    """The call in pieces that a record holds each. Raises ValueError for one point above the limit of a call."""
    width = sum(column.value_bytes for column in packed.values())
    step = max(1, min(RECORD_EVENTS, RECORD_TARGET_BYTES // width if width else RECORD_EVENTS))
    return [piece for start in range(0, count, step) for piece in _bounded(packed, start, min(start + step, count))]


def is_column(values: Any) -> bool:
    """Whether it is meant as one value a position, and not as one for all of them."""
    if isinstance(values, date):  # pandas' Timestamp has a to_numpy() too
        return False
    return isinstance(values, (list, tuple, range)) or bool(getattr(values, "ndim", hasattr(values, "to_numpy")))


def pack_times(values: Any) -> Packed:
    """A column of timestamps: numbers, or datetimes of any kind, which become seconds. Raises ValueError for what can't
    be one; finite or not is not yet asked."""
    try:
        if isinstance(values, (list, tuple)):
            values = list(map(_second, values)) if any(map(_is_time, values)) else values
        elif not isinstance(values, range):
            values = _seconds(_as_numpy(values, "_ts"))
        return pack_column(values, "_ts")
    except UnsupportedValue as error:
        raise ValueError(f"_ts must be numeric: {error}") from error


def _is_time(value: Any) -> bool:
    return type(value) is not float and type(value) is not int and seconds_of(value) is not None


def _second(value: Any) -> Any:
    return value if (seconds := seconds_of(value)) is None else seconds


def _seconds(values: Any) -> Any:
    """What a library's column was opened to."""
    if isinstance(values, list):
        return list(map(_second, values))
    return seconds_of_all(values) if values.dtype.kind == "M" else values


def check_times(column: Packed) -> None:
    """A column of timestamps of metric points. Raises ValueError for NaN, and for anything but numbers."""
    if _is_any("isnan", _times(column)):
        raise ValueError("_ts must be numeric, not NaN")


def entry_times(column: Packed) -> bytes:
    """A column of timestamps of track entries as float64, little endian. Raises ValueError for what is not finite."""
    times = _times(column)
    if _is_any("isnan", times) or _is_any("isinf", times):
        raise ValueError("_ts must be numeric and finite")
    return times.tobytes()


def _times(column: Packed) -> "array[float]":
    if column.shape:
        raise ValueError(f"_ts must be numeric, one a position, not of shape {column.shape}")
    if column.type in ARRAY_CODES:
        return array("d", array(ARRAY_CODES[column.type], bytes(column.data)))  # float64 itself is copied quickly
    if column.type == "values" and all(type(value) in (int, float) for value in column.data):
        return array("d", column.data)
    raise ValueError("_ts must be numeric: seconds since the epoch")


def _is_any(test: str, times: "array[float]") -> bool:
    """Whether math's `test` holds for one of them; by NumPy where the user has it loaded, for there may be millions."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        return bool(getattr(numpy, test)(numpy.frombuffer(times)).any())
    return any(map(getattr(math, test), times))


def _bounded(packed: Mapping[str, Packed], start: int, stop: int) -> Iterator[Piece]:
    """The points of one piece, or of several where values of unknown size turn out to be large."""
    columns = {name: column.piece(start, stop) for name, column in packed.items()}
    around = sum(len(name.encode()) + 5 * len(column.shape) + COLUMN_BYTES for name, column in columns.items())
    size = sum(len(column.data) for column in columns.values()) + around + COLUMN_BYTES
    if size <= RECORD_TARGET_BYTES * 4 or (stop - start == 1 and size <= CALL_BYTES):
        yield Piece(start, stop - start, columns)
    elif stop - start == 1:
        raise ValueError(f"point {start} of the call has {size} bytes, at most {CALL_BYTES} are allowed")
    else:
        middle = (start + stop) // 2
        yield from _bounded(packed, start, middle)
        yield from _bounded(packed, middle, stop)


def _pack_list(values: list[Any], field: str) -> Packed:
    kind = common_type(values)
    if kind is None:
        values = [plain(value, f"{field}[{at}]") for at, value in enumerate(values)]
        kind = common_type(values)  # NumPy's and PyTorch's scalars are plain numbers now
    if kind is None:
        return Packed("values", len(values), values)
    return Packed(kind, len(values), memoryview(pack_numbers(kind, values)))


def _as_numpy(values: Any, field: str) -> Any:
    """A NumPy array, or a list where values are absent that an array of numbers can't tell."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(values, numpy.ndarray):
        # A masked array knows values that are not there: they are None, as its tolist() has them.
        return numpy.array(values.tolist(), dtype=object) if isinstance(values, numpy.ma.MaskedArray) else values
    if is_array(values):
        return asked_of_library(opened_column, values, field)
    found = opened(values)
    if found is not None:
        return found
    raise ValueError(f"column {field!r} is {type(values).__name__}: give a list or an array with one value a point")
