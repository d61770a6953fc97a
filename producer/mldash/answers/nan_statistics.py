"""The columns of a Parquet file that may say their least and greatest value: those without NaN.

Parquet's least and greatest value leave NaN out, so a reader that skips rows by them has to know that a column may hold
NaN all the same. DuckDB, ClickHouse and pyarrow do not: `isnan(x)` finds no row where the statistics of x are 0 and 1,
nor does `NOT (x <= 2)` one that is NaN. Without statistics all of them look into the rows (findings/).
"""

from collections.abc import Collection
from typing import Any


def holds_nan(array: Any) -> bool:
    """Whether any number of a pyarrow array is NaN, however deep in lists."""
    from pyarrow import compute, types

    flat = array
    while types.is_list(flat.type) or types.is_large_list(flat.type):
        flat = compute.list_flatten(flat)
    return bool(types.is_floating(flat.type) and compute.any(compute.is_nan(flat)).as_py())


def may_hold_nan(kind: Any) -> bool:
    """Whether a column of this pyarrow type can."""
    from pyarrow import types

    while types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    return bool(types.is_floating(kind))


def paths_with_statistics(schema: Any, nan: Collection[str]) -> list[str] | bool:
    """The value for pyarrow's `write_statistics`; `nan` are the columns that hold some."""
    paths = [(field.name, _path(field.name, field.type)) for field in schema]
    without = {path for name, path in paths if name in nan}
    return [path for _, path in paths if path not in without] if without else True


def _path(name: str, kind: Any) -> str:
    from pyarrow import types

    while types.is_list(kind) or types.is_large_list(kind):
        name, kind = f"{name}.list.element", kind.value_type
    return name
