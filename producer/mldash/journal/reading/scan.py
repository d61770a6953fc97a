"""Segments → frames, from a place on, with each stream's seq.

A scan begins with the first segment that is kept, where `base` says each stream's seq, and counts from there. It reads

  the journal of this process   up to where the writer is; what it wrote itself needs no checksum
  any other                     up to the first place that holds no whole frame: the torn tail of a killed process

A frame that fails in the middle of the journal (a damaged disk, a power cut) ends its segment, and with it the count:
what follows can not be told its seqs. It goes on under a session of its own, made from the session's id and the
segment's number, so that a second scan gives the same; nothing that is readable is lost.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from mldash.journal.checkpoint import Base, Place, StreamSeq, read_base
from mldash.journal.frame import HEADER, HEADER_BYTES, LENGTH_MASK, SEAL, frames
from mldash.journal.layout import Layout, decode_layout
from mldash.journal.segment import SEGMENT_HEADER_BYTES, read_segment
from mldash.journal.session_folder import SessionFolder

if TYPE_CHECKING:
    from mldash.journal.append import Journal

_READ_BYTES = 2 << 20
"""Read at once from the journal of this process."""


class Chunk(NamedTuple):
    """Bytes that begin with a frame. Where there are none, `ended`: another segment follows; `damaged`: what stood
    between here and there is lost."""

    data: bytes
    ended: bool
    damaged: bool = False


class Source(Protocol):
    """Where segments are read from."""

    session: bytes

    def base(self) -> Base | None: ...

    def first(self) -> int | None:
        """The first segment that is there."""
        ...

    def read(self, place: Place) -> Chunk | None:
        """Frames from `place` on, the first one whole; None where the segment is missing."""
        ...


class SessionLost(Exception):
    """This process was silent for so long that another has taken its session's files, and delivers them."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} was taken over by another process while this one stood still"


class LiveSource:
    """The journal that this process writes."""

    def __init__(self, journal: "Journal") -> None:
        assert journal.folder is not None
        self._folder = journal.folder
        self._ownership = journal.folder.ownership
        self._segments = journal.segments
        self.session = journal.folder.head.session_id

    def base(self) -> Base | None:
        return read_base(self._folder.base_path)

    def first(self) -> int | None:
        return min(self._segments, default=None)

    def read(self, place: Place) -> Chunk | None:
        if self._folder.is_lost:  # and its files closed
            raise SessionLost(str(self._folder.path))
        chunk = self._read(place)
        # Looked at after the read: what was added before this moment lies before the end that another has fixed.
        if self._ownership is not None and not self._ownership.holds():
            raise SessionLost(str(self._folder.path))
        return chunk

    def _read(self, place: Place) -> Chunk | None:
        segment = self._segments.get(place.segment)
        if segment is None:
            return None
        end = segment.end
        if place.offset >= end:
            return Chunk(b"", ended=end >= segment.size)
        data = segment.read(place.offset, min(end, place.offset + _READ_BYTES))
        word = HEADER.unpack_from(data)[0] if len(data) >= HEADER_BYTES else 0
        if not word:  # what a seal leaves
            return Chunk(b"", ended=True)
        if HEADER_BYTES + (word & LENGTH_MASK) > len(data):
            data = segment.read(place.offset, place.offset + HEADER_BYTES + (word & LENGTH_MASK))
        return Chunk(data, ended=False)


class _Loaded(NamedTuple):
    """A segment as it was read: whole frames up to `end`; `torn`: behind them stands something that is none."""

    number: int
    data: bytes
    end: int
    cuts: list[int]
    """Places between frames, about _READ_BYTES apart; the last one is the end."""
    sealed: bool
    torn: bool
    begin: int = 0
    """Where the data begin in the segment."""


