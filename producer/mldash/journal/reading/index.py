"""The places of each stream's events in a journal that is kept: reads decode only the rounds that they ask for.

The journal is walked once, and from where the walk ended when it has grown. Of each round (some megabytes, rounds.py)
the place is kept, what its decoding needs to begin there, and which seqs of which streams it holds; rounds of a journal
that grows by little are put together. So memory grows with rounds times the streams in them, never with events, and a
read costs the rounds in which its stream has what is asked for.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from mldash.events.schema import Block, Record
from mldash.journal.checkpoint import Base, Place, StreamSeq
from mldash.journal.frame import frames
from mldash.journal.layout import Layout
from mldash.journal.session_folder import SessionFolder

from .rounds import ROUND_BYTES, Gatherer
from .scan import Chunk, Scan, StoredSource

_Key = tuple[bytes, str, str | None]  # session, kind, name


class JournalGone(OSError):
    """What a read was about to take from a journal was sent and removed since: read again."""


class IndexedRound(Struct):
    """Frames of a journal from `place` to `end`, and what a scan knows at its beginning."""

    place: Place
    end: Place
    session: bytes
    layouts: dict[int, Layout]
    streams: dict[int, StreamSeq]
    journal_bytes: int


class StoredEvents:
    """Consecutive events of one stream in one round, as a record has them: `blocks` are decoded when they are asked
    for."""

    __slots__ = ("_index", "_round", "count", "first_seq", "kind", "name", "session")

    def __init__(self, index: "JournalIndex", round_number: int, key: _Key, first_seq: int, count: int) -> None:
        self._index, self._round = index, round_number
        self.session, self.kind, self.name = key
        self.first_seq, self.count = first_seq, count

    @property
    def blocks(self) -> list[Block]:
        """At least these events; a journal that has grown may give more behind them. Raises JournalGone."""
        return [block for record in self._index.decode(self._round, self._key) for block in record.blocks]

    @property
    def _key(self) -> _Key:
        return self.session, self.kind, self.name


class JournalIndex:
    """Of one session's journal. Not thread-safe."""

    def __init__(self, folder: SessionFolder) -> None:
        self.decoded_rounds = 0
        """How many rounds were decoded for reads: what they cost."""
        self.walked_bytes = 0
        self._folder = folder
        self._source = StoredSource(folder)
        self._walk = Gatherer(Scan(self._source), folder.head.prefix)
        self._rounds: list[IndexedRound] = []
        self._events: list[StoredEvents] = []
        self._last: dict[_Key, StoredEvents] = {}  # those of the last round
        self._held: dict[int, dict[_Key, list[Record]]] = {}  # rounds that were decoded last

    def events(self) -> Iterator[StoredEvents]:
        """All that the journal holds now, in its order."""
        self._go_on()
        yield from self._events

    def decode(self, number: int, key: _Key) -> list[Record]:
        """A stream's records in a round, their blocks decoded. Raises JournalGone."""
        held = self._held.pop(number, None)
        if held is None:
            held = self._decode(self._rounds[number])
            self.decoded_rounds += 1
        self._held[number] = held  # the newest is the last
        while len(self._held) > _HELD_ROUNDS:
            del self._held[next(iter(self._held))]
        if key not in held:
            raise JournalGone(f"{self._folder.path} was sent and removed meanwhile: read again")
        return held[key]

    def _go_on(self) -> None:
        while True:
            scan = self._walk.scan
            place, session, layouts = scan.place, scan.session, dict(scan.layouts)
            found = self._walk.next_round()
            if found is None:
                break
            self.walked_bytes += found.journal_bytes
            if found.records:
                at_start = _at_start(found.records, found.seqs)
                self._note(
                    IndexedRound(place, found.end, session, layouts, at_start, found.journal_bytes), found.records
                )
        self._source.let_go()

    def _note(self, made: IndexedRound, records: list[Record]) -> None:
        last = self._rounds[-1] if self._rounds else None
        if last is not None and _continues(last, made):
            last.end, last.journal_bytes = made.end, last.journal_bytes + made.journal_bytes
            for number, stream in made.streams.items():
                last.streams.setdefault(number, stream)
            self._held.pop(len(self._rounds) - 1, None)
        else:
            self._rounds.append(made)
            self._last = {}
        for record in records:
            key = (record.session, record.kind, record.name)
            known = self._last.get(key)
            if known is None:
                known = StoredEvents(self, len(self._rounds) - 1, key, record.first_seq, 0)
                self._last[key] = known
                self._events.append(known)
            known.count += record.count

    def _decode(self, one: IndexedRound) -> dict[_Key, list[Record]]:
        source = StoredSource(self._folder) if one.place.segment != one.end.segment else _Within(self._folder, one.end)
        scan = Scan.resumed(source, one.session, one.place, one.streams, one.layouts)
        found = Gatherer(scan, self._folder.head.prefix, decoded=True).next_round(one.journal_bytes)
        grouped = defaultdict[_Key, list[Record]](list)
        for record in found.records if found is not None else ():
            grouped[record.session, record.kind, record.name].append(record)
        return dict(grouped)


_HELD_ROUNDS = 2


class _Within:
    """Frames of one segment up to a place, which a walk has checked before."""

    def __init__(self, folder: SessionFolder, end: Place) -> None:
        self.session = folder.head.session_id
        self._folder, self._end = folder, end

    def base(self) -> Base | None:
        return None

    def first(self) -> int | None:
        return self._end.segment

    def read(self, place: Place) -> Chunk | None:
        if place >= self._end:
            return None
        try:
            descriptor = os.open(self._folder.segment_path(place.segment), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            data = os.pread(descriptor, self._end.offset - place.offset, place.offset)
        finally:
            os.close(descriptor)
        whole = 0
        for frame in frames(memoryview(data)):
            whole = frame.end
        return Chunk(data[:whole], ended=False) if whole else None


def _at_start(records: list[Record], seqs: list[StreamSeq]) -> dict[int, StreamSeq]:
    """Each stream of a round with its seq at the round's beginning."""
    first: dict[tuple[str, str | None], int] = {}
    for record in records:
        first.setdefault((record.kind, record.name), record.first_seq)
    return {one.number: one._replace(seq=first.get((one.kind, one.name), one.seq)) for one in seqs}


def _continues(last: IndexedRound, made: IndexedRound) -> bool:
    """Whether both are one round's worth of one segment, without damage between."""
    small = last.journal_bytes + made.journal_bytes <= ROUND_BYTES
    same = last.place.segment == made.place.segment == made.end.segment and last.end == made.place
    return small and same and last.session == made.session


class FolderIndex(NamedTuple):
    """The indexes of all sessions that were found under a journal's folder, by path."""

    sessions: dict[str, JournalIndex]

    def events(self, folders: Iterator[SessionFolder]) -> Iterator[StoredEvents]:
        """The events of these sessions, in their order; sessions that are gone are forgotten."""
        there: dict[str, JournalIndex] = {}
        for folder in folders:
            path = str(folder.path)
            there[path] = self.sessions.get(path) or JournalIndex(folder)
        self.sessions.clear()
        self.sessions.update(there)
        for index in there.values():
            yield from index.events()
