"""One session's journal on its way to Kafka: rounds in flight, and the end of the acknowledged prefix.

Rounds are sent in the order of the journal and retired in the same order: the checkpoint is the end of the last round
that is acknowledged with all before it. What a broker refuses for its size is cut smaller; where a single event is
refused, its round is never retired: the journal is kept from there on, the rest goes on, and the user is told
(docs/protocol.md 9.3).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from mldash.producer.answers.shapes import Connection, TopicAddress
from mldash.producer.events.encoding import JSON, encode_record, headers
from mldash.producer.events.identity import experiment_id, stream_key
from mldash.producer.events.schema import Columns, Record, Rows, RunEvents
from mldash.producer.events.topics import partition_of
from mldash.producer.journal.checkpoint import Base, Checkpoint, Place
from mldash.producer.journal.rounds import Gatherer, Round
from mldash.producer.journal.scan import Scan, Source, StoredSource
from mldash.producer.journal.session_folder import SessionFolder

from .kafka import BATCH_BYTES, KafkaProducer, KafkaTrouble, TooLarge, acknowledged

IN_FLIGHT_BYTES = 8 << 20
"""Of encoded records that are not acknowledged; the client keeps them, and perhaps a compressed copy, in memory."""

SMALLEST_BATCH_BYTES = 16 << 10

SILENCE_S = 10.0
"""A broker that has not answered for so long is told of. It may only be slow: nothing is sent again yet."""

STALL_S = 30.0
"""A round that is in flight for so long ends its producer."""


class Route(NamedTuple):
    """Where a stream's records go."""

    topic: str
    partition: int
    key: bytes


class Routes:
    """Stream → topic, partition and key, by the counts that the session has fixed."""

    def __init__(self, prefix: str, topics: dict[str, TopicAddress]) -> None:
        self._experiment = experiment_id(prefix)
        self._topics = topics
        self._known: dict[tuple[str, str | None], Route] = {}

    def of(self, kind: str, name: str | None) -> Route:
        route = self._known.get((kind, name))
        if route is None:
            if len(self._known) > 100_000:
                self._known.clear()
            key = stream_key(self._experiment, kind, name)
            address = self._topics[kind]
            route = self._known[kind, name] = Route(address.topic, partition_of(key, address.partitions), key)
        return route


class Progress(Struct):
    """How far a stream is acknowledged: its seqs below `seq`; the last record is at this partition and offset."""

    seq: int
    partition: int
    offset: int


class _Sent(Struct):
    """A round in flight."""

    round: Round
    since: float
    bytes: int = 0
    waiting: int = 0
    held: bool = False
    """Something of it is too large for the broker: it is never retired."""
    futures: list[tuple[Record, int, "asyncio.Future[Any]"]] = []
    """What was sent, its size, and the answer."""


