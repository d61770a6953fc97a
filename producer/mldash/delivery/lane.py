"""One session's journal on its way to Kafka: rounds, and the end of the acknowledged prefix.

Rounds are sent in the order of the journal and retired in the same order: the checkpoint is the end of the last round
that is acknowledged with all before it. An event that the broker takes in no form is set aside in the session's folder
(journal/held.py) when its round is retired, so that the journal goes on without it, and the user is told
(docs/protocol.md 9.3). Where it can't be set aside, the disk being full, its place stays and the rest goes on.
"""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

from msgspec import Struct

from mldash.answers.shapes import Connection
from mldash.events.encoding import JSON
from mldash.events.schema import Record
from mldash.journal.checkpoint import Base, Checkpoint, Place
from mldash.journal.held import HeldEvents
from mldash.journal.reading.rounds import Gatherer
from mldash.journal.reading.scan import Scan, Source, StoredSource
from mldash.journal.session_folder import SessionFolder

from .producer import Acknowledged, Producer, Routes
from .refusals import Refusals
from .window import Window

_HOLD_AGAIN_S = 1.0
"""Between two attempts to set refused events aside."""


class Progress(Struct):
    """How far a stream is acknowledged: its seqs below `seq`; the last record is at this partition and offset."""

    seq: int
    partition: int
    offset: int


class _Stretch(NamedTuple):
    """A round that was sent; `place` None: an event that was held before, the frame of this number."""

    place: Place | None
    base: Base | None = None
    event_count: int = 0
    journal_bytes: int = 0
    number: int = -1


class Lane:
    """Reads one journal and sends it with whatever producer there is."""

    def __init__(
        self,
        source: Source,
        folder: SessionFolder,
        refusals: Refusals,
        *,
        wake: Callable[[], None],
        release: Callable[[Base], None] = lambda base: None,
        held: Callable[[list[Record], int], None] = lambda records, held_bytes: None,
        silent: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`wake` is called with each answer; `release` when segments below a base may go; `held` with
        events that were set aside and their bytes on the disk; `silent`, again and again, while Kafka has not answered.
        """
        assert folder.head.topics is not None
        self.folder = folder
        self.checkpoint = Checkpoint(folder.checkpoint_path)
        self.routes = Routes(folder.head.prefix, folder.head.topics)
        self.progress: dict[tuple[str, str | None], Progress] = {}
        self.changed: set[tuple[str, str | None]] = set()
        """Streams with progress since signals.py last looked."""
        self.event_count = self.byte_count = 0
        """Acknowledged through this lane; bytes are those of the journal."""
        self.problem: OSError | None = None
        """Why refused events could not be set aside: their place stays."""
        self._source = source
        self._release, self._tell_held = release, held
        self._window: Window[_Stretch] = Window(refusals, wake=wake, took=self._note_progress, silent=silent)
        self._kept = HeldEvents(folder)
        self._sent_again: set[int] = set()
        """Frames of events that were held before, and are acknowledged now."""
        self._hold_at = 0.0
        self.begin(folder.head.content_type, 0)

    def begin(self, content_type: str, minor: int) -> None:
        """At the checkpoint, for a new producer; records are encoded so from now on."""
        self._window.begin(content_type, minor)
        self._held_before = self._held_records()
        decoded = content_type == JSON  # values are converted one by one there
        prefix = self.folder.head.prefix
        self._gatherer = Gatherer(Scan(self._source), prefix, decoded=decoded, after=self.checkpoint.place)

    @property
    def content_type(self) -> str:
        return self._window.content_type

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
        return self._window.is_idle

    @property
    def has_room(self) -> bool:
        return self._window.has_room

    async def send_round(self, kafka: Producer) -> bool:
        """Send the next round; False where there is none. Raises KafkaTrouble, OSError."""
        before = next(self._held_before, None)
        if before is not None:
            number, record = before
            await self._window.send(kafka, self.routes, _Stretch(None, number=number), [record])
            return True
        done = self._gatherer.next_round()
        if done is None:
            return False
        stretch = _Stretch(done.end, done.base, done.event_count, done.journal_bytes)
        await self._window.send(kafka, self.routes, stretch, done.records)
        return True

    def settle(self) -> Place:
        """Retire what is acknowledged or set aside, and give the end of that prefix. Raises KafkaTrouble, OSError."""
        self._window.settle()
        while (sent := self._window.first_done()) is not None:
            stretch = sent.item
            if stretch.place is None or stretch.base is None:
                if sent.held:
                    self._tell_held(sent.held, 0)
                else:
                    self._sent_again.add(stretch.number)
                    self.event_count += 1
                self._window.retire()
                continue
            if sent.held and not self._set_aside(sent.held):
                break
            self._window.retire()
            self.event_count += stretch.event_count - len(sent.held)
            self.byte_count += stretch.journal_bytes
            self.checkpoint.advance(stretch.place)
            self._release(stretch.base)
        return self.checkpoint.place

    def close(self) -> None:
        self.checkpoint.close()

    def finish(self) -> bool:
        """For a dead session, when nothing is in flight: remove the journal, or keep it where something was refused.
        Whether it is gone. Raises KafkaTrouble, OSError."""
        self.settle()
        self.close()
        done = self._window.is_empty and self.checkpoint.place >= self.read_up_to
        if self._kept.drop(self._sent_again):
            done = False
        if done:
            self.folder.remove()
        self.folder.unlock()
        return done

    def _held_records(self) -> Iterator[tuple[int, Record]]:
        """Events set aside before this lane began, of a session whose process is gone."""
        return iter(())

    def _set_aside(self, records: list[Record]) -> bool:
        """Whether they are on the disk now; where they can't be, it is tried again after a while."""
        if monotonic() < self._hold_at:
            return False
        try:
            held_bytes = self._kept.add(records)
        except OSError as error:
            self.problem = error
            self._hold_at = monotonic() + _HOLD_AGAIN_S
            return False
        self.problem = None
        self._tell_held(records, held_bytes)
        return True

    def _note_progress(self, record: Record, at: Acknowledged) -> None:
        if record.session != self.folder.head.session_id:
            return  # it stood behind a damaged place: claims are of the session itself
        stream = (record.kind, record.name)
        seq = record.first_seq + record.count
        known = self.progress.get(stream)
        if known is None or known.seq < seq:
            self.progress[stream] = Progress(seq, at.partition, at.offset)
            self.changed.add(stream)


class DeadLane(Lane):
    """Of a session whose process is gone: what it had set aside is tried once more."""

    def _held_records(self) -> Iterator[tuple[int, Record]]:
        return ((number, record) for number, record in self._kept.records() if number not in self._sent_again)


def lane_of_dead(
    folder: SessionFolder,
    connection: Connection,
    refusals: Refusals,
    wake: Callable[[], None],
    held: Callable[[list[Record], int], None],
) -> Lane:
    """A lane for a session that is locked here; its topics are fixed now if they never were. Raises OSError."""
    if folder.head.topics is None:
        folder.fix_topics(connection.topics, connection.content_type)
    lane = DeadLane(StoredSource(folder), folder, refusals, wake=wake, held=held)
    lane.begin(connection.content_type, connection.schema_minor)
    return lane
