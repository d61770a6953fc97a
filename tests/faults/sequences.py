"""What emitters write. Every event follows from who writes it and its number, so that a reader needs nothing else.

An emitter is killed and begins again: each of its lives is a writer with a number of its own (`who`), and has one
session in each experiment. In each stream a writer counts its events from 0, as its session does: an event's number is
its seq.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from mldash.events.identity import experiment_id, stream_id
from mldash.events.merging import FoldedParams, flatten, merge_entries

MAIN: Final = "faults/run/main"
REMADE: Final = "faults/run/remade"
"""This one is removed and made again."""

EMITTERS: Final = 6
SHARED_METRICS: Final = ("loss", "eval/accuracy", "système/µ", "")
SHARED_TRACKS: Final = ("robot/pose", "robot/arm.left")
LETTERS_METRIC: Final = SHARED_METRICS[0]
"""Into this one letters.py writes too."""

Event = tuple[int, int]
"""(who, number)"""


class Stream(NamedTuple):
    """A stream as a user names it."""

    prefix: str
    kind: str
    name: str

    def id(self, generation: int) -> bytes:
        return stream_id(experiment_id(self.prefix), generation, self.kind, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.prefix}" if self.name else f"{self.kind} of {self.prefix}"


LONG: Final = Stream(MAIN, "metrics", "long")
"""All emitters write it in large pieces, so that it passes a million points, and its chunks are joined."""


def streams_of(emitter: int) -> list[Stream]:
    """Shared ones and its own. The last two emitters write into the experiment that is removed, too."""
    streams = [Stream(MAIN, "metrics", name) for name in (*SHARED_METRICS, f"own/{emitter}")]
    streams += [Stream(MAIN, "tracks", topic) for topic in (*SHARED_TRACKS, f"own/{emitter % 3}")]
    streams += [Stream(MAIN, "logs", ""), Stream(MAIN, "params", ""), LONG]
    if emitter >= EMITTERS - 2:
        streams += [Stream(REMADE, "metrics", "loss"), Stream(REMADE, "tracks", "robot/pose")]
        streams += [Stream(REMADE, "logs", ""), Stream(REMADE, "params", "")]
    return streams


def all_streams() -> list[Stream]:
    """Of all emitters, and the two of run events: 24."""
    found = dict.fromkeys(stream for emitter in range(EMITTERS) for stream in streams_of(emitter))
    return [*found, Stream(MAIN, "runs", ""), Stream(REMADE, "runs", "")]


# -- one event of each kind


def value_of(event: Event) -> float:
    """A number that no other event is likely to have, and whose sums depend on their order."""
    who, number = event
    return ((who * 1_000_003 + number * 7_919) % 1_000_033) / 7.0


def point(event: Event) -> dict[str, Any]:
    return {"who": event[0], "number": event[1], "value": value_of(event)}


def columns(events: Sequence[Event]) -> dict[str, list[Any]]:
    """The points of these events, field by field."""
    return {
        "who": [who for who, _ in events],
        "number": [number for _, number in events],
        "value": [value_of(event) for event in events],
    }


def entry_time(number: int) -> float:
    """Two neighbours of one writer meet at one time, and so do all writers."""
    return float(number // 2)


def entry(event: Event) -> dict[str, Any]:
    """Writers share fields and have some alone: what stands in a shared one is the last in index order."""
    who, number = event
    return {"last": value_of(event), f"part.{number % 3}": number, f"of.{who % 4}": value_of(event)}


def line(event: Event) -> tuple[str, str, dict[str, Any]]:
    who, number = event
    return ("info", "warn", "error")[number % 3], f"line {number} of {who}", {"who": who, "number": number}


def params(event: Event) -> dict[str, Any]:
    """A value replaces the branch under its key and the other way round, so that the order shows."""
    who, number = event
    changing: dict[str, Any] = {"m": number} if number % 2 else {"m": {"a": number, f"b{who % 3}": who}}
    return {"last": [who, number], f"key{number % 20}": value_of(event), **changing}


def flat_params(event: Event) -> dict[str, Any]:
    """The same with dotted keys, as it is stored."""
    return flatten(params(event))


# -- what a stream's events are together


def fold_entries(events: Iterable[Event]) -> list[dict[str, Any]]:
    """What a read of the whole track answers, of events in index order."""
    known = list(events)
    merged = merge_entries((entry_time(number) for _, number in known), (entry(event) for event in known))
    return [{"timestamp": time, **fields} for time, fields in sorted(merged.items())]


def fold_params(events: Iterable[Event]) -> dict[str, Any]:
    """Flat dotted keys, of events in index order."""
    folded = FoldedParams()
    for event in events:
        folded.set(flat_params(event).items())
    return folded.flat
