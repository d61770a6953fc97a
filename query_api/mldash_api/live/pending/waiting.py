"""The events that are held: what comes from Kafka, what was stored, what was passed by. Pure.

An event is held once, by its name (session, stream, seq), however often Kafka has it. It goes when it is seen stored
under its name, or some time after `mldash.stored` has passed its record: then it was stored where nobody looked, was
set aside as a dead letter, or was there before.
"""

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from mldash.events.schema import Record
from mldash.events.seen import HOLES, Seen
from mldash_ingest.documents.buckets import Source

from .parts import Part

LATE_S: Final = 3.0
"""After a statement: within it whoever looks at the store has seen what is stored, and told it."""
_KNOWN: Final = 20_000
"""Sessions in streams whose stored seqs are remembered, so that a record that comes late is not told again."""
_LEFT: Final = 100
"""Numbers of what is held no more, before they are dropped."""

Stream = tuple[str, str, str | None]
"""Prefix, kind, name."""
Partition = tuple[str, int]


class Waiting:
    """Of one assignment of partitions."""

    def __init__(self) -> None:
        self.parts = dict[int, Part]()
        self.bytes = 0
        self._numbers = list[int]()
        """In order; some of them are held no more."""
        self._next = 0
        self._of_session = dict[tuple[Stream, bytes], list[Part]]()
        """By their first seqs: no two have an event in common."""
        self._seen = OrderedDict[tuple[Stream, bytes], Seen]()
        """Held or stored."""
        self._stored = OrderedDict[tuple[Stream, bytes], Seen]()
        self._records = dict[Partition, list[tuple[int, list[int]]]]()
        """Offset and numbers of parts: what was seen stored is free at once."""
        self._passed = deque[tuple[float, Partition, int]]()

    def add(self, partition: Partition, offset: int, record: Record, record_bytes: int) -> bool:
        """Whether anything of it is new."""
        stream: Stream = (record.prefix, record.kind, record.name)
        key = (stream, record.session)
        seen, made = _known(self._seen, key), list[int]()
        for fresh in seen.fresh(record.first_seq, record.first_seq + record.count):
            _note(seen, fresh.first, fresh.end)
            part = Part(self._next, record, fresh.first, fresh.end, record_bytes if not made else 0)
            self.parts[part.number] = part
            self._numbers.append(part.number)
            insort(self._of_session.setdefault(key, []), part, key=_first_seq)
            self._next, self.bytes = self._next + 1, self.bytes + part.held_bytes
            made.append(part.number)
        if made:
            self._records.setdefault(partition, []).append((offset, made))
        return bool(made)

    def from_number(self, number: int) -> Iterator[Part]:
        """Those that are held, from this one on, in the order in which they came."""
        for one in self._numbers[bisect_left(self._numbers, number) :]:
            if (part := self.parts.get(one)) is not None:
                yield part

    def stored(self, stream: Stream, sources: Iterable[Source]) -> bool:
        """These were seen in the store: whether any of them was held."""
        gone = list[Part]()
        for source in sources:
            key, end = (stream, source.session), source.first_seq + source.count
            _note(_known(self._seen, key), source.first_seq, end)
            stored = _known(self._stored, key)
            _note(stored, source.first_seq, end)
            gone += [
                one
                for one in _overlapping(self._of_session.get(key, ()), source.first_seq, end)
                if not stored.fresh(one.first_seq, one.end_seq)
            ]
        return self._drop(gone)

    def pass_by(self, partition: Partition, offset: int, now: float) -> None:
        """Everything below the offset is stored, or will never be."""
        if self._records.get(partition):
            self._passed.append((now, partition, offset))

    def settle(self, now: float) -> bool:
        """Drop what was passed by a while ago: whether anything was still held."""
        gone = list[Part]()
        while self._passed and now - self._passed[0][0] >= LATE_S:
            _, partition, offset = self._passed.popleft()
            records = self._records.get(partition, [])
            passed = [number for at, numbers in records if at < offset for number in numbers]
            gone += [self.parts[one] for one in passed if one in self.parts]
            self._records[partition] = [one for one in records if one[0] >= offset]
        return self._drop(gone)

    def keep(self, is_wanted: Callable[[str, str, str | None], bool]) -> bool:
        """Drop what nobody wants any more, and forget its names: who wants it again reads it again."""
        gone = [one for one in self.parts.values() if not is_wanted(*one.stream)]
        dropped = self._drop(gone)
        for key in {(one.stream, one.session) for one in gone}:
            stored = self._stored.get(key, Seen())
            self._seen[key] = Seen(stored.hi, list(stored.holes))
        for partition, records in self._records.items():
            self._records[partition] = [one for one in records if any(number in self.parts for number in one[1])]
        return dropped

    def _drop(self, parts: Iterable[Part]) -> bool:
        dropped = False
        for part in parts:
            if self.parts.pop(part.number, None) is None:
                continue
            dropped = True
            self.bytes -= part.held_bytes
            key = (part.stream, part.session)
            own = self._of_session[key]
            del own[_place(own, part)]
            if not own:
                del self._of_session[key]
        if len(self._numbers) > 2 * len(self.parts) + _LEFT:
            self._numbers = [one for one in self._numbers if one in self.parts]
        return dropped


def _first_seq(part: Part) -> int:
    return part.first_seq


def _overlapping(own: Sequence[Part], first: int, end: int) -> Sequence[Part]:
    at = max(0, bisect_right(own, first, key=_first_seq) - 1)
    return own[at : bisect_left(own, end, key=_first_seq)]


def _place(own: Sequence[Part], part: Part) -> int:
    at = bisect_left(own, part.first_seq, key=_first_seq)
    while own[at] is not part:  # it has another's first seq where names were forgotten: _KNOWN
        at += 1
    return at


def _known(known: OrderedDict[tuple[Stream, bytes], Seen], key: tuple[Stream, bytes]) -> Seen:
    seen = known.pop(key, None) or Seen()
    known[key] = seen
    if len(known) > _KNOWN:
        known.popitem(last=False)
    return seen


def _note(seen: Seen, first: int, end: int) -> None:
    seen.add(first, end)
    del seen.holes[: max(0, len(seen.holes) - HOLES)]