class StoredSource:
    """A journal on the disk, of a process that is gone or of another one; whole frames only, each checked."""

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self.session = folder.head.session_id
        self._end = folder.end()
        self._loaded: _Loaded | None = None

    def base(self) -> Base | None:
        return read_base(self._folder.base_path)

    def first(self) -> int | None:
        return min(self._folder.segments(), default=None)

    def read(self, place: Place) -> Chunk | None:
        if self._folder.takeover is not None:
            self._folder.takeover.renew()
        if self._end is not None and place >= self._end:
            return None
        loaded = self._loaded
        # The tail of a session that lives is looked at again each time.
        if loaded is None or loaded.number != place.segment or place.offset < loaded.begin:
            self._loaded = loaded = self._load(place.segment)
        elif place.offset >= loaded.end and not loaded.sealed:
            self._loaded = loaded = self._load_tail(loaded) if loaded.end else self._load(place.segment)
        if loaded is None:
            return None
        if place.offset < loaded.end:
            stop = next(cut for cut in loaded.cuts if cut > place.offset)
            if self._end is not None and self._end.segment == place.segment:
                stop = min(stop, self._end.offset)
            return Chunk(loaded.data[place.offset - loaded.begin : stop - loaded.begin], ended=False)
        ended = loaded.sealed or self._folder.segment_path(place.segment + 1).exists()
        return Chunk(b"", ended=ended, damaged=ended and loaded.torn)

    def let_go(self) -> None:
        """Keep nothing of what was read but how far it went: what comes is read from there on."""
        loaded = self._loaded
        if loaded is not None and loaded.end:
            self._loaded = loaded._replace(data=b"", begin=loaded.end, cuts=[loaded.end])

    def _load_tail(self, before: _Loaded) -> _Loaded | None:
        """What has come behind frames that were read and checked before."""
        try:
            descriptor = os.open(self._folder.segment_path(before.number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if not any(os.pread(descriptor, HEADER_BYTES, before.end)):  # nothing, as it mostly is
                return before
            rest = os.fstat(descriptor).st_size - before.end
            return _loaded(before.number, os.pread(descriptor, rest, before.end), before.end)
        finally:
            os.close(descriptor)

    def _load(self, number: int) -> _Loaded | None:
        try:
            data = read_segment(self._folder.segment_path(number), self.session, number)
        except FileNotFoundError:
            return None
        if data is None:  # made, and killed before its first bytes were there
            return _Loaded(number, b"", 0, [], sealed=False, torn=True)
        return _loaded(number, data, 0)


def _loaded(number: int, data: bytes, begin: int) -> _Loaded:
    """A segment from `begin` on: 0, or a place between frames."""
    end, kind = SEGMENT_HEADER_BYTES if not begin else 0, 0
    cuts: list[int] = []
    for frame in frames(memoryview(data), end):
        end, kind = frame.end, frame.kind
        if begin + end > (cuts[-1] if cuts else begin) + _READ_BYTES:
            cuts.append(begin + end)
    sealed = kind == SEAL
    torn = not sealed and any(data[end : end + HEADER_BYTES])
    return _Loaded(number, data, begin + end, [*cuts, begin + end], sealed, torn, begin)


class Scan:
    """A walk over a journal: frames, one chunk after another, and the count of each stream's events."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.session = source.session
        base = source.base()
        first = source.first()
        self.streams: dict[int, StreamSeq] = {}
        self.layouts: dict[int, Layout] = {}
        """Of the segment that the scan is in: each segment says anew what its rows hold."""
        if base is not None and (first is None or base.segment >= first):
            first = base.segment
            self.streams = {stream.number: stream for stream in base.streams}
        elif first:  # the base is lost: what is there can't be told its seqs
            self.session = session_after_damage(source.session, first)
        self.place = Place(first or 0, SEGMENT_HEADER_BYTES)
        self.base = Base(self.place.segment, list(self.streams.values()))
        """The counts at the beginning of the segment that the scan is in."""

    @classmethod
    def resumed(
        cls,
        source: Source,
        session: bytes,
        place: Place,
        streams: Mapping[int, StreamSeq],
        layouts: Mapping[int, Layout],
    ) -> "Scan":
        """One that goes on at a place where another scan has been, with what that one knew there."""
        scan = cls(source)
        scan.session, scan.place = session, place
        scan.streams, scan.layouts = dict(streams), dict(layouts)
        scan.base = Base(place.segment, [*scan.streams.values()])
        return scan

    def chunk(self) -> bytes | None:
        """The next frames, which begin at `place`, the first one whole; None at the present end."""
        while (chunk := self._source.read(self.place)) is not None:
            if chunk.data:
                return chunk.data
            if not chunk.ended:
                return None
            self.enter(self.place.segment + 1, damaged=chunk.damaged)
        return None

    def enter(self, segment: int, *, damaged: bool = False) -> None:
        """Go on with a segment."""
        if damaged:
            self.session = session_after_damage(self._source.session, segment)
            self.streams = {}
        self.layouts = {}
        self.place = Place(segment, SEGMENT_HEADER_BYTES)
        self.base = Base(segment, list(self.streams.values()))

    def passed(self, chunk_bytes: int) -> None:
        """That much of the chunk has been dealt with."""
        self.place = Place(self.place.segment, self.place.offset + chunk_bytes)

    def declare(self, payload: memoryview) -> None:
        """A STREAM frame: the stream is known, or begins at 0."""
        number, kind, name = _decode_stream(payload)
        self.streams.setdefault(number, StreamSeq(number, kind, name, 0))

    def declare_layout(self, payload: memoryview) -> None:
        """A LAYOUT frame."""
        layout = decode_layout(payload)
        self.layouts[layout.number] = layout

    def count(self, number: int, events: int) -> StreamSeq:
        """Count events of a stream; gives it as it was before them."""
        stream = self.streams[number]
        self.streams[number] = stream._replace(seq=stream.seq + events)
        return stream


def session_after_damage(session: bytes, segment: int) -> bytes:
    """The session under which events behind a damaged place go on; the same whoever asks."""
    return hashlib.blake2b(session + segment.to_bytes(8, "little"), digest_size=16, person=b"mldash/damage").digest()


_decode_stream: Callable[[Any], tuple[int, str, str | None]]
_decode_stream = msgspec.msgpack.Decoder(tuple[int, str, str | None]).decode
