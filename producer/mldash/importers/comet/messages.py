"""The messages of one archive → events. A line is {"type": …, "payload": {…}}:

metric_msg         metric: metricName, metricValue (a number, or the text NaN, Infinity, -Infinity), step, epoch
parameter_msg      param, or params for a list: paramName (`optim|name` of nested ones), paramValue, source
log_other          key, value: the run's name among them (what_is_said)
standard_output    output, a piece of text, and stderr
system_details     hostname, os, python_version, …

and others, which are counted. Times are `local_timestamp`, milliseconds; a message without one has that of the message
before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from mldash.events.schema import End, Start
from mldash.importers.archives import Member
from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.values import name_of, number, parameters, real, text
from mldash.importers.wandb.console import Console, Line

_NAME: Final = "Name"
_INNER: Final = frozenset(("offline_experiment", "hasNestedParams"))
_COUNTED: Final = frozenset(("curr_step", "curr_epoch"))
"""Parameters that Comet makes of each step."""
_SYSTEM: Final = "sys."
_ODD: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_FACTS: Final = {"hostname": "host", "os": "os", "python_version": "python"}
_TOLD: Final = frozenset(("log_other", "system_details", "installed_packages", "os_packages"))
"""Messages that are taken by what_is_said, or left aside."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_FAULTS: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class Messages:
    """The part of one archive."""

    def __init__(self, member: Member, id: str, times: tuple[float, float | None], host: str) -> None:
        """`times`: of its beginning and end, in seconds."""
        self.id = id
        self._member, self._times, self._host = member, times, host

    @property
    def size_bytes(self) -> int:
        return self._member.size_bytes

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """A start, the messages one by one, and the end. Raises OSError."""
        begun, ended = self._times
        reading = _Reading(begun, self._host, left)
        before = len(left.torn)
        yield Start(begun, host=self._host)
        at = 0
        for line in self._member.lines(left, progress):
            try:
                told = [*reading.take(_decode(line))]
            except _FAULTS:
                left.torn.append(Torn(self._member.path, at, 0, f"a line of {self._member.name} is no message", True))
                break
            at += len(line)
            yield from told
        yield from reading.rest()
        for kind, count in reading.uncounted.items():
            left.counts[kind] += count
            left.places.setdefault(kind, str(self._member.path))
        if ended is not None and len(left.torn) == before:
            yield End(ended, "COMPLETED")


def what_is_said(lines: Iterable[bytes]) -> dict[str, Any]:
    """Of the run: its `name`, what else log_other has, and `host`, `os` and `python`. Up to what is no message."""
    said: dict[str, Any] = {}
    for line in lines:
        if b'"log_other"' not in line and b'"system_details"' not in line:
            continue
        try:
            message = _decode(line)
        except _FAULTS:
            break
        payload = _dict_of(message.get("payload"))
        key = payload.get("key")
        if message.get("type") == "system_details":
            said |= {name: payload[key] for key, name in _FACTS.items() if isinstance(payload.get(key), str)}
        elif message.get("type") == "log_other" and isinstance(key, str) and key not in _INNER:
            said["name" if key == _NAME else key] = payload.get("value")
    return said


class _Reading:
    """What is known of an archive up to a message."""

    def __init__(self, begun: float, host: str, left: LeftOut) -> None:
        self._at, self._left = begun, left
        self._console = Console()
        self._system = name_of(f"system/{host or 'unknown'}")
        self.uncounted: Counter[str] = Counter()
        """Messages that are not taken, by their kind."""

    def take(self, message: dict[str, Any]) -> Iterator[Event]:
        """The events of a message."""
        kind, payload = str(message.get("type")), message.get("payload")
        if not isinstance(payload, dict):
            return
        stamp = real(payload.get("local_timestamp"))
        self._at = self._at if stamp is None else stamp / 1000
        if kind == "metric_msg":
            yield from self._point(_dict_of(payload.get("metric")))
        elif kind == "parameter_msg":
            yield from self._parameter(_dict_of(payload.get("param") or payload.get("params")))
        elif kind == "standard_output":
            is_error = payload.get("stderr") is True
            yield from map(_line, self._console.take(is_error, self._at, str(payload.get("output") or "")))
        elif kind == "file_upload":
            self.uncounted[name_of(str(payload.get("upload_type")))] += 1
        elif kind not in _TOLD:
            self.uncounted[name_of(kind)] += 1

    def rest(self) -> Iterator[Event]:
        """At the end: lines that have none."""
        yield from map(_line, self._console.rest())

    def _point(self, said: dict[str, Any]) -> Iterator[Event]:
        name, value = said.get("metricName"), said.get("metricValue")
        value = _ODD.get(value) if isinstance(value, str) else real(value)
        if not isinstance(name, str) or value is None:
            self._left.count("value that is no number")
            return
        if name.startswith(_SYSTEM):
            field = name_of(name.removeprefix(_SYSTEM))
            yield Event("metrics", self._system, self._at, {field: value})
            return
        field = name_of(name.rpartition("/")[2] or name)
        fields: dict[str, Any] = {"ts" if field == "_ts" else field: number(field, value)}
        for axis in ("step", "epoch"):
            if (told := real(said.get(axis))) is not None:
                fields[f"_{axis}" if axis in fields else axis] = number(axis, told)
        yield Event("metrics", name_of(name), self._at, fields)

    def _parameter(self, said: dict[str, Any]) -> Iterator[Event]:
        name = said.get("paramName")
        if not isinstance(name, str) or (name in _COUNTED and said.get("source") != "manual"):
            return
        told = parameters({name.replace("|", "."): said.get("paramValue")}, self._left)
        if told:
            yield Event("params", "", self._at, told)


def _dict_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _line(line: Line) -> Event:
    is_error, at, said = line
    level, stream = ("error", "stderr") if is_error else ("info", "stdout")
    return Event("logs", "", at, {"level": level, "message": text(said), "metadata": {"stream": stream}})
