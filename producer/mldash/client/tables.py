"""Rows of runs as columns. Each library is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from mldash.answers.column_values import arrow_column
from mldash.errors import PackageMissing
from mldash.events.column_types import EXACT_INT

from .rows import RunRow


def arrow_table(rows: Sequence[RunRow], columns: Sequence[str], times: Collection[str]) -> Any:
    """Raises PackageMissing."""
    _check("pyarrow", "to_arrow()", "mldash[arrow]")
    import pyarrow

    fields, arrays = [], []
    for name in ("prefix", *columns):
        values = [row.get(name) for row in rows]
        if name in times or name == "prefix":
            array = pyarrow.array(values, pyarrow.string())
            if name in times:
                array = array.cast(pyarrow.timestamp("us", "UTC"))
            field = pyarrow.field(name, array.type)
        else:
            field, array = arrow_column(name, values)
        fields.append(field)
        arrays.append(array)
    return pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))


def pandas_frame(rows: Sequence[RunRow], columns: Sequence[str], times: Collection[str]) -> Any:
    """Raises PackageMissing."""
    _check("pandas", "to_pandas()", "pandas")
    import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]

    index = pandas.Index([row.prefix for row in rows], name="prefix", dtype=object)
    series = {}
    for name in columns:
        values = [row.get(name) for row in rows]
        if name in times:
            series[name] = pandas.Series(pandas.to_datetime(values, utc=True, format="ISO8601"), index=index)
        else:
            series[name] = pandas.Series(values, index=index, dtype=_pandas_type(values))
    return pandas.DataFrame(series, index=index, columns=list(columns))


def polars_frame(rows: Sequence[RunRow], columns: Sequence[str], times: Collection[str]) -> Any:
    """By way of Arrow. Raises PackageMissing."""
    _check("polars", "to_polars()", "polars")
    _check("pyarrow", "to_polars()", "mldash[arrow]")
    import polars

    return polars.from_arrow(arrow_table(rows, columns, times))


def arrow_of_columns(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Raises PackageMissing."""
    _check("pyarrow", "to_arrow()", "mldash[arrow]")
    import pyarrow

    made = [arrow_column(name, values) for name, values in columns.items()]
    return pyarrow.Table.from_arrays([array for _, array in made], schema=pyarrow.schema([field for field, _ in made]))


def pandas_of_columns(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Raises PackageMissing."""
    _check("pandas", "to_pandas()", "pandas")
    import pandas

    return pandas.DataFrame({name: pandas.Series(one, dtype=_pandas_type(one)) for name, one in columns.items()})


def polars_of_columns(columns: Mapping[str, Sequence[Any]]) -> Any:
    """By way of Arrow. Raises PackageMissing."""
    _check("polars", "to_polars()", "polars")
    _check("pyarrow", "to_polars()", "mldash[arrow]")
    import polars

    return polars.from_arrow(arrow_of_columns(columns))


def _pandas_type(values: Sequence[Any]) -> str:
    """One that holds them exactly; whole numbers beside others are floats, as in Arrow."""
    kinds = set(map(type, values))
    present = kinds - {type(None)}
    if present == {int} and all(-(1 << 63) <= one < 1 << 63 for one in values if one is not None):
        return "int64" if kinds == {int} else "Int64"
    if float in present and present <= {int, float}:
        exact = all(abs(one) <= EXACT_INT for one in values if type(one) is int)
        return "float64" if exact else "object"
    if present == {bool}:
        return "bool" if kinds == {bool} else "boolean"
    return "object"


def _check(package: str, asked_for: str, install: str) -> None:
    if find_spec(package) is None:
        raise PackageMissing(package, asked_for, install)
