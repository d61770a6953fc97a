"""Any value that a script logs → plain data. It never raises: what can't be stored becomes a short description."""

from collections.abc import Mapping
from typing import Any

from mldash.events.limits import NESTING
from mldash.handles.library_arrays import is_array
from mldash.handles.parameter_values import repr_of
from mldash.handles.values import UnsupportedValue, plain, type_name

from .unkept import Unkept, UnkeptValue

PLAIN_TYPES = frozenset((float, int, str, bool, type(None)))


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
