"""Columns of pandas, Polars and Arrow → NumPy arrays, or lists where a value is absent in some positions.

Their `to_numpy()` makes floats of integers with a gap, so that 2**53 + 1 becomes 2**53: what has gaps goes value by
value instead, exactly, with None in the gaps. Times without a zone are UTC in all of them, as in NumPy (moments.py).
None of the three is imported here: a column can be one of theirs only where the user has imported them.
"""

import sys
from typing import Any

_NUMBERS = "biuf"


def opened(column: Any) -> Any:
    """A NumPy array or a list of the column's values; None for a column of none of these libraries."""
    if not hasattr(column, "to_numpy") or isinstance(column, type):
        return None
    for name, kinds, open_column in _LIBRARIES:
        library: Any = sys.modules.get(name)
        found = [kind for kind in (getattr(library, one, None) for one in kinds) if isinstance(kind, type)]
        if isinstance(column, tuple(found)):
            return open_column(column)
    return column.to_numpy()


def _of_pandas(column: Any) -> Any:
    numpy, pandas, dtype = sys.modules["numpy"], sys.modules["pandas"], column.dtype
    if type(column) is getattr(pandas.arrays, "NumpyExtensionArray", None):
        return _of_pandas(pandas.Series(column.to_numpy()))
    if isinstance(dtype, numpy.dtype):
        # An object column holds what the user put there: NaN in it stays NaN, and NA becomes None as in a list.
        return column.to_numpy() if dtype.kind in _NUMBERS + "mM" else _with_gaps(column, dtype.kind != "O")
    exact = getattr(dtype, "numpy_dtype", None)
    if isinstance(exact, numpy.dtype) and exact.kind in _NUMBERS and not column.isna().any():
        return column.to_numpy(dtype=exact)
    return _with_gaps(column, True)


def _with_gaps(column: Any, asked: bool) -> list[Any]:
    if not asked:
        return list(column)
    return [None if gap else value for value, gap in zip(column, column.isna(), strict=True)]


def _of_pandas_frame(frame: Any) -> Any:
    return _rows([_of_pandas(frame.iloc[:, at]) for at in range(frame.shape[1])], frame)


def _of_polars_frame(frame: Any) -> Any:
    return _rows([_of_polars(column) for column in frame.get_columns()], frame)


def _rows(columns: list[Any], frame: Any) -> Any:
    """A frame's rows: an array where all columns are of one type of numbers, which then stay what they are."""
    if columns and all(not isinstance(one, list) and one.dtype == columns[0].dtype for one in columns):
        return frame.to_numpy()
    listed = [one if isinstance(one, list) else one.tolist() for one in columns]
    return [list(row) for row in zip(*listed, strict=True)]


def _of_polars(column: Any) -> Any:
    polars, dtype = sys.modules["polars"], column.dtype
    number = dtype == polars.Boolean or (dtype.is_numeric() and not dtype.is_decimal())
    if dtype.base_type() is polars.Datetime or (number and column.null_count() == 0):
        return column.to_numpy()
    return column.to_list()


def _of_arrow(column: Any) -> Any:
    types, kind = sys.modules["pyarrow"].types, column.type
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if types.is_timestamp(kind) or (number and column.null_count == 0):
        return column.to_numpy(zero_copy_only=False)
    return column.to_pylist()


_LIBRARIES = (
    ("pandas", ("Series", "Index"), _of_pandas),
    ("pandas", ("DataFrame",), _of_pandas_frame),
    ("pandas.api.extensions", ("ExtensionArray",), _of_pandas),
    ("polars", ("Series",), _of_polars),
    ("polars", ("DataFrame",), _of_polars_frame),
    ("pyarrow", ("Array", "ChunkedArray"), _of_arrow),
)