class Lane:
    """Reads one journal and sends it with whatever producer there is."""

    def __init__(
        self,
        source: Source,
        folder: SessionFolder,
        *,
        wake: Callable[[], None],
        release: Callable[[Base], None] = lambda base: None,
        too_large: Callable[[str], None] = lambda what: None,
        silent: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`wake` is called when a round is acknowledged; `release` when segments below a base are no longer needed;
        `silent`, with SILENCE_S and again and again, while Kafka has not answered for so long."""
        assert folder.head.topics is not None
        self.folder = folder
        self.checkpoint = Checkpoint(folder.checkpoint_path)
        self.routes = Routes(folder.head.prefix, folder.head.topics)
        self.progress: dict[tuple[str, str | None], Progress] = {}
        self.changed: set[tuple[str, str | None]] = set()
        """Streams with progress since signals.py last looked."""
        self.event_count = self.byte_count = 0
        """Acknowledged through this lane; bytes are those of the journal."""
        self._source = source
        self._wake, self._release, self._too_large, self._silent = wake, release, too_large, silent
        self._content_type = folder.head.content_type
        self._headers = headers(self._content_type)
        self.batch_bytes = BATCH_BYTES
        """Larger batches are refused by the broker, as far as is known."""
        self._held: set[tuple[str, str | None, int]] = set()
        self._in_flight: deque[_Sent] = deque()
        self._in_flight_bytes = 0
        self._heard_at = 0.0
        self.rewind()

    def rewind(self) -> None:
        """Begin again at the checkpoint: for a new producer."""
        self._in_flight.clear()
        self._in_flight_bytes = 0
        scan = Scan(self._source)
        decoded = self._content_type == JSON  # values are converted one by one there
        self._gatherer = Gatherer(scan, self.folder.head.prefix, decoded=decoded, after=self.checkpoint.place)

    @property
    def read_up_to(self) -> Place:
        return self._gatherer.place

    @property
    def written(self) -> dict[tuple[str, str | None], int]:
        """Each stream's next seq, as far as the journal was read, whoever had the acknowledgement. Nothing where the
        journal is damaged: behind it all goes on under another session."""
        scan = self._gatherer.scan
        if scan.session != self.folder.head.session_id:
            return {}
        return {(stream.kind, stream.name): stream.seq for stream in scan.streams.values()}

    @property
    def is_idle(self) -> bool:
        """Nothing is in flight that may still be acknowledged."""
        return not any(sent.waiting for sent in self._in_flight)

    @property
    def has_room(self) -> bool:
        return self._in_flight_bytes < IN_FLIGHT_BYTES

    async def send_round(self, kafka: KafkaProducer) -> bool:
        """Send the next round; False where there is none. Raises KafkaTrouble."""
        done = self._gatherer.next_round()
        if done is None:
            return False
        sent = _Sent(done, monotonic(), futures=[])
        self._in_flight.append(sent)
        for record in done.records:
            await self._send(kafka, sent, record)
        return True

    def settle(self) -> Place:
        """Retire what is acknowledged, and give the end of the acknowledged prefix. Raises KafkaTrouble."""
        for sent in self._in_flight:
            if not sent.waiting:
                self._look(sent)
            elif (waited := monotonic() - sent.since) > STALL_S:
                raise KafkaTrouble(f"Kafka has not answered for {STALL_S:g} s")
            elif waited > SILENCE_S:
                self._tell_of_silence()
        while self._in_flight and not self._in_flight[0].waiting and not self._in_flight[0].held:
            sent = self._in_flight.popleft()
            self._in_flight_bytes -= sent.bytes
            self.event_count += sent.round.event_count
            self.byte_count += sent.round.journal_bytes
            self.checkpoint.advance(sent.round.end)
            self._release(sent.round.base)
        return self.checkpoint.place

    def close(self) -> None:
        self.checkpoint.close()

    def finish(self) -> bool:
        """For a dead session, when nothing is in flight: remove the journal, or keep it where something was refused.
        Whether it is gone."""
        self.settle()
        self.close()
        done = not self._in_flight and self.checkpoint.place >= self.read_up_to
        if done:
            self.folder.remove()
        self.folder.unlock()
        return done

    async def _send(self, kafka: KafkaProducer, sent: _Sent, record: Record) -> None:
        if self._held and (record.kind, record.name, record.first_seq) in self._held and record.count == 1:
            self._hold(sent)
            return
        value = encode_record(record, self._content_type)
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
            if not future.cancelled() and future.exception() is None:  # settle() looks at what failed
                self._heard_at = monotonic()
            self._wake()

        route = self.routes.of(record.kind, record.name)
        telling = asyncio.get_running_loop().call_later(SILENCE_S, self._tell_of_silence)
        try:
            async with asyncio.timeout(STALL_S):
                future = await kafka.send(route.topic, route.partition, route.key, value, self._headers, done)
        except TimeoutError as error:
            raise KafkaTrouble(f"Kafka has not answered for {STALL_S:g} s") from error
        finally:
            telling.cancel()
        sent.futures.append((record, len(value), future))

    def _tell_of_silence(self) -> None:
        """Unless something was acknowledged meanwhile: behind a silence that is over, the next rounds are old too."""
        if monotonic() - self._heard_at >= SILENCE_S:
            self._silent(SILENCE_S)

    def _look(self, sent: _Sent) -> None:
        """Take note of what is acknowledged of a round. Raises KafkaTrouble."""
        futures, sent.futures = sent.futures, []
        for record, size, future in futures:
            try:
                at = acknowledged(future)
            except TooLarge as error:
                self._refuse(record, size)
                # A refused batch leaves a gap in the producer's own sequence: it is of no more use.
                raise KafkaTrouble("Kafka takes no batch of this size: smaller ones follow") from error
            if record.session != self.folder.head.session_id:
                continue  # it stood behind a damaged place: claims are of the session itself
            stream = (record.kind, record.name)
            seq = record.first_seq + record.count
            known = self.progress.get(stream)
            if known is None or known.seq < seq:
                self.progress[stream] = Progress(seq, at.partition, at.offset)
                self.changed.add(stream)

    def _refuse(self, record: Record, size: int) -> None:
        """The next producer sends smaller batches; an event that was refused alone is held back."""
        alone = record.count == 1 and (size > self.batch_bytes or self.batch_bytes <= SMALLEST_BATCH_BYTES)
        if alone:
            self._held.add((record.kind, record.name, record.first_seq))
            of = f"{record.kind} {record.name!r}" if record.name else record.kind
            self._too_large(f"an event of {of} with {size} bytes (seq {record.first_seq})")
        else:
            self.batch_bytes = max(SMALLEST_BATCH_BYTES, min(self.batch_bytes, size) // 2)

    def _hold(self, sent: _Sent) -> None:
        """The round is never retired, and must not take the room of the rest."""
        sent.held = True
        self._in_flight_bytes -= sent.bytes
        sent.bytes = 0


def lane_of_dead(
    folder: SessionFolder, connection: Connection, wake: Callable[[], None], too_large: Callable[[str], None]
) -> Lane:
    """A lane for a session that is locked here; its topics are fixed now if they never were."""
    if folder.head.topics is None:
        folder.fix_topics(connection.topics, connection.content_type)
    return Lane(StoredSource(folder), folder, wake=wake, too_large=too_large)


def halve(record: Record) -> tuple[Record, Record] | None:
    """The record as two; None where it is one event."""
    count = record.count
    if count < 2:
        return None
    middle = count // 2
    first, second = [], []
    at = 0
    for block in record.blocks:
        cut = min(max(middle - at, 0), block.count)
        if cut:
            first.append(_slice(block, 0, cut))
        if cut < block.count:
            second.append(_slice(block, cut, block.count))
        at += block.count
    replace = msgspec.structs.replace
    return replace(record, blocks=first), replace(record, blocks=second, first_seq=record.first_seq + middle)


_WIDTHS = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}


def _slice(block: Any, start: int, stop: int) -> Any:
    if isinstance(block, Rows):
        return Rows(block.fields, block.times[start:stop], block.rows[start:stop])
    if isinstance(block, RunEvents):
        return RunEvents(block.events[start:stop])
    columns = []
    for column in block.columns:
        if column.type == "values":
            values = msgspec.msgpack.decode(column.data, type=list[msgspec.Raw])
            data = msgspec.msgpack.encode(values[start:stop])
        else:
            width = _WIDTHS[column.type]
            for length in column.shape:
                width *= length
            data = column.data[start * width : stop * width]
        columns.append(msgspec.structs.replace(column, data=data))
    return Columns(block.fields, stop - start, block.times[start * 8 : stop * 8], columns)
