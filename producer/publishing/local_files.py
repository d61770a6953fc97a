"""A local experiment's files on their way to Kafka: records in flight, and up to where each file is acknowledged.

What lane.py is to a journal. Records are sent in the order of local/records.py and retired in the same order; a file's
place is the end of its acknowledged prefix. Where the broker finds a record too large it is cut; one event that is
refused alone holds its file's place back, and the rest goes on.
"""

import asyncio
import errno
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct

from mldash.producer.answers.shapes import Connection, Standing
from mldash.producer.events.encoding import encode_record, headers
from mldash.producer.events.identity import Prefix
from mldash.producer.events.schema import Claim, Heartbeat, Record, Signals
from mldash.producer.journal.session_folder import live_sessions
from mldash.producer.local.acknowledged import FileEnd
from mldash.producer.local.folder import Folder
from mldash.producer.local.records import Numbered, Part, held_records, parts_of, records_of, sessions_of
from mldash.producer.local.sent import SentTo, read_sent, write_sent
from mldash.producer.local.sources import renamed_session

from .kafka import BATCH_BYTES, KafkaProducer, KafkaTrouble, TooLarge, acknowledged
from .lane import IN_FLIGHT_BYTES, SMALLEST_BATCH_BYTES, STALL_S, Routes, halve
from .signals import CLAIMS_IN_A_RECORD, TIMEOUT_S

NOTE_EVERY_S = 1.0

Stream = tuple[bytes, str, str | None]
AskStanding = Callable[[bytes], Standing]
"""Whether what a session writes counts."""


class _Sent(Struct):
    """A record in flight, perhaps in pieces; `end` None: it was read from no row file."""

    file: str
    end: FileEnd | None
    since: float
    count: int
    bytes: int = 0
    waiting: int = 0
    held: bool = False
    futures: list[tuple[Record, int, "asyncio.Future[Any]"]] = []


