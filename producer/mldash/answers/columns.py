"""Answers as columns: Python lists, NumPy, pandas, Arrow and Parquet. Each library is loaded when it is asked for.

Of metric points createdAt is a timestamp: UTC, microseconds; a field without values in the whole range has no column.
The types of columns follow from their values (column_values.py).
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

from mldash.errors import PackageMissing

from .arrow_stream import arrays_of_table
from .column_values import arrow_column, arrow_columns, numpy_array, values_of
from .names import POINT_COLUMNS, escaped
from .rows import column_names
from .shapes import MetricPoint

FORMATS: Final = ("lists", "numpy", "arrow", "pandas")

_PACKAGES: Final = {
    "numpy": ("numpy", "numpy"),
    "arrow": ("pyarrow", "mldash[arrow]"),
    "parquet": ("pyarrow", "mldash[arrow]"),
    "pandas": ("pandas", "pandas"),
}
"""Of a format: what makes it, and what pip installs it by."""


def columns_of_points(points: Iterable[MetricPoint], fields: Sequence[str] | None, format: str) -> Any:
    """Metric points as columns "index", "createdAt" and one a field; one of these names gets a "_" (names.py).

    Raises ValueError for another format, PackageMissing.
    """
    check_format(format)
    rows = [
        {
            "index": point["index"],
            "createdAt": point["createdAt"],
            **{
                escaped(name, POINT_COLUMNS): value
                for name, value in point["data"].items()
                if fields is None or name in fields
            },
        }
        for point in points
    ]
    columns = {name: [row.get(name) for row in rows] for name in column_names(rows, POINT_COLUMNS)}
    if format == "lists":
        return columns
    times: list[Any] = columns.pop("createdAt")
    valued = {name: values for name, values in columns.items() if name == "index" or any(v is not None for v in values)}
    if format == "arrow":
        return _table_of_points(times, valued)
    arrays = {name: numpy_array(values) for name, values in valued.items()}
    return _in_form({"index": arrays.pop("index"), "createdAt": _moments(times), **arrays}, format)


def columns_of_table(table: Any, format: str) -> Any:
    """The same of points that came as a pyarrow.Table (arrow_stream.py): all formats but "lists"."""
    if format == "arrow":
        return table
    return _in_form(arrays_of_table(table), format)


def check_format(format: str) -> None:
    """Raises ValueError for what read_columns has not, PackageMissing."""
    if format not in FORMATS:
        raise ValueError(f"format {format!r}: use one of {', '.join(FORMATS)}")
    check_package(format)


def check_package(format: str, asked_for: str = "") -> None:
    """Raises PackageMissing where what makes the format, or what is `asked_for` and made by it, is not installed."""
    if format in _PACKAGES:
        package, install = _PACKAGES[format]
        if find_spec(package) is None:
            raise PackageMissing(package, asked_for or f"format={format!r}", install)


def _in_form(arrays: dict[str, Any], format: str) -> Any:
    if format == "numpy":
        return arrays
    import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]

    frame = pandas.DataFrame(arrays).set_index("index")
    frame["createdAt"] = frame["createdAt"].dt.tz_localize("UTC")
    return frame


def _moments(times: Sequence[str]) -> Any:
    import numpy

    return numpy.array([time.removesuffix("Z") for time in times], "datetime64[us]")


def _table_of_points(times: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> Any:
    import pyarrow

    found = [arrow_column(name, values) for name, values in columns.items() if name != "index"]
    index = pyarrow.array(columns["index"], pyarrow.int64())
    moments = pyarrow.array(times, pyarrow.string()).cast(pyarrow.timestamp("us", "UTC"))
    found[:0] = [(pyarrow.field(name, one.type), one) for name, one in (("index", index), ("createdAt", moments))]
    return arrow_columns([field for field, _ in found], [column for _, column in found])


def table_of_rows(rows: Sequence[Mapping[str, Any]], first: Sequence[str] = ()) -> Any:
    """Rows as a pyarrow.Table with every column that any row has, `first` before the others."""
    import pyarrow

    columns = [arrow_column(name, [row.get(name) for row in rows]) for name in column_names(rows, first)]
    schema = pyarrow.schema([field for field, _ in columns])
    return pyarrow.Table.from_arrays([array for _, array in columns], schema=schema)


def rows_of_table(table: Any) -> list[dict[str, Any]]:
    """The reverse of table_of_rows; what was absent or None is absent."""
    columns = {field.name: values_of(table.column(at), field) for at, field in enumerate(table.schema)}
    return [
        {name: values[row] for name, values in columns.items() if values[row] is not None}
        for row in range(table.num_rows)
    ]


def parquet_bytes(rows: Sequence[Mapping[str, Any]], first: Sequence[str] = ()) -> bytes:
    """Rows as one Parquet file."""
    import pyarrow.parquet

    from .nan_statistics import holds_nan, paths_with_statistics

    target, table = io.BytesIO(), table_of_rows(rows, first)
    nan = {name for name, column in zip(table.column_names, table.columns, strict=True) if holds_nan(column)}
    statistics = paths_with_statistics(table.schema, nan)
    pyarrow.parquet.write_table(table, target, compression="zstd", write_statistics=statistics)
    return target.getvalue()
