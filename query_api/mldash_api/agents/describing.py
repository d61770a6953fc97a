"""describe_run"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from mldash.answers.shapes import MetricStatistics, SessionAnswer
from mldash.client.client import Client
from mldash.client.open_run import OpenRun
from mldash.events.merging import flatten

from .backing import found_run
from .budget import MOST, Answer, Part, fit, kept, wider
from .texts import NONE, QUOTED_IS_LOGGED, call_text, number_text, quoted, table, value_text

_NAME_LETTERS: Final = 200
_MOST_METRICS: Final = 200
"""Whose figures are read: over an API each is a request."""
_STATISTICS: Final = ("count", "min", "max", "mean", "last", "first")
_BAD: Final = ("FAILED", "LOST", "CANCELLED", "PREEMPTED")
_KEPT_ERRORS: Final = 2


def describe_run(client: Client, prefix: str, budget: int) -> Answer:
    run = found_run(client, prefix)
    about = run.about(wait=0)
    assert about is not None, "found"
    sessions = run.sessions(wait=0)
    head = [f"Run {quoted(run.prefix, 1100)}: {about['status']}{_times(sessions)}. {QUOTED_IS_LOGGED}"]
    if about["tags"]:
        head.append(f"tags: {value_text(about['tags'])}")
    if about["description"]:
        head.append(f"description: {quoted(about['description'])}")
    failed = [one for one in sessions if one["status"] in _BAD]
    parts = [kept("\n".join(head)), _ranks(sessions, prefix), _errors(failed, prefix, budget)]
    parts.append(_metrics(run, prefix, budget))
    params = [f"{quoted(name)} = {value_text(one)}" for name, one in run.params.get(wait=0).items()]
    parts.append(_listed("params", params, prefix, budget, rank=1))
    tracks = [f"{quoted(one['topic'])}: {one['totalEntries']} entries" for one in run.tracks.list(wait=0)]
    context = [f"{quoted(name)} = {value_text(one)}" for name, one in _context_of(sessions).items()]
    parts += [_listed("tracks", tracks, prefix, budget, rank=2), _listed("context", context, prefix, budget, rank=3)]
    logged = {"prefix": run.prefix}
    if failed and (error := failed[0].get("error")):
        logged |= {f"error_{name}": text for name, text in error.items() if name != "traceback"}
    facts = {"status": about["status"], "processes": len(sessions), "params": len(params)}
    return fit(parts, budget, facts, logged)


def _context_of(sessions: Sequence[SessionAnswer]) -> dict[str, Any]:
    """What the newest process of rank 0, or without a rank, recorded; where there is none, the newest of all."""
    recorded = [one for one in sessions if one.get("context")]
    newest = max(recorded, key=lambda one: (one["rank"] in (0, None), one["startedAt"] or ""), default=None)
    return {} if newest is None else flatten(newest["context"])


def _times(sessions: Sequence[SessionAnswer]) -> str:
    started = [one["startedAt"] for one in sessions if one["startedAt"]]
    ended = [one["endedAt"] for one in sessions if one["endedAt"]]
    told = [f", first start {min(started)}"] if started else []
    return "".join([*told, *([f", last end {max(ended)}"] if ended else [])])


def _ranks(sessions: Sequence[SessionAnswer], prefix: str) -> Part:
    """One process a line, those that ended badly first; at the coarsest counts."""
    order = sorted(sessions, key=lambda one: (one["status"] not in _BAD, one["rank"] is None, one["rank"] or 0))
    counts = ", ".join(f"{count} {name}" for name, count in Counter(one["status"] for one in sessions).items())
    bad = [str(one["rank"]) for one in order if one["status"] in _BAD and one["rank"] is not None]
    named = f"; ranks that ended badly: {', '.join(bad[:20])}" + (" …" if len(bad) > 20 else "") if bad else ""

    def text(size: int) -> str:
        lines = [f"{len(sessions)} processes: {counts}{named}."]
        if size:
            names = ["rank", "attempt", "status", "host", "pid", "started", "ended", "last sign of life"]
            lines.append(table(names, [_process(one) for one in order[:size]]))
        return "\n".join(lines)

    def told(size: int | None) -> tuple[str, str]:
        return f"{len(order) - (size or 0)} of {len(order)} processes", call_text(
            "describe_run", run=prefix, budget=MOST
        )

    return Part(text, told, range(len(order), -1, -1), is_kept=True)


def _process(one: SessionAnswer) -> list[str]:
    rank = NONE if one["rank"] is None else str(one["rank"])
    times = [one["startedAt"] or NONE, one["endedAt"] or NONE, one["heartbeatAt"] or NONE]
    return [rank, str(one.get("attempt", NONE)), one["status"], quoted(one["host"], 80), str(one["pid"]), *times]


def _errors(failed: Sequence[SessionAnswer], prefix: str, budget: int) -> Part:
    """At the coarsest the first ones, their texts short."""
    errors = [(one["rank"], one["error"]) for one in failed if one.get("error")]

    def text(size: int) -> str:
        if not errors:
            return ""
        shown = errors if size >= len(errors) else errors[: max(_KEPT_ERRORS, size)]
        letters = 2_000 if size else 100
        lines = [f"{len(errors)} processes ended with an error:"]
        for rank, error in shown:
            told = ", ".join(
                f"{name} {quoted(str(one), letters)}"
                for name, one in error.items()
                if one and (size or name != "traceback")
            )
            lines.append(f"- rank {NONE if rank is None else rank}: {told}")
        return "\n".join(lines)

    def told(size: int | None) -> tuple[str, str]:
        return "texts of errors", call_text("describe_run", run=prefix, budget=wider(budget))

    return Part(text, told, range(len(errors), -1, -1), is_kept=True)


def _metrics(run: OpenRun, prefix: str, budget: int) -> Part:
    """The numbers of each field; at the coarsest the names."""
    names = [one["name"] for one in run.metrics.list(wait=0)]
    found = [run.metrics(name).stats(wait=0) for name in names[:_MOST_METRICS]]
    rows = [row for one in found for row in _statistics(one)]

    def text(size: int) -> str:
        if not names:
            return "No metric was logged."
        if size:
            lines = table(["metric", "field", *_STATISTICS, "no number"], rows[:size])
            some = f"; figures of the first {_MOST_METRICS}" if len(names) > _MOST_METRICS else ""
            said = f"{len(names)} metrics{some} (of these last and first may be NaN; no number: NaN, text, absent):"
            return f"{said}\n{lines}"
        return f"{len(names)} metrics: {', '.join(_name(name) for name in names[:10])}" + (
            " …" if len(names) > 10 else ""
        )

    def told(size: int | None) -> tuple[str, str]:
        what = f"figures of {len(rows) - (size or 0)} of {len(rows)} fields"
        return what, call_text("describe_run", run=prefix, budget=wider(budget))

    return Part(text, told, range(len(rows), -1, -1))


def _statistics(found: MetricStatistics) -> list[list[str]]:
    rows = []
    for field, one in found["fields"].items():
        figures: list[Any] = [one.get(name) for name in _STATISTICS]
        missing = found["totalDataPoints"] - one["count"]
        rows.append([_name(found["name"]), quoted(field), *map(number_text, figures), str(missing)])
    return rows or [[_name(found["name"]), NONE, str(found["totalDataPoints"]), *[NONE] * len(_STATISTICS)]]


def _name(metric: str | None) -> str:
    return "(unnamed)" if metric is None else quoted(metric, _NAME_LETTERS)


def _listed(what: str, lines: Sequence[str], prefix: str, budget: int, *, rank: int) -> Part:
    """A line each, as many as fit."""

    def told(size: int | None) -> tuple[str, str]:
        call = call_text("describe_run", run=prefix, budget=wider(budget))
        return f"{len(lines) - (size or 0)} of {len(lines)} {what}", call

    def text(size: int) -> str:
        return "\n".join([f"{len(lines)} {what}:", *lines[:size]]) if lines else ""

    return Part(text, told, range(len(lines), -1, -1), rank)
