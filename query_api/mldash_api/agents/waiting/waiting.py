"""A condition, the next points of a metric, or the end of runs: what is waited for, and how it stands."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from mldash.client.client import Client
from mldash.client.live.events import LiveEvent, Points, Status
from mldash.errors import RequestRefused, ServerUnreachable
from mldash.events.identity import parse_prefix
from mldash_api.agents.backing import is_api
from mldash_api.agents.budget import Answer, Part, fit, kept, wider
from mldash_api.agents.errors import WrongArgument
from mldash_api.agents.texts import QUOTED_IS_LOGGED, call_text, cell_text, quoted, table

from .exact import ExactCondition
from .hearing import Heard, Hearing, is_news, listening, of_condition, of_points, of_statuses
from .told_points import ToldPoints

What = Literal["condition", "points", "end"]
Look = Callable[[], Answer | None]

MOST_RUNS: Final = 1_000
_ENDED: Final = ("COMPLETED", "FAILED", "CANCELLED", "PREEMPTED", "LOST")
_SHOWN_POINTS: Final = 100
_FILTER_BYTES: Final = 8_000
"""Of the 8 KiB that a filter may have."""


class Waiting:
    """The arguments of one call, checked. `after_index`: the last point that is known already."""

    def __init__(
        self,
        client: Client,
        what: What,
        runs: Sequence[str],
        filter: str | None,
        need_all: bool,
        metric: str | None,
        after_index: int | None,
        points: int,
        budget: int,
    ) -> None:
        """Raises WrongArgument, FilterError."""
        self._client, self._what, self._budget = client, what, budget
        self._runs = [parse_prefix(prefix).text for prefix in dict.fromkeys(runs)]
        self._filter, self._need_all = filter, need_all
        self._metric, self._after, self._points = metric, after_index, points
        self._away_s = 0.0
        self._told: ToldPoints | None = None
        self._hearing: Hearing | None = None
        if what == "condition" and filter is None:
            raise WrongArgument("filter", 'a condition is a filter: metrics.eval.acc.max > 0.9, or what="end"')
        if what != "condition" and filter is not None:
            raise WrongArgument("filter", f'is of what="condition", not of what="{what}"')
        if what == "points" and len(self._runs) != 1:
            raise WrongArgument("runs", "points are waited for in one run")
        if not self._runs and (need_all or what == "end"):
            raise WrongArgument("runs", "name the runs that all have to pass")
        self._exact: ExactCondition | None = None
        if filter is not None:
            found = ExactCondition(client, filter, self._runs)
            self._exact = found if found.reads_statistics and self._runs and is_api(client) else None

    def look(self) -> Answer | None:
        """The answer where it has come true."""
        return {"condition": self._condition, "points": self._new_points, "end": self._ended}[self._what]()

    def begin(self) -> None:
        """What counts as new is what comes after this."""
        if self._what == "points" and self._after is None:
            self._after = self._count() - 1

    @contextmanager
    def listening(self) -> Iterator[Hearing]:
        """To what tells that a look is worth it. Begun, and within an event loop."""
        with listening(self._client, self._heard(), self._is_worth) as hearing:
            self._hearing = hearing
            yield hearing

    def was_away(self, seconds: float) -> None:
        """The API has not answered for so long."""
        self._away_s = max(self._away_s, seconds)

    def _heard(self) -> Heard:
        if self._what == "points":
            assert self._after is not None, "begun"
            self._told = ToldPoints(self._after + 1, min(self._points, _SHOWN_POINTS))
            return of_points(self._runs[0], self._metric, self._after + 1)
        return of_statuses(self._runs) if self._filter is None else of_condition(self._runs, self._filter)

    def _is_worth(self, event: LiveEvent) -> bool:
        """Whether it may have come true with this."""
        if self._what == "condition":
            if self._exact is not None:
                self._exact.take(event)
            return is_news(event)
        if self._what == "end":
            return isinstance(event, Status) and event.experiment is not None and event.experiment["status"] in _ENDED
        assert self._after is not None and self._told is not None, "begun"
        return isinstance(event, Points) and self._told.take(event) > self._after + self._points

    def not_yet(self, waited_s: float) -> Answer:
        again = call_text(
            "wait_for",
            what=self._what,
            runs=self._runs or None,
            filter=self._filter,
            need_all=self._need_all or None,
            metric=self._metric,
            after_index=self._after,
            points=self._points if self._what == "points" else None,
        )
        lines = [f"Not yet, after {waited_s:.1f} s: call again with {again}", self._state_or_why_not() + self._outage()]
        return fit([kept("\n".join(lines))], self._budget, {"came_true": False, "waited_s": round(waited_s, 3)})

    def _outage(self) -> str:
        if not self._away_s:
            return ""
        return f" For {self._away_s:.1f} s the API did not answer; what was stored meanwhile counts all the same."

    def _state_or_why_not(self) -> str:
        try:
            return self._state()
        except (ServerUnreachable, RequestRefused) as error:
            return f"How it stands now is not known: {error}."

    def _state(self) -> str:
        """How it stands."""
        if self._what == "points":
            return f"The metric has {self._count()} points."
        if not self._runs:
            return "No run passes."
        rows = self._rows(None, ["status"])
        there = {row.prefix for row in rows}
        lines = [f"{quoted(row.prefix, 200)} is {row.get('status')}" for row in rows[:5]]
        lines += [f"{quoted(prefix, 200)} is not there yet" for prefix in self._runs if prefix not in there][:5]
        return "\n".join(lines)

    def _condition(self) -> Answer | None:
        if self._exact is None:
            passing = self._rows(self._filter, None)
        else:
            columns, is_heard = self._exact.columns, self._hearing is not None and self._hearing.is_open
            passing = self._exact.passing(lambda: self._rows(None, columns), is_heard=is_heard)
        if not passing or (self._need_all and len(passing) < len(self._runs)):
            return None
        return self._came_true(f"{len(passing)} runs pass.", passing)

    def _ended(self) -> Answer | None:
        rows = [row for row in self._rows(None, ["status", "ended"]) if row.get("status") in _ENDED]
        return self._came_true(f"{len(rows)} runs have ended.", rows) if len(rows) == len(self._runs) else None

    def _new_points(self) -> Answer | None:
        assert self._after is not None, "begun"
        first, shown = self._after + 1, min(self._points, _SHOWN_POINTS)
        found = None if self._told is None else self._told.whole()
        count = self._count() if found is None or self._told is None else self._told.next
        if count < first + self._points:
            return None
        if found is None:
            found = self._client.run(self._runs[0]).metrics(self._metric).read(first, shown, wait=0)["data"]
        names = list(dict.fromkeys(name for point in found for name in point["data"]))
        rows = [
            [str(one["index"]), one["createdAt"], *(cell_text(one["data"], name) for name in names)] for one in found
        ]

        def told(size: int | None) -> tuple[str, str]:
            start = first + (size or 0)
            call = call_text("read_metric", runs=self._runs, metric=self._metric, exact=True, start=start)
            return f"{len(rows) - (size or 0)} of {len(rows)} points", call

        head = f"Points have come: the metric has {count}.{self._outage()} {QUOTED_IS_LOGGED}"
        listed = Part(
            lambda size: table(["index", "logged at", *map(quoted, names)], rows[:size]), told, range(len(rows), -1, -1)
        )
        return fit([kept(head), listed], self._budget, {"came_true": True, "count": count, "next_index": count})

    def _came_true(self, what: str, rows: Sequence[Any]) -> Answer:
        names = list(dict.fromkeys(name for row in rows for name in row.values))

        def told(size: int | None) -> tuple[str, str]:
            call = call_text("find_runs", filter=self._filter, budget=wider(self._budget))
            return f"{len(rows) - (size or 0)} of {len(rows)} rows", call

        def text(size: int) -> str:
            lines = [
                [quoted(row.prefix, 1100), *(cell_text(row.values, name) for name in names)] for row in rows[:size]
            ]
            return table(["prefix", *names], lines)

        parts = [
            kept(f"It came true. {what}{self._outage()} {QUOTED_IS_LOGGED}"),
            Part(text, told, range(len(rows), -1, -1)),
        ]
        return fit(parts, self._budget, {"came_true": True, "runs": len(rows)})

    def _count(self) -> int:
        metrics = self._client.run(self._runs[0]).metrics.list(wait=0)
        return next((one["totalDataPoints"] for one in metrics if one["name"] == self._metric), 0)

    def _rows(self, filter: str | None, columns: Sequence[str] | None) -> list[Any]:
        """Of the runs that are named, where some are; else of all."""
        asked = [f"({filter})"] if filter else []
        found = list[Any]()
        for named in self._named(_FILTER_BYTES - len((filter or "").encode())):
            text = " and ".join([*asked, *named])
            found += self._client.runs(text, columns=columns, limit=MOST_RUNS).to_list()
        return found

    def _named(self, room: int) -> list[list[str]]:
        """Conditions that name the runs, so many in each as a filter has room for."""
        if not self._runs:
            return [[]]
        groups, size = [list[str]()], 0
        for name in map(json.dumps, self._runs):
            if groups[-1] and size + len(name) > room:
                groups.append([])
                size = 0
            groups[-1].append(name)
            size += len(name) + 2
        return [[f"prefix in ({', '.join(group)})"] for group in groups]
