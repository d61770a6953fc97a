"""Rows of a comparison: one name with the value of each run. Pure.

Values are the same where they are the same in MessagePack: 1, 1.0 and True differ, NaN is NaN. A run that has no such
name is named in `missing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from mldash.answers.shapes import ComparedRow, ComparedStatistic

STATISTICS: Final = ("count", "min", "max", "mean", "last", "first")
_encode = msgspec.msgpack.Encoder().encode

Run = int
Row = tuple[Any, list[Any], list[Run]]
"""A key, the value of each run, and who of those that are there has none."""


def rows_of(
    found: Mapping[Run, Mapping[Any, Any]], runs: Sequence[Run], count: int, *, everything: bool
) -> Iterator[Row]:
    """Those in which the runs that are there (`runs`, of `count`) differ, or all."""
    for key in sorted({key for values in found.values() for key in values}, key=_order):
        missing = [run for run in runs if key not in found.get(run, {})]
        if not everything and not missing:
            first, *others = (_encode(found[run][key]) for run in runs)
            if all(other == first for other in others):
                continue
        yield key, [found.get(run, {}).get(key) for run in range(count)], missing


def named(rows: Iterable[Row]) -> list[ComparedRow]:
    return [{"name": name, "values": values, "missing": missing} for name, values, missing in rows]


def statistics_rows(rows: Iterable[Row]) -> list[ComparedStatistic]:
    """Of keys that are a metric, a field and a statistic."""
    return [
        {"metric": metric, "field": field, "statistic": name, "values": values, "missing": missing}
        for (metric, field, name), values, missing in rows
    ]


def _order(key: Any) -> Any:
    """The unnamed metric first."""
    return key if isinstance(key, str) else (key[0] is not None, key[0] or "", key[1], STATISTICS.index(key[2]))
