"""Groups of runs, as the API makes them (docs/http.md, Finding runs): within each other, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

STATISTICS: Final = ("count", "mean", "median", "min", "max", "low", "high")


class GroupStatistics(Struct, frozen=True):
    """Of the numbers of a group that are there and not NaN; None where there are none. `low` and `high`: the 95 %
    bootstrap interval of the mean, None of fewer than two."""

    count: int
    mean: float | None
    median: float | None
    min: float | None
    max: float | None
    low: float | None
    high: float | None


class RunGroup(Struct, frozen=True):
    """`value`: of the field that the group is by, None where its runs have none; then `is_missing`. `count`: runs.
    `groups` are by the next field."""

    field: str
    value: Any
    is_missing: bool
    count: int
    values: dict[str, GroupStatistics]
    groups: list[RunGroup]


class Groups:
    """The answer of `client.groups(…)`: an iterable of the groups by the first field, as the API orders them."""

    def __init__(self, groups: list[RunGroup], count: int, by: Sequence[str], values: Sequence[str]) -> None:
        """`count`: runs in all groups together."""
        self.groups, self.count, self.by, self.values = groups, count, list(by), list(values)

    def __iter__(self) -> Iterator[RunGroup]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def __repr__(self) -> str:
        return f"<Groups of {self.count} runs by {', '.join(self.by)}>"

    def columns(self) -> dict[str, list[Any]]:
        """A row an innermost group: the fields that it is by, `count` (runs), and of each of `values` its statistics
        as `mean(metrics.eval.acc.max)`, …; what such a group has none of is None."""
        found: dict[str, list[Any]] = {name: [] for name in [*self.by, "count"]}
        for name in self.values:
            found |= {f"{statistic}({name})": [] for statistic in STATISTICS}
        for path in _innermost(self.groups):
            group = path[-1]
            for one in path:
                found[one.field].append(one.value)
            found["count"].append(group.count)
            for name in self.values:
                for statistic in STATISTICS:
                    found[f"{statistic}({name})"].append(getattr(group.values[name], statistic))
        return found

    def to_arrow(self) -> Any:
        """A pyarrow.Table of `columns()`. Raises PackageMissing (an ImportError)."""
        from .tables import arrow_of_columns

        return arrow_of_columns(self.columns())

    def to_pandas(self) -> Any:
        """A DataFrame of `columns()`, whose index are the fields that groups are by. Raises PackageMissing."""
        from .tables import pandas_of_columns

        return pandas_of_columns(self.columns()).set_index(self.by)

    def to_polars(self) -> Any:
        """A Polars DataFrame of the columns and types of `to_arrow()`. Raises PackageMissing."""
        from .tables import polars_of_columns

        return polars_of_columns(self.columns())


def groups_of(answer: Mapping[str, Any], by: Sequence[str], values: Sequence[str]) -> Groups:
    """The API's answer, typed."""
    return Groups([_group_of(one) for one in answer["groups"]], answer["count"], by, values)


def _group_of(one: Mapping[str, Any]) -> RunGroup:
    return RunGroup(
        field=one["field"],
        value=one["value"],
        is_missing=one["isMissing"],
        count=one["count"],
        values={name: GroupStatistics(**{part: of[part] for part in STATISTICS}) for name, of in one["values"].items()},
        groups=[_group_of(each) for each in one["groups"]],
    )


def _innermost(groups: Sequence[RunGroup], above: tuple[RunGroup, ...] = ()) -> Iterator[tuple[RunGroup, ...]]:
    for one in groups:
        path = (*above, one)
        if one.groups:
            yield from _innermost(one.groups, path)
        else:
            yield path
