"""Any value that a script logs → plain data. It never raises: what can't be stored becomes a short description."""

from collections.abc import Mapping
from typing import Any

from mldash.handles.library_arrays import is_array
from mldash.handles.parameter_values import repr_of
from mldash.handles.values import UnsupportedValue, plain, type_name

from .unkept import Unkept, UnkeptValue

PLAIN_TYPES = frozenset((float, int, str, bool, type(None)))


def storable(values: Mapping[str, Any], unkept: Unkept) -> dict[str, Any]:
    """All values of a call; an array of one element is its number, as other trackers have it."""
    return {key: storable_value(value, key, unkept) for key, value in values.items()}


def storable_value(value: Any, key: str, unkept: Unkept) -> Any:
    """One value. What is not stored is counted in `unkept`."""
    if isinstance(value, UnkeptValue):
        unkept.count(value.kind)
        return storable(value.describe(), unkept)
    if isinstance(value, (list, tuple)) and any(isinstance(item, UnkeptValue) for item in value):
        return [storable_value(item, key, unkept) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return storable(value, unkept)
    try:
        found = plain(value, key)
    except UnsupportedValue as error:
        if isinstance(value, (int, str)):  # an int beyond 64 bits, a lone surrogate
            return repr_of(value)
        unkept.count(error.type_name)
        return {"_type": type_name(value)}
    if is_array(value):
        while isinstance(found, list) and len(found) == 1:
            found = found[0]
    return found
