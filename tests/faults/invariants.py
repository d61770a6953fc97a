"""What must hold (docs/protocol.md 10), held against everything that was read so far. No I/O.

    ChainMemory      1 and 2, of one stream; params of 8
    missing_events   7

reader.py holds 4 and 5 against objects, statements.py 3 and 6 against offsets, comparison.py 7 to 9 against all that
was written; 10 is run.py's. Each Violation carries its invariant's number.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from mldash.events.field_statistics import FieldStatistics
from mldash.events.merging import FoldedParams

from . import sequences
from .returned import Counts
from .sequences import Event, Stream


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, number: int, subject: object, what: str) -> None:
        super().__init__(number, subject, what)
        self.number, self.subject, self.what = number, subject, what

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.subject}: {self.what}"


class Span(Struct, frozen=True):
    """Neighbouring events of one writer, as `src` says it."""

    who: int
    first: int
    count: int


class Written:
    """The numbers of one writer that a chain holds."""

    def __init__(self) -> None:
        self.hi = 0
        self.missing: set[int] = set()

    def add(self, number: int) -> bool:
        """Whether it is late: it fills a hole."""
        if number >= self.hi:
            self.missing.update(range(self.hi, number))
            self.hi = number + 1
            return False
        self.missing.discard(number)
        return True

    def flat(self) -> list[int]:
        """[hi, a1, b1, …], as a snapshot has it."""
        holes = list[list[int]]()
        for number in sorted(self.missing):
            if holes and holes[-1][1] == number:
                holes[-1][1] += 1
            else:
                holes.append([number, number + 1])
        return [self.hi, *(bound for hole in holes for bound in hole)]


def numbers_of(flat: Sequence[int]) -> set[int]:
    """What [hi, a1, b1, …] says is stored."""
    numbers = set(range(flat[0]))
    for first, end in zip(flat[1::2], flat[2::2], strict=True):
        numbers.difference_update(range(first, end))
    return numbers


class MovedOut(Struct, frozen=True):
    """A session's document in `seqs`: `flat` of the first `at` events."""

    at: int
    flat: list[int]


