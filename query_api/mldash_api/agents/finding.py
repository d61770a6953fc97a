"""find_runs, fields"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mldash.client.client import Client
from mldash.client.rows import RunRow

from .budget import Answer, Part, fit, kept, wider
from .errors import near_text, nearest
from .texts import QUOTED_IS_LOGGED, call_text, cell_text, quoted, table, value_text

_MOST_COUNTED: Final = 10_000
"""Runs whose statuses are counted; of more than these the first ones in the order that was asked for."""
_LETTERS: Final = 80


def find_runs(
    client: Client,
    filter: str | None,
    sort: str,
    columns: Sequence[str] | None,
    limit: int,
    offset: int,
    budget: int,
) -> Answer:
    runs = client.runs(filter, sort, None if columns is None else [*columns, "status"], _MOST_COUNTED)
    rows, count = runs.to_list(), runs.count()
    shown = rows[offset : offset + limit]
    names = [name for name in (runs.columns if columns is None else columns) if name != "prefix"]
    statuses = Counter(str(row.get("status", "none")) for row in rows)
    counted = "" if count <= len(rows) else f" (of the first {len(rows)})"
    head = f"{count} runs pass. By status{counted}: {_counts(statuses)}." if count else "No run passes."
    if shown:
        head += f" Shown from {offset} on, sorted by {sort}. {QUOTED_IS_LOGGED}"
    asked = {"filter": filter, "sort": sort, "columns": None if columns is None else [*columns], "limit": limit}

    def told(size: int | None) -> tuple[str, str]:
        there = size or 0
        what = f"{len(shown) - there} of {len(shown)} rows"
        return what, call_text("find_runs", **asked, offset=offset + there, budget=wider(budget))

    sizes = range(len(shown), 0, -1) if shown else (0,)
    parts = [kept(head), Part(lambda size: _rows(names, shown[:size]), told, sizes)]
    if count > offset + len(shown):
        more = call_text("find_runs", **asked, offset=offset + len(shown))
        parts.append(kept(f"{count - offset - len(shown)} more runs come behind these: {more}"))
    if not count and filter is not None:
        parts.append(kept(_why_none(client, filter)))
    return fit(parts, budget, {"count": count, "offset": offset, **{f"status_{k}": v for k, v in statuses.items()}})


def fields(client: Client, prefix: str, limit: int, budget: int) -> Answer:
    found = client.fields(prefix, limit + 1)
    shown = found[:limit]
    if not shown:
        near = nearest(prefix, _all_fields(client))
        return fit([kept(f"No field begins with {quoted(prefix)}. {near_text(near)}")], budget, {"count": 0})
    head = f"{len(shown)} fields that a filter, sort and columns can name, the commonest first. {QUOTED_IS_LOGGED}"
    rows = [[quoted(one["field"], 1100), "/".join(one["kinds"]), str(one["runs"])] for one in shown]

    def told(size: int | None) -> tuple[str, str]:
        call = call_text("fields", prefix=prefix, limit=limit, budget=wider(budget))
        return f"{len(rows) - (size or 0)} of {len(rows)} fields (or with a longer prefix)", call

    parts = [
        kept(head),
        Part(lambda size: table(["field", "kinds", "runs"], rows[:size]), told, range(len(rows), 0, -1)),
    ]
    if len(found) > limit:
        parts.append(kept(f"There are more: {call_text('fields', prefix=prefix, limit=min(4 * limit, 1000))}"))
    return fit(parts, budget, {"count": len(shown)})


def _rows(names: Sequence[str], rows: Sequence[RunRow]) -> str:
    if not rows:
        return ""
    lines = [[quoted(row.prefix, 1100), *(_cell(row, name) for name in names)] for row in rows]
    return table(["prefix", *(name if name.isprintable() else quoted(name) for name in names)], lines)


def _cell(row: RunRow, name: str) -> str:
    if name in ("status", "started", "ended", "created", "updated") and name in row.values:
        return str(row.values[name])
    return cell_text(row.values, name, _LETTERS)


def _all_fields(client: Client) -> list[str]:
    """As many as may be asked for at once."""
    return [one["field"] for one in client.fields("", 10_000)]


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _why_none(client: Client, filter: str) -> str:
    """Each field that the filter reads and no run has, with the nearest that there are."""
    found = client.explain(filter)
    lines = [f"The filter reads as: {value_text(found['words'], 400)}"]
    asked = [one["field"] for one in found["reads"] if "." in one["field"]][:5]
    known = _all_fields(client) if asked else []
    for name in asked:
        if name not in known:
            lines.append(f"No run has the field {quoted(name)}. {near_text(nearest(name, known))}")
    return "\n".join(lines)
