"""A condition on statistics, judged by the statistics as they are.

The index of runs, by which an API finds runs, has those of each stream's last snapshot: ten seconds or ten thousand
points behind while it is written. So they are read for the runs that are named, and carried forward by the points that
the stream tells; the filter is evaluated here. Of the rest a row of the index is right, and is read again when
something of it was told.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic, time
from typing import Any, Final

from mldash.client.asked import PREFIX, USUAL_COLUMNS
from mldash.client.client import Client
from mldash.client.live.events import LiveEvent, Params, Points, Status
from mldash.client.rows import RunRow
from mldash.query.evaluating import MISSING, passes, value_of
from mldash.query.parsing import parse
from mldash.query.printing import text_of_field
from mldash.query.syntax import Keyed, Plain, Statistic, conditions_of, kind_of

from .statistics import CARRIED, CarriedStatistics

_AT_ONCE: Final = 100
"""Metrics that are read anew in one look; of more the others in the next."""
_ALL_EVERY_S: Final = 30.0
"""Whatever was told; where there is no stream:"""
_ALL_UNHEARD_S: Final = 0.9

_SETTLES_S: Final = 2.0
"""So long after something of it was told a row is read at each look: the index follows a moment later."""

_Key = tuple[str, str | None]  # prefix and metric


class ExactCondition:
    """Of runs that are named. `take` is for the thread that listens, `passing` for who looks."""

    def __init__(self, client: Client, filter: str, prefixes: Sequence[str]) -> None:
        """Raises FilterError."""
        self._client, self._filter = client, parse(filter)
        self._fields = {text_of_field(one.field): one.field for one in conditions_of(self._filter)}
        self._metrics = {one.metric for one in self._fields.values() if isinstance(one, Statistic)}
        self._keys = dict.fromkeys((prefix, metric) for prefix in prefixes for metric in self._metrics)
        self._stale = dict[_Key, None]()
        self._known = dict[_Key, CarriedStatistics]()
        self._lock = threading.Lock()
        """Between who is told of points and who reads statistics."""
        told = (one for one in self._fields.values() if isinstance(one, Statistic) and one.statistic not in CARRIED)
        self._read_alone = {one.metric for one in told}
        self._rows = list[RunRow]()
        self._prefixes = frozenset(prefixes)
        self._rows_told_at, self._all_at = float("-inf"), float("-inf")

    @property
    def columns(self) -> list[str]:
        """Of the rows that `passing` judges."""
        return list(dict.fromkeys([*USUAL_COLUMNS, *(name for name in self._fields if name != PREFIX)]))

    @property
    def reads_statistics(self) -> bool:
        return bool(self._metrics)

    def take(self, event: LiveEvent) -> None:
        """What it tells is carried forward, or is to be read anew."""
        if isinstance(event, Points):
            key = event.prefix, event.name
            with self._lock:
                known = None if event.name in self._read_alone else self._known.get(key)
                if known is None or not known.carry(event):
                    self._stale[key] = None
        elif isinstance(event, Status | Params):
            self._rows_told_at = monotonic()

    def passing(self, read_rows: Callable[[], list[RunRow]], *, is_heard: bool) -> list[RunRow]:
        """Those that pass, with the statistics by which they do. Raises what reads raise: then all is looked at again.
        `read_rows`: of the index, with these columns. `is_heard`: whether `take` is given all that is new."""
        looks_at_all = monotonic() - self._all_at > (_ALL_EVERY_S if is_heard else _ALL_UNHEARD_S)
        if looks_at_all:
            self._stale |= self._keys
            self._all_at = monotonic()
        try:
            has_news = monotonic() - self._rows_told_at < _SETTLES_S
            if looks_at_all or has_news or len(self._rows) < len(self._prefixes):
                self._rows = read_rows()
            self._read_stale({row.prefix for row in self._rows})
        except BaseException:
            self._all_at = float("-inf")
            raise
        now, found = time(), list[RunRow]()
        for row in self._rows:
            run = self._run_of(row)
            if passes(self._filter, run, now):
                exact = {name: value_of(one, run) for name, one in self._fields.items() if isinstance(one, Statistic)}
                there = {name: value for name, value in exact.items() if value is not MISSING}
                found.append(RunRow(row.prefix, {**row.values, **there}))
        return found

    def _read_stale(self, there: set[str]) -> None:
        for key in list(self._stale)[:_AT_ONCE]:
            self._stale.pop(key, None)  # first: what is told while it is read makes it stale again
            prefix, metric = key
            if prefix not in there or metric not in self._metrics:
                continue
            try:
                read = CarriedStatistics(self._client.run(prefix).metrics(metric).stats(wait=0))
            except KeyError:  # the run has no such metric yet
                continue
            with self._lock:
                known = self._known.get(key)
                if known is None or known.end <= read.end:  # else more was told meanwhile
                    self._known[key] = read

    def _run_of(self, row: RunRow) -> dict[str, Any]:
        """As evaluating.py takes it."""
        run: dict[str, Any] = {"metrics": {}}
        for name, one in self._fields.items():
            match one:
                case Plain(plain):
                    value = row.get(name)
                    is_time = kind_of(one) == "time" and isinstance(value, str)
                    run[plain] = datetime.fromisoformat(value).timestamp() if is_time else value
                case Keyed(part, key) if name in row.values:
                    run.setdefault(part, {})[key] = row[name]
                case Statistic(metric, field, statistic):
                    own = run["metrics"].setdefault(metric, {}).setdefault(field, {})
                    known = self._known.get((row.prefix, metric))
                    exact = {} if known is None else known.fields.get(field, {})
                    own[statistic] = exact.get(statistic, row.get(name))
                case _:
                    pass
        return run
