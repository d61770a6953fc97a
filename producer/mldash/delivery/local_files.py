"""A local experiment's files on their way to Kafka: records in flight, and up to where each file is acknowledged.

The counterpart of lane.py for a journal. Records are sent in the order of local/records.py and retired in the same
order; a file's place is the end of its acknowledged prefix. One event that the broker takes in no form holds its file's
place back, and the rest goes on.
"""

import asyncio
import errno
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

from mldash.answers.shapes import Connection, Standing
from mldash.events.encoding import encode_record, headers
from mldash.events.identity import Prefix
from mldash.events.schema import Claim, Heartbeat, Record, Signals
from mldash.journal.sessions import live_sessions
from mldash.local.folder import Folder
from mldash.local.records import Numbered, Part, held_records, parts_of, records_of, sessions_of
from mldash.local.state.acknowledged import FileEnd
from mldash.local.state.sent import SentTo, read_sent, write_sent
from mldash.local.state.sources import renamed_session

from .producer import Acknowledged, Producer, Routes
from .refusals import Refusals, told
from .signals import TIMEOUT_S, in_records
from .window import Sent, Window

_NOTE_EVERY_S = 1.0

Stream = tuple[bytes, str, str | None]
AskStanding = Callable[[bytes], Standing]
"""Whether what a session writes counts."""


class _Rows(NamedTuple):
    """Where a record comes from; `end` None: it was read from no row file."""

    file: str
    end: FileEnd | None
    event_count: int


