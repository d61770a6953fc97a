"""Values that may be logged → plain data: None, bool, int of 64 bits, float, str, bytes, and lists and dicts of these.

  as it is              None, bool, int, float, str, bytes, list, dict (keys are text)
  to numbers and lists  scalars and arrays of NumPy, PyTorch, JAX, TensorFlow and Keras, on whatever device they are
  to text               datetime, date and NumPy's datetime64 (ISO 8601; moments.py says of which zone), Path, UUID,
                        Decimal
  to seconds            timedelta and NumPy's timedelta64
  to a list             tuple, set and frozenset (sorted, so that each process writes the same)
  to a dict             other mappings, dataclasses, msgspec Structs
  to what it stands for Enum (its value), subclasses of all the above (the plain type)
  to None               pandas' NA and NaT, NumPy's NaT

Anything else raises UnsupportedValue at the call, and nothing of that call is written: another type, an int beyond 64
bits, text with a lone surrogate, a key that is not text, nesting beyond 64, an array that its library can't read.

None of the libraries is imported here: a value can be one of theirs only where the user has imported them.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from msgspec import Struct

from mldash.errors import MldashError
from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.identity import check_name
from mldash.events.limits import NESTING
from mldash.events.moments import is_absent, text_of, texts_of

from .library_arrays import SMALL_FLOATS, SMALL_INTS, is_array, opened_array

_AS_IT_IS = frozenset((float, bool, type(None), bytes))


class UnsupportedValue(MldashError, TypeError, ValueError):
    """A value that can't be logged: `field` says where it stands, `type_name` its type, `reason` what is wrong."""

    def __init__(self, field: str, type_name: str, reason: str) -> None:
        super().__init__(field, type_name, reason)  # args are the fields: the error survives pickling
        self.field, self.type_name, self.reason = field, type_name, reason

    def __str__(self) -> str:
        return f"{self.field!r} ({self.type_name}) can't be logged: {self.reason}"


def plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one call with plain values and checked names. Raises UnsupportedValue, ValueError (a name)."""
    for name in fields:
        check_name("field", name)
    return {str(name): plain(value, name) for name, value in fields.items()}


def plain(value: Any, field: str, depth: int = 0) -> Any:
    """The value as plain data. `field` is what an error names; `depth` counts the lists and dicts around the value."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is int:
        return _checked_int(value, field)
    if kind is str:
        return _checked_text(value, field)
    if kind is list:
        return _list(value, field, depth)
    if kind is dict:
        return _dict(value, field, depth)
    return _converted(value, field, depth)


def _converted(value: Any, field: str, depth: int) -> Any:
    """Of other types than plain ones, the narrower before the wider: an IntEnum is an Enum, a datetime is a date."""
    if isinstance(value, Enum):
        return plain(value.value, field, depth)
    if (numbers := sys.modules.get("numpy")) is not None and isinstance(value, (numbers.generic, numbers.ndarray)):
        return _from_numpy(value, field, depth)
    if is_array(value):
        return plain(asked_of_library(opened_array, value, field), field, depth)
    if isinstance(value, int):
        return _checked_int(int(value), field)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return _checked_text(str.__str__(value), field)
    if isinstance(value, bytes):
        return bytes(value)
    if is_absent(value):  # before dates: NaT is one
        return None
    if isinstance(value, date):
        return text_of(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (PurePath, UUID, Decimal)):
        return _checked_text(str(value), field)
    if isinstance(value, (set, frozenset)):
        return _list(in_order(value), field, depth)
    if isinstance(value, (list, tuple)):
        return _list(value, field, depth)
    if isinstance(value, Mapping):
        return _dict(value, field, depth)
    if isinstance(value, Struct):
        return _dict({name: getattr(value, name) for name in value.__struct_fields__}, field, depth)
    if hasattr(type(value), "__dataclass_fields__"):
        return _dict(members_of(value), field, depth)
    raise UnsupportedValue(field, type_name(value), "its type is none of those that can be stored")