class FilesLane:
    """Sends the files of one experiment with whatever producer there is."""

    def __init__(
        self,
        folder: Folder,
        prefix: Prefix,
        place: str,
        connection: Connection,
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
        self.batch_bytes = BATCH_BYTES
        self.event_count = self.byte_count = 0
        self.notes_kept = True
        """Whether what is sent could be noted in the folder."""
        self._wake, self._too_large = wake, too_large
        self._headers = headers(self.sent.content_type)
        self._parts = parts_of(folder, self.sent.files)
        self.total_bytes = sum(part.end.bytes - part.start.bytes for part in self._parts)
        self._held: set[tuple[Stream, int]] = set()
        self._held_files: set[str] = set()
        self._next_seqs: dict[Stream, tuple[int, int, int]] = {}
        self._in_flight: deque[_Sent] = deque()
        self._in_flight_bytes = 0
        self._noted_at = time.monotonic()
        self._ended = False
        self.rewind()

    def rewind(self) -> None:
        """Begin again behind what is acknowledged: for a new producer."""
        self._in_flight.clear()
        self._in_flight_bytes = 0
        self._ended = False
        self._records = chain(
            (Numbered(record, "", FileEnd()) for record in held_records(self._folder, self._prefix)),
            chain.from_iterable(self._records_of(part) for part in self._parts),
        )

    @property
    def is_idle(self) -> bool:
        """Everything is read, and nothing is in flight that may still be acknowledged."""
        return self._ended and not any(sent.waiting for sent in self._in_flight)

    @property
    def has_room(self) -> bool:
        return self._in_flight_bytes < IN_FLIGHT_BYTES

    @property
    def is_whole(self) -> bool:
        """Nothing was refused."""
        return not self._held

    @property
    def sessions(self) -> set[bytes]:
        """Those whose events were acknowledged through this lane, by the names that they have there."""
        return {session for session, _, _ in self._next_seqs}

    async def send_round(self, kafka: KafkaProducer) -> bool:
        """Send the next record; False where there is none. Raises KafkaTrouble, DamagedRow, OSError."""
        found = next(self._records, None)
        if found is None:
            self._ended = True
            return False
        record, file, end = found
        if self.sent.renames:
            record = msgspec.structs.replace(record, session=self._name_of(record.session))
        sent = _Sent(file, end if file else None, time.monotonic(), record.count, futures=[])
        self._in_flight.append(sent)
        await self._send(kafka, sent, record)
        return True

    def settle(self) -> None:
        """Retire what is acknowledged. Raises KafkaTrouble."""
        for sent in self._in_flight:
            if not sent.waiting:
                self._look(sent)
            elif time.monotonic() - sent.since > STALL_S:
                raise KafkaTrouble(f"Kafka has not answered for {STALL_S:g} s")
        while self._in_flight and not self._in_flight[0].waiting:
            self._retire(self._in_flight.popleft())
        if time.monotonic() - self._noted_at > NOTE_EVERY_S:
            self.note()

    def note(self) -> None:
        """Write down, in the experiment's folder, what is acknowledged."""
        self._noted_at = time.monotonic()
        self.notes_kept = write_sent(self._folder, self._place, self.sent)

    async def send_signals(self, kafka: KafkaProducer) -> None:
        """Claims of all that was sent, final where its process is gone, and a heartbeat of each that lives."""
        route = self.routes.of("runs", "")
        futures = []
        async with asyncio.timeout(2 * TIMEOUT_S):
            for record in self._signals():
                value = encode_record(record, self.sent.content_type)
                futures.append(
                    await kafka.send(route.topic, route.partition, route.key, value, self._headers, _look_away)
                )
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

    async def _send(self, kafka: KafkaProducer, sent: _Sent, record: Record) -> None:
        if self._held and record.count == 1 and _name(record) in self._held:
            sent.held = True
            return
        value = encode_record(record, self.sent.content_type)
        halves = halve(record) if len(value) > self.batch_bytes else None
        if halves is not None:
            for half in halves:
                await self._send(kafka, sent, half)
            return
        sent.bytes += len(value)
        self._in_flight_bytes += len(value)
        sent.waiting += 1

        def done(future: "asyncio.Future[Any]") -> None:
            sent.waiting -= 1
            if not future.cancelled():
                future.exception()  # settle() looks at it; that of a producer that is given up is no news
            self._wake()

        route = self.routes.of(record.kind, record.name)
        try:
            async with asyncio.timeout(STALL_S):
                future = await kafka.send(route.topic, route.partition, route.key, value, self._headers, done)
        except TimeoutError as error:
            raise KafkaTrouble(f"Kafka has not answered for {STALL_S:g} s") from error
        sent.futures.append((record, len(value), future))

    def _look(self, sent: _Sent) -> None:
        futures, sent.futures = sent.futures, []
        for record, size, future in futures:
            try:
                at = acknowledged(future)
            except TooLarge as error:
                self._refuse(record, size)
                raise KafkaTrouble("Kafka takes no batch of this size: smaller ones follow") from error
            seq = record.first_seq + record.count
            self._next_seqs[record.session, record.kind, record.name] = (seq, at.partition, at.offset)

    def _refuse(self, record: Record, size: int) -> None:
        if record.count == 1 and (size > self.batch_bytes or self.batch_bytes <= SMALLEST_BATCH_BYTES):
            self._held.add(_name(record))
            of = f"{record.kind} {record.name!r}" if record.name else record.kind
            self._too_large(f"an event of {of} with {size} bytes (seq {record.first_seq})")
        else:
            self.batch_bytes = max(SMALLEST_BATCH_BYTES, min(self.batch_bytes, size) // 2)

    def _retire(self, sent: _Sent) -> None:
        self._in_flight_bytes -= sent.bytes
        if sent.held:
            self._held_files.add(sent.file)
        if sent.end is None or sent.file in self._held_files:
            return
        self.event_count += sent.count
        before = self.sent.files.get(sent.file, FileEnd())
        if sent.end.rows > before.rows:
            self.byte_count += sent.end.bytes - before.bytes
            self.sent.files[sent.file] = sent.end

    def _signals(self) -> Iterator[Record]:
        live = {self._name_of(bytes.fromhex(name)) for name in live_sessions(self._folder.journal) if _is_session(name)}
        now = time.time()
        signals: dict[bytes, list[Heartbeat | Claim]] = {}
        for (session, kind, name), (seq, partition, offset) in self._next_seqs.items():
            own = signals.setdefault(session, [Heartbeat(now)] if session in live else [])
            own.append(Claim(now, kind, name, seq, partition, offset, session not in live))  # type: ignore[arg-type]
        for session, own in signals.items():
            for start in range(0, len(own), CLAIMS_IN_A_RECORD):
                yield Record(
                    prefix=self._prefix.text,
                    kind="runs",
                    name="",
                    session=session,
                    first_seq=self._next_seqs.get((session, "runs", ""), (0, 0, 0))[0],
                    logged_at=now,
                    blocks=[Signals(own[start : start + CLAIMS_IN_A_RECORD])],
                )


def _name(record: Record) -> tuple[Stream, int]:
    return (record.session, record.kind, record.name), record.first_seq


def _is_session(name: str) -> bool:
    return len(name) == 32 and not set(name) - set("0123456789abcdef")


def _look_away(future: "asyncio.Future[object]") -> None:
    """A claim that is lost is no loss: the next sync sends it again."""
    if not future.cancelled():
        future.exception()
