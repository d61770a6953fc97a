"""One event file → events: the part of a run that one writer has written, in its order."""

from collections.abc import Iterator
from pathlib import Path

from mldash.events.schema import Describe, End, Start
from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.protobuf import Malformed, double, message, signed
from mldash.importers.quiet import is_quiet
from mldash.importers.values import name_of, parameters
from mldash.importers.values import text as storable_text
from mldash.tensorboard import SCALARS

from .frames import records
from .one_scalar import OneScalar
from .summaries import Value, values_of

_WALL_TIME, _STEP, _SUMMARY = 1, 2, 5


class EventFile:
    """`within` is its place below the run's folder; `before` the segments that its metrics' names begin with, and
    `field` the field of a file that `add_scalars` has made for one of its values."""

    def __init__(self, path: Path, within: str, before: str = "", field: str | None = None) -> None:
        self.path, self.id = path, within
        self._before, self._field = before, field

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """A start, the values one by one, and an end once the file has been quiet for an hour. Raises OSError."""
        plugins: dict[str, str] = {}
        first = last = None
        before = len(left.torn)
        may_end = is_quiet(self.path.stat().st_mtime)
        scalars = OneScalar(self._place_of)
        for place, data in enumerate(records(self.path, left, progress)):
            scalar = scalars.find(data)
            if scalar is not None:
                last, step, (metric, name), number = scalar
                yield Event("metrics", metric, last, {name: number, "step" if name != "step" else "_step": step})
                continue
            try:
                found = message(data)
                at, step = double(found.get(_WALL_TIME)), signed(found.get(_STEP))
                values = values_of(summary, plugins) if isinstance(summary := found.get(_SUMMARY), bytes) else []
            except Malformed as error:
                left.torn.append(Torn(self.path, place, 0, f"record {place} is left out: {error}", True))
                continue
            if first is None:
                first = at
                yield Start(at)
                yield Describe(at, metadata={"imported_from": "tensorboard", "status_unknown": True})
            last = at
            scalars.learn(data, values)
            for value in values:
                event = self._event(value, at, step, left)
                if event is not None:
                    yield event
        is_damaged = any(torn.is_damage for torn in left.torn[before:])
        if may_end and last is not None and not is_damaged:
            yield End(last, "COMPLETED")

    def _event(self, value: Value, at: float, step: int, left: LeftOut) -> Event | None:
        if value.kind in ("scalar", "histogram"):
            metric, field = self._place_of(value.tag)
            return Event("metrics", metric, at, {field: value.value, "step" if field != "step" else "_step": step})
        if value.kind == "text":
            told = {"tag": name_of(value.tag), "step": step}
            return Event("logs", "", at, {"level": "info", "message": storable_text(value.value), "metadata": told})
        if value.kind == "hparams":
            flat = parameters(value.value, left)
            return Event("params", "", at, flat) if flat else None
        if value.kind != "empty":
            left.count(value.kind, self.path)
        return None

    def _place_of(self, tag: str) -> tuple[str, str]:
        if self._field is not None:
            return name_of(tag), self._field
        name, _, field = tag.rpartition("/")
        metric = "/".join(part for part in (self._before, name) if part) or SCALARS
        return name_of(metric), name_of(field or "value") if field != "_ts" else "ts"


def first_values(path: Path) -> list[Value]:
    """Those that a file begins with, up to the first that is no text nor parameter; [] while it has none."""
    found: list[Value] = []
    plugins: dict[str, str] = {}
    try:
        for data in records(path, LeftOut(), _look_away):
            event = message(data)
            if isinstance(summary := event.get(_SUMMARY), bytes):
                found += values_of(summary, plugins)
            if any(one.kind == "scalar" for one in found):
                break
    except (Malformed, OSError):
        return found
    return found


def is_event_file(head: bytes) -> bool:
    """Whether the first record of a file is that of event files. `head`: its first bytes."""
    return b"brain.Event:" in head[:64]


def _look_away(size: int) -> None:
    """Nobody waits for it."""
