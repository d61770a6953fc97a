"""The callees of log(): a writer for each stream, and for each layout of its rows.

`StreamWriter.append` and the code that point_calls.py makes around a `RowWriter` are the hot path (benchmarks/sdk.py,
"log"): one encode, one checksum, one copy into the mapped segment. No lock, no system call, no counting: the copy is
one call that the interpreter makes atomic. What a segment refuses goes to `Journal.append_slowly` (append.py).
"""

from collections.abc import Callable, Mapping
from struct import Struct as Packer
from time import time as _now
from typing import TYPE_CHECKING, Any
from zlib import adler32

import msgspec

from mldash.events.schema import Column, Describe, End, Start

from .frame import COLUMNS, EVENT, KIND_SHIFT, LAYOUT, ROW, RUN, STREAM, pack_frame
from .layout import Layout, encode_layout
from .segment import Segment

if TYPE_CHECKING:
    from .append import Journal

_encode = msgspec.msgpack.Encoder().encode
_pack_header = Packer("<II").pack
_EVENT_WORD = EVENT << KIND_SHIFT


def no_room(frame: bytes) -> None:
    """Stands in for a segment while a writer has none."""
    raise ValueError


class StreamWriter:
    """One stream of the session (mode.StreamWriter). Thread-safe without a lock, also from signal handlers."""

    __slots__ = ("__weakref__", "_here", "_journal", "_number", "_segment", "_write", "kind", "name")

    def __init__(self, journal: "Journal", number: int, kind: str, name: str | None) -> None:
        self.kind, self.name = kind, name
        self._journal = journal
        self._number = number
        self._here = journal.here
        self._segment: Segment | None = None
        self._write: Callable[[bytes], Any] = no_room

    @property
    def next_seq(self) -> int:
        """Counted by reading the journal: not for a loop."""
        from .reading.rounds import next_seqs

        return next_seqs(self._journal).get((self.kind, self.name), 0)

    def append(self, time: float, fields: Mapping[str, Any]) -> None:
        """One event; returns when it is in the journal. Raises ValueError above 15 MiB, JournalFull."""
        payload = _encode((self._number, time, fields))
        if self._here[0]:
            try:
                self._write(_pack_header(len(payload) | _EVENT_WORD, adler32(payload, EVENT)) + payload)
                return
            except ValueError:
                pass
        self._journal.append_slowly(self, EVENT, payload)

    def append_columns(self, times: bytes, count: int, columns: Mapping[str, Column]) -> None:
        """`count` events at once. Raises as `append` does."""
        packed = {name: (column.type, column.data, column.shape) for name, column in columns.items()}
        self._append(COLUMNS, _encode((self._number, _now(), count, times, packed)))

    def append_run_event(self, event: Start | Describe | End) -> None:
        self._append(RUN, _encode((self._number, event)))

    def rows(self, types: str, fields: tuple[str, ...]) -> "RowWriter | None":
        """Appends events of these fields as packed rows (layout.py); None where the journal has too many layouts."""
        return self._journal.rows(self, types, fields)

    def declaration(self) -> bytes:
        """The frame that a segment must hold before this writer's first one."""
        return pack_frame(STREAM, _encode((self._number, self.kind, self.name)))

    def _append(self, kind: int, payload: bytes) -> None:
        if self._here[0]:
            try:
                self._write(pack_frame(kind, payload))
                return
            except ValueError:
                pass
        self._journal.append_slowly(self, kind, payload)


class RowWriter:
    """Events of one stream that have the same few numbers as fields. Thread-safe as StreamWriter is.

    The hot path is made for its fields (point_calls.py) and does here what `StreamWriter.append` does: it packs the row
    with `pack`, looks at `here`, and hands the frame to `_write`; what that refuses goes to `append_slowly`.
    """

    __slots__ = ("_journal", "_layout", "_segment", "_stream", "_write", "here", "number", "pack", "word")

    def __init__(self, journal: "Journal", stream: StreamWriter, layout: Layout) -> None:
        self._journal, self._stream, self._layout = journal, stream, layout
        self._segment: Segment | None = None
        self._write: Callable[[bytes], Any] = no_room
        self.here = journal.here
        self.number = layout.number
        self.pack: Callable[..., bytes] = layout.packer.pack
        self.word = layout.row_bytes | ROW << KIND_SHIFT

    @property
    def kind(self) -> str:
        return self._stream.kind

    @property
    def name(self) -> str | None:
        return self._stream.name

    def append_slowly(self, row: bytes) -> None:
        """Raises JournalFull."""
        self._journal.append_slowly(self, ROW, row)

    def declaration(self) -> bytes:
        return self._stream.declaration() + pack_frame(LAYOUT, encode_layout(self._layout))


class EntryWriter(StreamWriter):
    """A track's: `time` is the entry's, so the time of logging stands beside it."""

    __slots__ = ()

    def append(self, time: float, fields: Mapping[str, Any]) -> None:
        payload = _encode((self._number, time, _now(), fields))
        if self._here[0]:
            try:
                self._write(_pack_header(len(payload) | _EVENT_WORD, adler32(payload, EVENT)) + payload)
                return
            except ValueError:
                pass
        self._journal.append_slowly(self, EVENT, payload)