class FilesLane:
    """Sends the files of one experiment with whatever producer there is."""

    def __init__(
        self,
        folder: Folder,
        prefix: Prefix,
        place: str,
        connection: Connection,
        refusals: Refusals,
        *,
        wake: Callable[[], None],
        too_large: Callable[[str], None],
        again: bool = False,
        standing: AskStanding | None = None,
    ) -> None:
        """`place` names where the files are sent to; `again`: what was noted as sent there is sent once more, which
        adds nothing to what is there. With `standing` sessions whose experiment was deleted there get other names,
        which are noted.

        Raises DamagedRow, OSError, NotOurState, and what `standing` raises.
        """
        self._folder, self._prefix, self._place = folder, prefix, place
        self.sent = read_sent(folder, place) or SentTo(topics=connection.topics, content_type=connection.content_type)
        if again:
            renames = self.sent.renames if standing is None else self._renames(standing)
            self.sent = msgspec.structs.replace(self.sent, files={}, renames=renames)
            if not write_sent(folder, place, self.sent) and renames:
                raise PermissionError(errno.EACCES, "new names can't be noted there", str(folder.state))
        self.routes = Routes(prefix.text, self.sent.topics)
        self.event_count = self.byte_count = 0
        self.notes_kept = True
        """Whether what is sent could be noted in the folder."""
        self._too_large = too_large
        self._window: Window[_Rows] = Window(refusals, wake=wake, took=self._note_seq)
        self._parts = parts_of(folder, self.sent.files)
        self.total_bytes = sum(part.end.bytes - part.start.bytes for part in self._parts)
        self._held_files: set[str] = set()
        self._next_seqs: dict[Stream, tuple[int, int, int]] = {}
        self._noted_at = time.monotonic()
        self._ended = False
        self.begin(connection.content_type, connection.schema_minor)

    def begin(self, content_type: str, minor: int) -> None:
        """Behind what is acknowledged, for a new producer; records are encoded so from now on."""
        self._window.begin(content_type, minor)
        self._ended = False
        self._records = chain(
            (Numbered(record, "", FileEnd()) for record in held_records(self._folder, self._prefix)),
            chain.from_iterable(self._records_of(part) for part in self._parts),
        )

    @property
    def is_idle(self) -> bool:
        """Everything is read, and nothing is in flight that may still be acknowledged."""
        return self._ended and self._window.is_idle

    @property
    def has_room(self) -> bool:
        return self._window.has_room

    @property
    def is_whole(self) -> bool:
        """Nothing was refused."""
        return not self._held_files

    @property
    def sessions(self) -> set[bytes]:
        """Those whose events were acknowledged through this lane, by the names that they have there."""
        return {session for session, _, _ in self._next_seqs}

    async def send_round(self, kafka: Producer) -> bool:
        """Send the next record; False where there is none. Raises KafkaTrouble, DamagedRow, OSError."""
        found = next(self._records, None)
        if found is None:
            self._ended = True
            return False
        record, file, end = found
        if self.sent.renames:
            record = msgspec.structs.replace(record, session=self._name_of(record.session))
        rows = _Rows(file, end if file else None, record.count)
        await self._window.send(kafka, self.routes, rows, [record])
        return True

    def settle(self) -> None:
        """Retire what is acknowledged. Raises KafkaTrouble."""
        self._window.settle()
        while (sent := self._window.first_done()) is not None:
            self._window.retire()
            self._retire(sent)
        if time.monotonic() - self._noted_at > _NOTE_EVERY_S:
            self.note()

    def note(self) -> None:
        """Write down, in the experiment's folder, what is acknowledged."""
        self._noted_at = time.monotonic()
        self.notes_kept = write_sent(self._folder, self._place, self.sent)

    async def send_signals(self, kafka: Producer) -> None:
        """Claims of all that was sent, final where its process is gone, and a heartbeat of each that lives."""
        route = self.routes.of("runs", "")
        content_type = self._window.content_type
        futures = []
        async with asyncio.timeout(2 * TIMEOUT_S):
            for record in self._signals():
                value = encode_record(record, content_type)
                futures.append(await kafka.send(route, value, headers(content_type), _look_away))
        if futures:
            await asyncio.wait(futures, timeout=TIMEOUT_S)

    def _name_of(self, session: bytes) -> bytes:
        return renamed_session(session, self.sent.renames.get(session.hex(), 0))

    def _renames(self, standing: AskStanding) -> dict[str, int]:
        """Of each session the first name that was not deleted: whoever asks finds the same, also of a copy of the
        folder, until the experiment is deleted once more."""
        found = dict[str, int]()
        for session in sessions_of(self._folder, self._prefix, parts_of(self._folder, {})):
            times = 0
            while standing(renamed_session(session, times)) == "deleted":
                times += 1
            if times:
                found[session.hex()] = times
        return found

    def _records_of(self, part: Part) -> Iterator[Numbered]:
        """Of a part, what is not acknowledged yet."""
        done = self.sent.files.get(part.file, FileEnd())
        if done.rows > part.start.rows:
            if done.rows >= part.end.rows:
                return
            part = part._replace(start=done)
        yield from records_of(self._folder, self._prefix, part)

    def _note_seq(self, record: Record, at: Acknowledged) -> None:
        seq = record.first_seq + record.count
        self._next_seqs[record.session, record.kind, record.name] = (seq, at.partition, at.offset)

    def _retire(self, sent: Sent[_Rows]) -> None:
        file, end, event_count = sent.item
        if sent.held:
            self._held_files.add(file)
            self._too_large(told(sent.held[0]))
        if end is None or file in self._held_files:
            return
        self.event_count += event_count
        before = self.sent.files.get(file, FileEnd())
        if end.rows > before.rows:
            self.byte_count += end.bytes - before.bytes
            self.sent.files[file] = end

    def _signals(self) -> Iterator[Record]:
        live = {self._name_of(bytes.fromhex(name)) for name in live_sessions(self._folder.journal) if _is_session(name)}
        now = time.time()
        signals: dict[bytes, list[Heartbeat | Claim]] = {}
        for (session, kind, name), (seq, partition, offset) in self._next_seqs.items():
            own = signals.setdefault(session, [Heartbeat(now)] if session in live else [])
            own.append(Claim(now, kind, name, seq, partition, offset, session not in live))  # type: ignore[arg-type]
        for session, own in signals.items():
            for some in in_records(own):
                yield Record(
                    prefix=self._prefix.text,
                    kind="runs",
                    name="",
                    session=session,
                    first_seq=self._next_seqs.get((session, "runs", ""), (0, 0, 0))[0],
                    logged_at=now,
                    blocks=[Signals(some)],
                )


def _is_session(name: str) -> bool:
    return len(name) == 32 and not set(name) - set("0123456789abcdef")


def _look_away(future: "asyncio.Future[object]") -> None:
    """A lost claim does no harm: the next sync sends it again."""
    if not future.cancelled():
        future.exception()
