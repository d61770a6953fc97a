"""Reports of a session → events. A line is a list of reports:

metrics.jsonl    type training_stats_scalar: metric (the title), variant (the series), value, iter, timestamp in
                 milliseconds; `report_single_value` has the least int32 as its iter. Plots and images are counted
log.jsonl        type log: msg, which may be several lines, and level
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from mldash.events.schema import End, Start
from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.quiet import is_quiet
from mldash.importers.values import name_of, number, real, text

_SCALAR: Final = "training_stats_scalar"
_NO_STEP: Final = -(2**31)
_MOST_BYTES: Final = 64 * 1024 * 1024
_LEVELS: Final = {"debug": "debug", "info": "info", "warning": "warn", "error": "error", "critical": "error"}
_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


class Source(Protocol):
    """A file of a folder, or of an archive."""

    @property
    def path(self) -> Path: ...

    @property
    def size_bytes(self) -> int: ...

    def lines(self, left: LeftOut, progress: Progress) -> Iterator[bytes]:
        """Raises OSError."""
        ...


class File:
    """Of a folder; one that is not there yet has no lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def lines(self, left: LeftOut, progress: Progress) -> Iterator[bytes]:
        """Up to a line that is not finished, of which `left` is told. Raises OSError."""
        at, size = 0, self.size_bytes
        if not size:
            return
        with self.path.open("rb") as file:
            while at < size and (line := file.readline(_MOST_BYTES)):
                progress(len(line))
                if not line.endswith(b"\n"):
                    left.torn.append(Torn(self.path, at, size - at, "a line is not finished", False))
                    return
                at += len(line)
                yield line


EventsOf = Callable[[dict[str, Any], float, Path, LeftOut], Iterator[Event]]


class Reports:
    """The part of one file."""

    def __init__(self, id: str, source: Source, events_of: EventsOf) -> None:
        self.id = id
        self._source, self._events_of = source, events_of

    @property
    def size_bytes(self) -> int:
        return self._source.size_bytes

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """A start with the first report, and an end once the file has been quiet for an hour. Raises OSError."""
        path, before, at = self._source.path, len(left.torn), 0
        first = last = None
        may_end = path.is_file() and is_quiet(path.stat().st_mtime)
        for line in self._source.lines(left, progress):
            try:
                reports = _decode(line)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                left.torn.append(Torn(path, at, 0, "a line is no list of reports", True))
                break
            at += len(line)
            for report in reports:
                stamp = real(report.get("timestamp"))
                if stamp is None:
                    left.count("report without a time", path)
                    continue
                last = stamp / 1000
                if first is None:
                    first = last
                    yield Start(first)
                yield from self._events_of(report, last, path, left)
        if may_end and last is not None and len(left.torn) == before:
            yield End(last, "COMPLETED")


def metrics_of(report: dict[str, Any], at: float, path: Path, left: LeftOut) -> Iterator[Event]:
    """The point of a scalar."""
    kind, title, series = str(report.get("type")), report.get("metric"), report.get("variant")
    value, step = real(report.get("value")), real(report.get("iter"))
    if kind != _SCALAR:
        left.count(name_of(kind), path)
    elif not (isinstance(title, str) and isinstance(series, str)) or value is None:
        left.count("report without numbers", path)
    else:
        field = name_of(series or title) if series != "_ts" else "ts"
        fields: dict[str, Any] = {field: number(field, value)}
        if step is not None and step != _NO_STEP:
            fields["_step" if field == "step" else "step"] = number("step", step)
        yield Event("metrics", name_of(title) or "scalars", at, fields)


def lines_of(report: dict[str, Any], at: float, path: Path, left: LeftOut) -> Iterator[Event]:
    """The lines of a message."""
    if report.get("type") != "log" or not isinstance(report.get("msg"), str):
        left.count(name_of(str(report.get("type"))), path)
        return
    level = _LEVELS.get(str(report.get("level")).lower(), "info")
    for line in text(report["msg"]).split("\n"):
        yield Event("logs", "", at, {"level": level, "message": line.rstrip("\r").rpartition("\r")[2]})
