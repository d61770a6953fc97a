"""Any value that a script logs → plain data. It never raises: what can't be stored becomes a short description."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mldash.events.limits import CALL_BYTES, NESTING
from mldash.handles.library_arrays import is_array
from mldash.handles.parameter_values import repr_of
from mldash.handles.values import UnsupportedValue, plain, type_name

from .unkept import Unkept, UnkeptValue

PLAIN_TYPES = frozenset((float, int, str, bool, type(None)))

_encode = msgspec.msgpack.Encoder().encode


def storable(values: Mapping[str, Any], unkept: Unkept, depth: int = 0) -> dict[str, Any]:
    """All values of a call; an array of one element is its number, as other trackers have it."""
    return {key: storable_value(value, key, unkept, depth) for key, value in values.items()}


def storable_value(value: Any, key: str, unkept: Unkept, depth: int = 0) -> Any:
    """One value, within so many others. What is not stored is counted in `unkept`."""
    try:
        return _stored(value, key, unkept, depth)
    except UnsupportedValue:
        if isinstance(value, (int, str)):  # an int beyond 64 bits, a lone surrogate
            return repr_of(value)
    except Exception:  # whatever an object of a script's own raises where it is looked at
        pass
    unkept.count(type_name(value))
    return {"_type": type_name(value)}


def without_large(fields: Mapping[str, Any], given: Mapping[str, Any], unkept: Unkept) -> dict[str, Any]:
    """Fields of a point that is too large, those that make it so as descriptions. `given`: the values of the script."""
    most = CALL_BYTES // (len(fields) + 1)  # the names need room too
    kept = {}
    for name, value in fields.items():
        if len(_encode(value)) <= most:
            kept[name] = value
            continue
        original = given.get(name, value)
        unkept.count(f"{type_name(original)} too large for its point")
        kept[name] = {"_type": type_name(original), "shape": _shape(original)}
    return kept


def _shape(value: Any) -> list[int]:
    shape = getattr(value, "shape", None)
    return [int(size) for size in shape] if isinstance(shape, (tuple, list)) else [len(value)]


def _stored(value: Any, key: str, unkept: Unkept, depth: int) -> Any:
    if isinstance(value, UnkeptValue):
        unkept.count(value.kind)
        return storable(value.describe(), unkept, depth + 1)
    if isinstance(value, (list, tuple)) and any(isinstance(item, UnkeptValue) for item in value):
        return [storable_value(item, key, unkept, depth + 1) for item in value]
    # Beyond the limit plain() refuses it, and what holds itself with it.
    if isinstance(value, Mapping) and depth < NESTING and all(isinstance(name, str) for name in value):
        return storable(value, unkept, depth + 1)
    found = plain(value, key, depth)
    if is_array(value):
        while isinstance(found, list) and len(found) == 1:
            found = found[0]
    return found
