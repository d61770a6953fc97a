"""A run of mlflow → events, whichever store it lies in.

  the run itself   one part: a start, the points of each key in the order of the store, and the end
  parameters       a part named after what they are: a parameter that is added later makes another event with all
  what is said     a part likewise: name, description and tags can change as long as the run exists

Each key is a metric of its own, for the file store knows no order across keys: `val/loss` is the field `loss` of the
metric `val/loss`.
"""

import ast
import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import Struct, field

from mldash.events.schema import Describe, End, Start, Status
from mldash.importers.events import Event, FoundRun, LeftOut, Part, Progress, RunEvent
from mldash.importers.told import Told
from mldash.importers.values import about, name_of, number, parameters, text

STATUSES: Final[dict[str, Status]] = {"FINISHED": "COMPLETED", "FAILED": "FAILED", "KILLED": "CANCELLED"}
_NUMBER: Final = re.compile(r"[-+]?(0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+([eE][-+]?\d+)?")
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9]\d*)")
_CONSTANTS: Final = {"None": None, "True": True, "False": False}
_LARGEST: Final = 1.7976931348623157e308
_ID_SHOWN: Final = 8
_NOTE: Final = "mlflow.note.content"
_NAME: Final = "mlflow.runName"
_OURS: Final = ("imported_from", "id")
"""What a run is known by: a tag of this name gets an underscore."""
_INNER: Final = ("mlflow.log-model.history", "mlflow.loggedArtifacts", "mlflow.runColor", _NOTE, _NAME)


class Facts(Struct):
    """A run but for its points. Times are milliseconds."""

    id: str
    name: str = ""
    experiment: str = ""
    user: str = ""
    status: str = ""
    start: int = 0
    end: int | None = None
    is_deleted: bool = False
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Point(NamedTuple):
    """A value of a key; `time` in milliseconds, `size_bytes` for the progress."""

    key: str
    value: float
    time: float
    step: float
    size_bytes: int


ReadPoints = Callable[[LeftOut], Iterator[Point]]


class _Points:
    """The part of the run itself."""

    id = "run"

    def __init__(self, facts: Facts, read: ReadPoints, size_bytes: int) -> None:
        self._facts, self._read, self._size = facts, read, size_bytes

    @property
    def size_bytes(self) -> int:
        return self._size

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        facts = self._facts
        yield Start(facts.start / 1000)
        last = facts.start
        for key, value, at, step, size in self._read(left):
            progress(size)
            last = max(last, int(at))
            metric = name_of(key)
            name = name_of(key.rpartition("/")[2] or key)
            yield Event(
                "metrics",
                metric,
                at / 1000,
                {"ts" if name == "_ts" else name: value, "_step" if name == "step" else "step": number("step", step)},
            )
        status = STATUSES.get(facts.status)
        if status is not None:
            yield End((last if facts.end is None else facts.end) / 1000, status)


def run_of(facts: Facts, path: Path, read: ReadPoints, size_bytes: int) -> FoundRun:
    """A run as all importers have it; `read` gives its points each time in one order."""
    name = text(facts.name or facts.tags.get(_NAME, ""))
    shown = f"{name}-{facts.id[:_ID_SHOWN]}" if name else facts.id
    parts: list[Part] = [_Points(facts, read, size_bytes)]
    if facts.params:
        parts.append(Told("params", facts.params, lambda left: _params(facts, left)))
    said = [name, facts.user, facts.tags]
    parts.append(Told("about", said, lambda left: _described(facts, name, left)))
    return FoundRun("mlflow", facts.id, facts.experiment or "mlflow", (shown,), path, parts)


def value_of(value: float, *, is_nan: bool) -> float:
    """A number of the database, in which the infinities are the largest floats there are."""
    if is_nan:
        return float("nan")
    return float("inf") if value == _LARGEST else float("-inf") if value == -_LARGEST else float(value)


def parameter(value: str) -> Any:
    """Text → a number, a constant, a dict or a list where it is Python's own text of one; else it stays text."""
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    if _NUMBER.fullmatch(value):
        return int(value) if _INTEGER.fullmatch(value) else float(value)
    if value[:1] not in ("{", "["):
        return value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that are none, in text of theirs
            found = ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value
    return found if isinstance(found, (dict, list)) else value


def _params(facts: Facts, left: LeftOut) -> Event | None:
    told = parameters({key: parameter(value) for key, value in facts.params.items()}, left)
    return Event("params", "", facts.start / 1000, told) if told else None


def _described(facts: Facts, name: str, left: LeftOut) -> Describe:
    """As of now: what is said later of the run counts more."""
    tags = {f"_{key}" if key in _OURS else key: value for key, value in facts.tags.items() if key not in _INNER}
    known = {"imported_from": "mlflow", "id": facts.id, "name": name, "user": facts.user}
    metadata = {**about(known, left), **about(tags, left)}
    note = facts.tags.get(_NOTE)
    return Describe(time.time(), readme=text(note) if note else None, metadata=metadata)
