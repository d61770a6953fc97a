"""Frames → records: consecutive events of a stream in one record, those with equal fields in one block.

A round is the records that are read from the journal at once, some megabytes: a record ends with its round, so the end
of the last round whose records are all acknowledged, and all before it, is the end of the acknowledged prefix.

Values are spliced as they stand in the journal (msgspec.Raw): nothing of a user's is decoded on its way to Kafka. A
sink that wants the values themselves (plain files, JSON records) asks for `decoded`.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw

from mldash.events.column_types import ColumnType
from mldash.events.limits import RECORD_EVENTS, RECORD_TARGET_BYTES
from mldash.events.messagepack import array_head
from mldash.events.schema import Block, Column, Columns, Describe, End, Record, Rows, RunEvents, Start
from mldash.journal.checkpoint import Base, Place, StreamSeq
from mldash.journal.frame import COLUMNS, EVENT, LAYOUT, ROW, RUN, STREAM, frames
from mldash.journal.layout import layout_number
from mldash.journal.session_folder import SessionFolder

from .runs import take_run
from .scan import LiveSource, Scan, StoredSource

if TYPE_CHECKING:
    from mldash.journal.append import Journal

ROUND_BYTES = 2 << 20
_HEAD_OF_EVENT = array_head(3)[0]

_ROW_OVERHEAD_BYTES = 16


class Round(NamedTuple):
    """Records of the journal up to `end`; `base` is where a scan may begin that goes on from there.

    `seqs` are the streams that have records in it, with their next seq.
    """

    records: list[Record]
    end: Place
    base: Base
    seqs: list[StreamSeq]
    journal_bytes: int

    @property
    def event_count(self) -> int:
        return sum(record.count for record in self.records)


class _OpenRecord:
    """A record that is being filled."""

    __slots__ = ("blocks", "bytes", "count", "logged_at", "rows", "session", "stream")

    def __init__(self, stream: StreamSeq, session: bytes, logged_at: float) -> None:
        self.stream = stream
        self.logged_at = logged_at
        self.session = session
        self.blocks: list[Block] = []
        self.rows: Rows | None = None
        self.count = 0
        self.bytes = 0

    def add_row(self, time: float, values: dict[str, Any], size: int) -> None:
        rows = self.rows
        if rows is None or len(rows.fields) != len(values) or rows.fields != [*values]:
            rows = self.rows = Rows([*values], [], [])
            self.blocks.append(rows)
        rows.times.append(time)
        rows.rows.append([*values.values()])
        self.count += 1
        self.bytes += size + _ROW_OVERHEAD_BYTES

    def add_block(self, block: Columns | RunEvents, size: int) -> None:
        last = self.blocks[-1] if self.blocks else None
        if isinstance(block, RunEvents) and isinstance(last, RunEvents):
            last.events.extend(block.events)
        else:
            self.blocks.append(block)
        self.rows = None
        self.count += block.count
        self.bytes += size


class Gatherer:
    """Reads a journal round by round."""

    def __init__(self, scan: Scan, prefix: str, *, decoded: bool = False, after: Place | None = None) -> None:
        """`after`: what lies before this place was acknowledged and is only counted."""
        self.scan = scan
        self._prefix = prefix
        self._after = after
        values = Any if decoded else Raw
        event = msgspec.msgpack.Decoder
        self._decode_event = event(tuple[int, float, dict[str, values]]).decode  # type: ignore[valid-type]
        self._decode_entry = event(tuple[int, float, float, dict[str, values]]).decode  # type: ignore[valid-type]
        self._open: dict[int, _OpenRecord] = {}
        self._records: list[Record] = []

    @property
    def place(self) -> Place:
        return self.scan.place

    def next_round(self, most_bytes: int = ROUND_BYTES) -> Round | None:
        """The next records of the journal; None where nothing is left now."""
        taken = 0
        before = self.scan.place
        streams: dict[int, None] = {}
        while taken < most_bytes:
            session = self.scan.session
            chunk = self.scan.chunk()
            if chunk is None or (self.scan.session != session and self._open):
                break  # behind a damaged place all goes on under another session: in another round
            taken += self._take(chunk, most_bytes - taken)
            streams.update(dict.fromkeys(self._open))
        if taken == 0 and self.scan.place == before:
            return None
        for number in [*self._open]:
            self._close(number)
        records, self._records = self._records, []
        seqs = [stream for number in streams if (stream := self.scan.streams.get(number)) is not None]
        return Round(records, self.scan.place, self.scan.base, seqs, taken)

    def _take(self, data: bytes, most_bytes: int) -> int:
        """Take whole frames of a chunk, and give how many bytes they have."""
        at, segment, begin = 0, self.scan.place.segment, self.scan.place.offset
        skip_until = 0
        if self._after is not None and (segment, begin) < self._after:
            skip_until = len(data) if segment < self._after.segment else self._after.offset - begin
        whole = memoryview(data)
        fresh = frames(whole, 0, checked=False)
        while at < max(most_bytes, 1) or at < skip_until:
            # A run ends where the acknowledged part does.
            readable = data if at >= skip_until else data[:skip_until]
            run = take_run(readable, at, self.scan.layouts) if at + 8 <= len(data) else None
            if run is not None:
                self._count_block(run.number, run.columns, run.logged_at, run.end - at, emit=at >= skip_until)
                at = run.end
                fresh = frames(whole, at, checked=False)
                continue
            frame = next(fresh, None)
            if frame is None:
                break
            self._take_frame(frame.kind, frame.payload, emit=at >= skip_until)
            at = frame.end
        self.scan.passed(at)
        return at

    def _take_frame(self, kind: int, payload: memoryview, *, emit: bool) -> None:
        if kind == EVENT:
            if payload[0] == _HEAD_OF_EVENT:  # an entry has a fourth element
                number, time, values = self._decode_event(payload)
                logged_at = time
            else:
                number, time, logged_at, values = self._decode_entry(payload)
            stream = self.scan.count(number, 1)
            if emit:
                self._record(stream, logged_at, len(payload), 1).add_row(time, values, len(payload))
        elif kind == COLUMNS:
            number, logged_at, count, times, packed = _decode_columns(payload)
            columns = [Column(type_, data, shape) for type_, data, shape in packed.values()]
            self._count_block(number, Columns([*packed], count, times, columns), logged_at, len(payload), emit=emit)
        elif kind == RUN:
            number, event = _decode_run(payload)
            self._count_block(number, RunEvents([event]), event.time, len(payload), emit=emit)
        elif kind == ROW:
            layout = self.scan.layouts[layout_number(payload, 0)]
            time, values = layout.unpack(payload)
            stream = self.scan.count(layout.stream, 1)
            if emit:
                self._record(stream, time, len(payload), 1).add_row(time, values, len(payload))
        elif kind == LAYOUT:
            self.scan.declare_layout(payload)
        elif kind == STREAM:
            self.scan.declare(payload)

    def _count_block(self, number: int, block: Columns | RunEvents, logged_at: float, size: int, *, emit: bool) -> None:
        stream = self.scan.count(number, block.count)
        if emit:
            self._record(stream, logged_at, size, block.count).add_block(block, size)

    def _record(self, stream: StreamSeq, logged_at: float, size: int, count: int) -> _OpenRecord:
        """The stream's open record, if there is room in it; else a new one."""
        record = self._open.get(stream.number)
        if record is not None and (record.bytes + size > RECORD_TARGET_BYTES or record.count + count > RECORD_EVENTS):
            self._close(stream.number)
            record = None
        if record is None:
            record = self._open[stream.number] = _OpenRecord(stream, self.scan.session, logged_at)
        return record

    def _close(self, number: int) -> None:
        open_record = self._open.pop(number)
        stream = open_record.stream
        self._records.append(
            Record(
                prefix=self._prefix,
                kind=stream.kind,  # type: ignore[arg-type]
                name=stream.name,
                session=open_record.session,
                first_seq=stream.seq,
                logged_at=open_record.logged_at,
                blocks=open_record.blocks,
            )
        )


_decode_columns = msgspec.msgpack.Decoder(
    tuple[int, float, int, bytes, dict[str, tuple[ColumnType, bytes, tuple[int, ...]]]]
).decode
_decode_run = msgspec.msgpack.Decoder(tuple[int, Start | Describe | End]).decode


def _count_events(scan: Scan) -> dict[tuple[str, str | None], int]:
    """Each stream's next seq; the scan is at the journal's end then."""
    gatherer = Gatherer(scan, "")
    while gatherer.next_round() is not None:
        pass
    return {(stream.kind, stream.name): stream.seq for stream in scan.streams.values()}


def next_seqs(journal: "Journal") -> dict[tuple[str, str | None], int]:
    """The seq of each stream's next event in a journal that this process writes, counted from the disk."""
    while journal.folder is not None:
        try:
            return _count_events(Scan(LiveSource(journal)))
        except ValueError:  # a segment was released under the scan: from the new base
            continue
    return {}


def find_end(folder: SessionFolder) -> Place:
    """Where the last whole frame of a session on the disk ends."""
    scan = Scan(StoredSource(folder))
    _count_events(scan)
    return scan.place