class ChainMemory:
    """What was read of one stream: at each index the event that was there, for ever."""

    def __init__(self, stream: Stream, generation: int) -> None:
        self.stream, self.generation = stream, generation
        self.id = stream.id(generation)
        self.events: list[Event] = []
        self.places: dict[Event, int] = {}
        self.cuts: set[int] = {0}
        """Where a bucket began, so that an appender's state was once a prefix that ends there."""
        self.late: dict[int, int] = {}
        """Who → events that stand behind later ones of the same writer."""
        self.expired = 0
        """The floor that was read last."""
        self.guessed = 0
        """Below it are events whose order nobody knows, for retention took them before they were read."""
        self._newest: dict[int, float] = {}  # first index of a bucket → its greatest time
        self._written: dict[int, Written] = {}
        self._fold = _Fold(stream.kind)
        self._highest: dict[str, float] = {}

    def __str__(self) -> str:
        return f"{self.stream}, generation {self.generation}"

    def fail(self, number: int, what: str) -> Violation:
        return Violation(number, self, what)

    @property
    def cold(self) -> int:
        """The highest cold end that was read."""
        return int(self._highest.get("cold", 0))

    def take(self, first_index: int, spans: Iterable[Span]) -> None:
        """(1) Indices are dense, each event has one, and what was read there never changes."""
        index = first_index
        if index > len(self.events):
            raise self.fail(1, f"indices {len(self.events)} … {index - 1} are missing")
        for span in spans:
            for number in range(span.first, span.first + span.count):
                self._take(index, (span.who, number))
                index += 1

    def _take(self, index: int, event: Event) -> None:
        if index < len(self.events):
            if self.events[index] != event:
                raise self.fail(1, f"index {index} was {self.events[index]} and is {event}")
            return
        if event in self.places:
            raise self.fail(1, f"{event} stands at {self.places[event]} and at {index}")
        self.places[event] = index
        self.events.append(event)
        if self._written.setdefault(event[0], Written()).add(event[1]):
            self.late[event[0]] = self.late.get(event[0], 0) + 1

    def ends(self, end: int) -> None:
        """(1) The chain's end never goes back."""
        if end < len(self.events):
            raise self.fail(1, f"its end was {len(self.events)} and is {end}")

    def rises(self, what: str, value: float) -> None:
        """(1) Snapshots, cold, epochs and generations never go back."""
        before = self._highest.get(what, value)
        if value < before:
            raise self.fail(1, f"{what} was {before} and is {value}")
        self._highest[what] = value

    def is_as_new_as(self, first_index: int, time: float) -> None:
        """The bucket there; so that retention can be held against it."""
        self._newest[first_index] = time

    def expires(self, floor: int, cutoff: float, stored: Mapping[int, Sequence[int]], spans: Iterable[Span]) -> None:
        """(1) Readers begin at the floor; it never goes back, and what is younger than the cutoff stays.

        What nobody has read before it went is what the snapshot says is `stored`, but for what was read and for what
        the chain from the floor on holds (`spans`): it must be just as much as the floor has passed.
        """
        self.rises("floor", floor)
        self.expired = floor
        for first in [first for first in self._newest if first < floor]:
            if (newest := self._newest.pop(first)) > cutoff:
                raise self.fail(1, f"retention took the bucket at {first}, which was {cutoff - newest:.1f} s too young")
        unread = floor - len(self.events)
        if unread <= 0:
            return
        still = {(one.who, one.first + i) for one in spans for i in range(one.count)}
        known = {(who, number) for who, flat in stored.items() for number in numbers_of(flat)}
        gone = sorted(known - still - self.places.keys())
        if len(gone) != unread:
            raise self.fail(2, f"{unread} events went unread, the snapshot knows of {len(gone)}")
        self.take(len(self.events), [Span(who, number, 1) for who, number in gone])
        self.guessed = floor

    def holds(self, who: int, first: int, count: int) -> bool:
        return all((who, number) in self.places for number in range(first, first + count))

    def rows(self, first_index: int, found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> None:
        """(2, 4) What is stored there is what was written."""
        if [*found] != [*wanted]:
            at = next(
                (i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), min(len(found), len(wanted))
            )
            here = (found[at] if at < len(found) else None, wanted[at] if at < len(wanted) else None)
            text = f"row {at} of {first_index} …: {here[0]!r} is stored, {here[1]!r} was written"
            raise self.fail(2, f"{text} ({len(found)} rows, {len(wanted)} written)")

    def snapshot(
        self, document: Mapping[str, Any], sessions: Mapping[int, str], moved_out: Mapping[str, MovedOut] | None = None
    ) -> None:
        """(2) A snapshot is what follows from the events below its `next`; with what `seqs` has of those that were
        moved out of it."""
        end = document["next"]
        self.rises("next", end)
        if end > len(self.events):
            raise self.fail(2, f"a snapshot of {end} events, but only {len(self.events)} are readable")
        if end <= self._fold.end:
            return
        self._fold.advance(self.events[self._fold.end : end])
        seen = {sessions[who]: written.flat() for who, written in self._fold.written.items()}
        stored = dict(document["sess"])
        if document.get("crowded"):
            stored |= self._of_moved_out(seen, stored.keys(), moved_out or {}, end)
        if stored != seen:
            raise self.fail(2, f"the snapshot at {end} says {stored} is stored, and it is {seen}")
        if self.stream.kind == "metrics":
            counted = [[name, *msgspec.structs.astuple(one)] for name, one in self._fold.statistics.items()]
            firsts = dict(document["firsts"])
            told = [[*row, firsts.get(row[0])] for row in document["stats"]]
            if told != counted:
                raise self.fail(2, f"statistics at {end} are {told}, a recount says {counted}")
        if self.stream.kind == "params":
            data = {item["k"]: msgspec.msgpack.decode(item["v"]) for item in document["data"]}
            if data != self._fold.params.flat:
                raise self.fail(8, f"params at {end} are {data}, their fold is {self._fold.params.flat}")

    def _of_moved_out(
        self, seen: Mapping[str, list[int]], there: Collection[str], moved_out: Mapping[str, MovedOut], end: int
    ) -> dict[str, list[int]]:
        """What `seqs` says of those that are not in a crowded snapshot: what it says of the first `at` events, which
        may be more than the snapshot's."""
        found = dict[str, list[int]]()
        for session in seen.keys() - there:
            moved = moved_out.get(session)
            if moved is None:
                raise self.fail(2, f"session {session} is neither in the crowded snapshot at {end} nor in seqs")
            is_newer = moved.at > end and numbers_of(moved.flat) >= numbers_of(seen[session])
            found[session] = seen[session] if is_newer else moved.flat
        return found


class _Fold:
    """What follows from the first `end` events, counted by itself."""

    def __init__(self, kind: str) -> None:
        self.end = 0
        self.written: dict[int, Written] = {}
        self.statistics: dict[str, FieldStatistics] = {}
        self.params = FoldedParams()
        self._kind = kind

    def advance(self, events: Sequence[Event]) -> None:
        for event in events:
            self.written.setdefault(event[0], Written()).add(event[1])
            if self._kind == "params":
                self.params.set(sequences.flat_params(event).items())
        if self._kind == "metrics":
            for name, values in sequences.columns(events).items():
                self.statistics.setdefault(name, FieldStatistics()).add(values)
        self.end += len(events)


def rows_of(kind: str, events: Sequence[Event]) -> list[dict[str, Any]]:
    """The rows that a bucket or a chunk of these events holds."""
    if kind == "metrics":
        return [sequences.point(event) for event in events]
    if kind == "tracks":
        return sequences.fold_entries(events)
    if kind == "params":
        return [sequences.flat_params(event) for event in events]
    return [dict(zip(("level", "message", "metadata"), sequences.line(event), strict=True)) for event in events]


def missing_events(chain: ChainMemory, who: int, counts: Counts) -> None:
    """(7) Every event whose log() returned is there, none that was never begun; that it is there once says `take`."""
    lost = [number for number in range(counts.returned) if (who, number) not in chain.places]
    if lost:
        raise chain.fail(7, f"writer {who} wrote {counts.returned} events; {len(lost)} are lost, from {lost[0]} on")
    invented = [number for writer, number in chain.places if writer == who and number >= counts.begun]
    if invented:
        raise chain.fail(7, f"writer {who} began {counts.begun} events, but number {min(invented)} is stored")
