"""An Arrow IPC stream of points, as the API exports it → what columns.py makes of the same points.

Numbers stay as they lie in memory. What the API had to write as JSON text gets the type that columns.py would give it,
and its narrower or larger variants of a type (float32, large_string, large_list) are the plain ones here.
"""

from typing import Any, Final

from .column_values import ENCODING_KEY, arrow_column, arrow_columns, numpy_array, parsed, values_of

_WHOLE_EVENTS: Final = b"events"


def table_of_stream(data: bytes) -> Any:
    """A pyarrow.Table; None where points have so many fields that they came as whole events."""
    import pyarrow

    found = pyarrow.ipc.open_stream(data).read_all()
    fields, columns = [], []
    for at, field in enumerate(found.schema):
        column, encoding = found.column(at), (field.metadata or {}).get(ENCODING_KEY)
        if encoding == _WHOLE_EVENTS:
            return None
        if encoding is not None:
            field, column = arrow_column(field.name, parsed(column.to_pylist()))
        else:
            column = column.cast(_plain(field.type))
            field = pyarrow.field(field.name, column.type)
        fields.append(field)
        columns.append(column)
    return arrow_columns(fields, columns)


def _plain(kind: Any) -> Any:
    import pyarrow

    if pyarrow.types.is_float32(kind):
        return pyarrow.float64()
    if pyarrow.types.is_large_string(kind):
        return pyarrow.string()
    if pyarrow.types.is_large_list(kind):
        return pyarrow.list_(_plain(kind.value_type))
    return kind


def arrays_of_table(table: Any) -> dict[str, Any]:
    """NumPy arrays as columns.py makes them of values: numbers and times at once, all else one by one."""
    return {name: _array(table.column(at), table.schema.field(at)) for at, name in enumerate(table.column_names)}


def _array(column: Any, field: Any) -> Any:
    import numpy
    import pyarrow

    kind = field.type
    if pyarrow.types.is_timestamp(kind):
        return column.cast(pyarrow.timestamp("us")).to_numpy()
    plain = pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind)
    if plain and column.null_count:
        return column.cast(pyarrow.float64(), safe=False).to_numpy()
    if plain or (pyarrow.types.is_boolean(kind) and not column.null_count):
        return numpy.ascontiguousarray(column.to_numpy())
    return numpy_array(values_of(column, field))
