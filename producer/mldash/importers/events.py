"""What readers give: the events of a part, in an order that does not change; and what they leave out."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct, field

from mldash.events.schema import Describe, End, Start

Progress = Callable[[int], None]
"""Told how many bytes more of a source are read."""

_MASKED_KEPT = 1_000


class Event(NamedTuple):
    """A point, a set of parameters or a line of the log; `time` in seconds, `fields` plain data."""

    kind: Literal["metrics", "params", "logs"]
    name: str | None
    time: float
    fields: dict[str, Any]


RunEvent = Start | Describe | End


class Torn(NamedTuple):
    """Where a file could be read no further. `is_damage`: it is not just an end that is not written yet."""

    path: Path
    offset: int
    left_bytes: int
    reason: str
    is_damage: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.reason} at byte {self.offset}, {self.left_bytes} bytes left unread"


class LeftOut(Struct):
    """What of a run was not taken, or not as it was."""

    counts: Counter[str] = field(default_factory=Counter)
    """Kind → how many: "image-file", "e-mail", …"""
    places: dict[str, str] = field(default_factory=dict)
    """Kind → where the first of them lies."""
    masked: list[str] = field(default_factory=list)
    """Names of parameters that look like secrets."""
    torn: list[Torn] = field(default_factory=list)

    def count(self, kind: str, place: object = None) -> None:
        """One more of a kind; `place` is where it lies."""
        self.counts[kind] += 1
        if place is not None:
            self.places.setdefault(kind, str(place))

    def mask(self, name: str) -> None:
        """A parameter whose value is hidden."""
        if name not in self.masked and len(self.masked) < _MASKED_KEPT:
            self.masked.append(name)


class Part(Protocol):
    """What becomes one session: mostly one file."""

    @property
    def id(self) -> str:
        """The same each time, among the parts of its run."""
        ...

    @property
    def size_bytes(self) -> int: ...

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """All events, a start first. Raises OSError; what can't be read is for `left`."""
        ...


class FoundRun(Struct, frozen=True):
    """A run of another tracker. `names` are the last segments of its prefix, `project` where no target is named."""

    tracker: str
    id: str
    project: str
    names: tuple[str, ...]
    path: Path
    parts: Sequence[Part]

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)
