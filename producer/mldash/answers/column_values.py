"""The values of one column as an array of Arrow or NumPy, of the type that follows from all of them.

Arrow; absent and None are null:

  all bool, int, float, str or bytes     bool, int64, float64, string, binary
  int and float                          float64, where every int is exact in it
  lists of one of these, nested evenly   list of it
  anything else: mixed types, dicts      string: the JSON text of each value, as events/encoding.py writes it, with
                                         {"mldash.encoding": "json"} in the field's metadata; rows_of_table() reads it

So what is uniform has the type that every tool expects, and what is mixed is kept exactly.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from mldash.events.column_types import EXACT_INT, OF_PYTHON
from mldash.events.encoding import exact_from_json, exact_to_json

from .names import POINT_COLUMNS

ENCODING_KEY: Final = b"mldash.encoding"


def arrow_column(name: str, values: Sequence[Any]) -> tuple[Any, Any]:
    """A field and its array, of the type that follows from these values."""
    import pyarrow

    kind, metadata = _arrow_type(values), None
    if kind is None:
        kind, metadata = pyarrow.string(), {ENCODING_KEY: b"json"}
        values = [None if value is None else _json_text(value) for value in values]
    return pyarrow.field(name, kind, metadata=metadata), pyarrow.array(values, type=kind, from_pandas=False)


def values_of(column: Any, field: Any) -> list[Any]:
    """The reverse of arrow_column: a column's values, those that stand as JSON text as what they are."""
    values: list[Any] = column.to_pylist()
    return parsed(values) if (field.metadata or {}).get(ENCODING_KEY) == b"json" else values


def parsed(texts: Iterable[str | None]) -> list[Any]:
    """JSON texts as the values that they stand for."""
    return [None if text is None else exact_from_json(json.loads(text)) for text in texts]


def arrow_columns(fields: Sequence[Any], columns: Sequence[Any]) -> Any:
    """A pyarrow.Table of metric points: index, createdAt, and the fields that have any value."""
    import pyarrow

    kept = [at for at, column in enumerate(columns) if at < len(POINT_COLUMNS) or column.null_count < len(column)]
    schema = pyarrow.schema([fields[at] for at in kept])
    return pyarrow.Table.from_arrays([columns[at] for at in kept], schema=schema)


def numpy_array(values: Sequence[Any]) -> Any:
    import numpy

    kinds = set(map(type, values))
    if kinds == {bool} or kinds == {int}:
        return numpy.array(values)
    if kinds and kinds <= {int, float, type(None)} and kinds != {type(None)}:
        return numpy.array([numpy.nan if value is None else value for value in values], dtype=numpy.float64)
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array


def _arrow_type(values: Iterable[Any]) -> Any:
    """The Arrow type that holds all values exactly; None where there is none."""
    import pyarrow

    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if not kinds:
        return pyarrow.null()
    if kinds == {list}:
        return _arrow_list_type(present)
    simple = {
        **{kind: pyarrow.type_for_alias(name) for kind, name in OF_PYTHON.items()},
        str: pyarrow.string(),
        bytes: pyarrow.binary(),
    }
    if len(kinds) == 1:
        return simple.get(kinds.pop())
    if kinds == {int, float} and all(abs(value) <= EXACT_INT for value in present if type(value) is int):
        return pyarrow.float64()
    return None


def _arrow_list_type(lists: list[list[Any]]) -> Any:
    import pyarrow

    inner = [item for one in lists for item in one]
    kind = _arrow_type(inner)
    return None if kind is None else pyarrow.list_(kind)


def _json_text(value: Any) -> str:
    return msgspec.json.encode(exact_to_json(value)).decode()
