"""A run of trackio → events.

  each table       a part: the rows that trackio has stored, and those that wait in fragments, each once by its log_id
  parameters       a part a config: with each `init` a run gets another one in place of that before
  what is said     a part

A row is known by its place in the order of writing; its time is that of its batch, of which trackio keeps no other.
Text that is NaN, Infinity or -Infinity is the number: so trackio stores it, and so it reads it.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import Any, Final

from mldash.events.schema import Describe, End, Start
from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.quiet import is_quiet
from mldash.importers.rows import RowPoints, storable_number
from mldash.importers.values import about as facts_of
from mldash.importers.values import name_of, number, parameters, text

from .database import Known, Project, Row
from .fragments import Fragment, OfRun

_NUMBERS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_LEVELS: Final = {"info": "info", "warn": "warn", "error": "error"}
_SYSTEM: Final = "system/unknown"
"""trackio does not say of which host."""


class About:
    """What is known of a run but for its rows."""

    def __init__(self, id: str, known: Known, written: OfRun, torn: list[Torn], path: Path, touched: float) -> None:
        """`path`: where it lies; `touched`: when that was last written to."""
        self.path = path
        self.id, self.written, self.torn = id, written, torn
        self.known = known
        self.name = text(written.name or known.name)
        self.configs = [config for config in (known.config, *written.configs) if config]
        times = [known.first, known.last, *(record.time for record in written.records)]
        stamps = [stamp for one in times if (stamp := seconds(one)) is not None]
        begun = [stamp for config in self.configs if (stamp := seconds(config.get("_Created"))) is not None]
        self.touched = touched
        self.first, self.last = min([*begun, *stamps], default=0.0), max(stamps, default=0.0)

    @property
    def said(self) -> dict[str, Any]:
        """Facts for its metadata."""
        config = self.configs[-1] if self.configs else {}
        return {"id": self.id, "name": self.name, "group": config.get("_Group"), "user": config.get("_Username")}


class Rows:
    """The part of one table of a run."""

    TABLES: Final = ("metrics", "system_metrics", "alerts")

    def __init__(self, about: About, table: str, project: Project | None, *, is_by_time: bool) -> None:
        self.id = table
        self._about, self._project, self._is_by_time = about, project, is_by_time

    @property
    def size_bytes(self) -> int:
        """Of all tables, in the first one."""
        return self._about.known.size_bytes if self.id == self.TABLES[0] else 0

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """Of the metrics a start too, and an end once the run has been quiet for an hour. Raises OSError."""
        about = self._about
        if self.id == "metrics":
            left.torn += about.torn
            for _ in range(about.known.traces):
                left.count("trackio.trace", about.path)
            yield Start(about.first)
        points, is_read = RowPoints(left, about.path.parent / "media"), True
        for row in self._rows():
            progress(row.size_bytes)
            events = self._told(row, points)
            if events is not None:
                yield from events
            elif is_read:  # the first one stands for all
                is_read = False
                left.torn.append(Torn(about.path, 0, 0, f"{row.place} can't be read", True))
        if self.id == "metrics" and is_read and is_quiet(min(about.last, about.touched)):
            yield End(about.last, "COMPLETED")

    def _rows(self) -> Iterator[Row]:
        stored = (
            self._project.rows(self.id, self._about.id, by_time=self._is_by_time)
            if self._project is not None
            else iter(())
        )
        records = [record for record in self._about.written.records if record.table == self.id]
        if not records:
            yield from stored
            return
        seen: set[str] = set()
        for row in merge(stored, map(_row, records), key=lambda row: row.time):
            if row.id and row.id in seen:
                continue
            seen.add(row.id)
            yield row

    def _told(self, row: Row, points: RowPoints) -> list[Event] | None:
        """The events of a row; None of one that can't be read."""
        at = seconds(row.time)
        if at is None or row.data is None:
            return None
        if self.id == "alerts":
            return [_alert(at, row.data)]
        metrics = row.data.get("metrics")
        values = again(metrics) if isinstance(metrics, dict) else {}
        if self.id == "system_metrics":
            told = ((name_of(key), one) for key, one in values.items() if isinstance(one, (int, float)))
            numbers = {key: float(storable_number(one)) for key, one in told}
            return [Event("metrics", _SYSTEM, at, numbers)] if numbers else []
        step = row.data.get("step")
        if isinstance(step, bool) or not isinstance(step, (int, float)):
            return None
        return [*points.events(at, number("step", step), values)]


def parameters_of(about: About, config: dict[str, Any], left: LeftOut) -> Event | None:
    """A config, but for what trackio itself has put there."""
    flat = parameters(again(config), left)
    return Event("params", "", about.first, flat) if flat else None


def described(about: About, left: LeftOut) -> Describe:
    """As of now: what is said later of the run counts more."""
    metadata = facts_of({"imported_from": "trackio", **about.said}, left)
    return Describe(time.time(), metadata={**metadata, "status_unknown": True})


def again(value: Any) -> Any:
    """With numbers for the texts that stand for those that JSON has not."""
    if isinstance(value, str):
        return _NUMBERS.get(value, value)
    if isinstance(value, dict):
        return {key: again(one) for key, one in value.items()}
    return [again(one) for one in value] if isinstance(value, list) else value


def seconds(stamp: Any) -> float | None:
    """A time as trackio writes it; None of what is none."""
    try:
        found = datetime.fromisoformat(stamp)
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _row(record: Fragment) -> Row:
    return Row(record.time, record.id, record.data, "a record", 0)


def _alert(at: float, said: dict[str, Any]) -> Event:
    title, more = str(said.get("title") or ""), said.get("text")
    line = f"{title}: {more}" if more else title
    level = _LEVELS.get(str(said.get("level")).lower(), "warn")
    metadata = {"alert": text(title), "step": said.get("step")}
    return Event("logs", "", at, {"level": level, "message": text(line), "metadata": metadata})
