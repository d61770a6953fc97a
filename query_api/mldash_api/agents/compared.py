"""compare_runs, where_parted"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from mldash.answers.shapes import ComparedRow, Comparison
from mldash.answers.view_request import checked_request
from mldash.client.client import Client

from .backing import Backing, check_metric, found_run
from .budget import Answer, Part, fit, kept, wider
from .errors import NoSuchField, WrongArgument
from .texts import NONE, QUOTED_IS_LOGGED, call_text, number_text, quoted, table, value_text

_LETTERS: Final = 80
_MOST_VALUES: Final = 6
_WIDE: Final = 8
"""Of more runs than this a row tells its values and how many runs have each."""


def compare_runs(client: Client, backing: Backing, prefixes: Sequence[str], budget: int) -> Answer:
    _check_several(prefixes)
    runs = [found_run(client, prefix).prefix for prefix in prefixes]
    found = backing.compare(runs)
    head = [f"{len(runs)} runs, and in what they differ; what is the same in all is left out. {QUOTED_IS_LOGGED}"]
    if len(runs) <= _WIDE:
        head += [f"{at} is {quoted(prefix, 1100)}" for at, prefix in enumerate(runs)]
    parts = [kept("\n".join(head)), *_difference(found, budget)]
    counts = {name: len(found[name]) for name in ("params", "context", "statistics")}
    return fit(parts, budget, {"runs": len(runs), **counts})


def where_parted(
    client: Client,
    backing: Backing,
    prefixes: tuple[str, str],
    metric: str | None,
    field: str,
    x: str,
    bounds: tuple[Any, Any],
    columns: int,
    together: int,
    budget: int,
) -> Answer:
    request = checked_request([field], x, *bounds, columns)
    for prefix in prefixes:
        run = found_run(client, prefix)
        check_metric(run, metric)
        known = run.metrics(metric).stats(wait=0)["fields"]
        if field not in known:
            raise NoSuchField(field, metric, known)
    found = backing.parted(prefixes, metric, request, together)
    lines = [f"{at} is {quoted(prefix, 1100)}" for at, prefix in enumerate(prefixes)]
    facts: dict[str, Any] = {"found": found.found, "x": found.x, "above": found.above}
    if found.found == "parted":
        assert found.above is not None and found.bands is not None and found.column is not None, "parted"
        lines.append(f"They parted at {x} {number_text(found.x)}: from there on run {found.above} lies above.")
        for at, (low, high) in enumerate(found.bands):
            where = f"[{number_text(found.column[0])}, {number_text(found.column[1])})"
            lines.append(f"Run {at} in {x} {where}: {number_text(low)} to {number_text(high)}.")
    elif found.found == "never":
        lines.append(f"They never part: their values do not lie apart for {together} of {columns} columns in turn.")
    else:
        lines.append(f"There is no {x} at which both have numbers.")
    parts = [kept("\n".join([*lines, QUOTED_IS_LOGGED]))]
    if prefixes[0] != prefixes[1]:
        parts += _difference(backing.compare(prefixes), budget)[:1]
    return fit(parts, budget, facts)


def _difference(found: Comparison, budget: int) -> list[Part]:
    """Params and figures before context."""
    runs = found["prefixes"]
    statistics: list[ComparedRow] = [
        {
            "name": f"{_metric(one['metric'])} {quoted(one['field'], _LETTERS)} {one['statistic']}",
            "values": one["values"],
            "missing": one["missing"],
        }
        for one in found["statistics"]
    ]
    params, context = _named(found["params"]), _named(found["context"])
    return [
        _rows("params", params, runs, budget, rank=1),
        _rows("figures of metrics", statistics, runs, budget, rank=2),
        _rows("context", context, runs, budget, rank=3),
    ]


def _named(rows: Sequence[ComparedRow]) -> list[ComparedRow]:
    return [{"name": quoted(one["name"]), "values": one["values"], "missing": one["missing"]} for one in rows]


def _rows(what: str, rows: Sequence[ComparedRow], prefixes: Sequence[str], budget: int, *, rank: int) -> Part:
    def text(size: int) -> str:
        if not rows:
            return f"No {what} differ."
        if not size:
            return f"{len(rows)} {what} differ."
        if len(prefixes) > _WIDE:
            names = ["name", "values and how many runs have them"]
            lines = [[one["name"], _spread(one)] for one in rows[:size]]
        else:
            names = ["name", *map(str, range(len(prefixes)))]
            lines = [[one["name"], *_values(one)] for one in rows[:size]]
        return f"{len(rows)} {what} differ:\n{table(names, lines)}"

    def told(size: int | None) -> tuple[str, str]:
        call = call_text("compare_runs", runs=[*prefixes], budget=wider(budget))
        return f"{len(rows) - (size or 0)} of {len(rows)} {what}", call

    return Part(text, told, range(len(rows), -1, -1), rank)


def _values(row: ComparedRow) -> list[str]:
    return [
        NONE if at in row["missing"] else value_text(value, _LETTERS) if value is not None else "null"
        for at, value in enumerate(row["values"])
    ]


def _spread(row: ComparedRow) -> str:
    """Values by how many runs have them; of many different numbers the least and the greatest."""
    counts = Counter(_values(row))
    if len(counts) <= _MOST_VALUES:
        return ", ".join(f"{value} ×{count}" for value, count in counts.most_common())
    numbers = [one for one in row["values"] if isinstance(one, int | float) and one == one]
    odd = len(row["values"]) - len(numbers)
    if not numbers:
        return f"{len(counts)} different ones, such as {', '.join(list(counts)[:3])}"
    span = f"{len(counts)} different ones, least {number_text(min(numbers))}, greatest {number_text(max(numbers))}"
    nan = sum(1 for one in row["values"] if isinstance(one, float) and one != one)
    return span + (f", {nan} NaN" if nan else "") + (f", {odd - nan} without a number" if odd > nan else "")


def _metric(name: str | None) -> str:
    return "(unnamed)" if name is None else quoted(name, _LETTERS)


def _check_several(prefixes: Sequence[str]) -> None:
    if len(prefixes) < 2:
        raise WrongArgument("runs", "two or more are compared; describe_run tells of one")