def _checked_int(value: int, field: str) -> int:
    if MIN_INT <= value <= MAX_INT:
        return value
    raise UnsupportedValue(field, "int", "integers are 64 bits, signed; write larger ones as text")


def _checked_text(value: str, field: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UnsupportedValue(field, "str", f"a lone surrogate at position {error.start}") from None
    return value


def _list(value: Any, field: str, depth: int) -> list[Any]:
    _check_depth(value, field, depth)
    if _AS_IT_IS.issuperset(map(type, value)):  # long lists of floats: no Python loop
        return list(value)
    return [plain(item, f"{field}[{at}]", depth + 1) for at, item in enumerate(value)]


def _dict(value: Mapping[Any, Any], field: str, depth: int) -> dict[str, Any]:
    _check_depth(value, field, depth)
    converted = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise UnsupportedValue(field, type_name(value), f"its key {key!r} is no text but {type_name(key)}")
        name = _checked_text(str.__str__(key), field)
        converted[name] = plain(item, f"{field}.{name}", depth + 1)
    return converted


def _check_depth(value: Any, field: str, depth: int) -> None:
    if depth >= NESTING:
        # The outermost name is enough: the path down to here is 64 names long.
        name = field.split(".", 1)[0].split("[", 1)[0]
        raise UnsupportedValue(name, type_name(value), f"lists and dicts nest at most {NESTING} deep")


def members_of(value: Any) -> dict[str, Any]:
    """Fields of a dataclass that have a value; here and not at the head, for the module brings much that nothing else
    needs."""
    import dataclasses

    return {one.name: getattr(value, one.name) for one in dataclasses.fields(value) if hasattr(value, one.name)}


def in_order(members: Any) -> list[Any]:
    """In an order that does not follow from hashes, which differ from process to process."""
    try:
        return sorted(members)
    except TypeError:
        return sorted(members, key=lambda member: (type(member).__qualname__, repr(member)))


def _from_numpy(value: Any, field: str, depth: int) -> Any:
    kind = value.dtype.kind
    if kind in "bi" or (kind == "f" and value.dtype.itemsize <= 8):
        if value.ndim:
            _check_depth(value, field, depth + value.ndim - 1)
        return value.tolist()  # Python's own numbers, all in range
    if kind in "uOSU":
        return plain(value.tolist(), field, depth)
    if kind == "M":
        return plain(texts_of(value), field, depth)
    if kind == "m" and sys.modules["numpy"].datetime_data(value.dtype)[0] not in {"Y", "M", "generic"}:
        return plain(_seconds_of_numpy(value), field, depth)
    if value.dtype.name in SMALL_INTS:
        return value.astype("int64").tolist()
    if kind == "f" or value.dtype.name in SMALL_FLOATS:
        return plain(value.astype("float64").tolist(), field, depth)
    raise UnsupportedValue(field, type_name(value), f"values of {value.dtype} can't be stored")


def _seconds_of_numpy(value: Any) -> Any:
    """timedelta64 → seconds, None for NaT."""
    numpy = sys.modules["numpy"]
    seconds = numpy.asarray(value / numpy.timedelta64(1, "s"))
    gaps = numpy.isnat(value)
    if gaps.any():
        seconds = seconds.astype(object)
        seconds[gaps] = None
    return seconds.tolist()


def asked_of_library(read: Callable[[Any], Any], value: Any, field: str) -> Any:
    """An array as `read` has it. Raises UnsupportedValue in place of whatever its library raises."""
    try:
        return read(value)
    except Exception as error:
        told = next(iter(str(error).splitlines()), "")
        raise UnsupportedValue(field, type_name(value), f"{type(error).__name__}: {told:.200}") from error


def type_name(value: Any) -> str:
    """As an error names it: with its module unless it is a builtin."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
