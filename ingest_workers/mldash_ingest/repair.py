"""Kafka read again from its earliest offset, where that can fill a hole.

A hole is a range of events that a session wrote and neither store has. Its records were lost by a fault of ours, or
skipped by an operator, and are on their topic for as long as the topic keeps them. A repair stores them as a worker
does, by the same chain protocol, so repairs beside running workers, or two at once, store each event once. The events
go to the stream's end, for indices never change: late, as those of a replayed letter (docs/protocol.md 3.4).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from mldash.connections.topic_reading import partitions_of, read_all
from mldash.events.identity import experiment_id, stream_key
from mldash.events.topics import event_topic

from .documents.mongo import Mongo
from .fetch.decode import Arrival, decode
from .store.appending import Appending
from .store.chains import Chains
from .store.sessions import Sessions
from .store.snapshots import Snapshots

_AT_ONCE: Final = 200
"""Records stored at once: at most 50 MB of them, usually."""


class Hole(Struct, frozen=True):
    """Seqs [first, end) of one session in one stream, written and not stored."""

    kind: str
    name: str | None
    session: bytes
    first: int
    end: int


class Repaired(Struct):
    """The outcome of a repair. `missing` are the seqs of holes whose records the topics no longer hold."""

    record_count: int = 0
    """Records read."""
    event_count: int = 0
    """Events found that lie in a hole. They are stored now, by this repair or by another one."""
    missing: list[Hole] = []
    refused: list[str] = []
    """Why records that were found could not be stored: a limit of their stream."""


class Repair:
    """Fills the holes of one experiment."""

    def __init__(
        self,
        mongo: Mongo,
        consumer: AIOKafkaConsumer,
        topic_prefix: str,
        prefix: str,
        *,
        idle_s: float,
        snapshot_sessions: int,
    ) -> None:
        """`idle_s` and `snapshot_sessions` are the workers' settings."""
        self._consumer, self._topic_prefix = consumer, topic_prefix
        self._experiment = experiment_id(prefix)
        chains, sessions = Chains(mongo), Sessions(mongo)
        self._sessions = sessions
        self._snapshots = Snapshots(mongo, chains, buckets=_AT_ONCE, idle_s=idle_s, sessions=snapshot_sessions)
        self._appending = Appending(mongo, chains, sessions, self._snapshots)

    async def fill(self, holes: Sequence[Hole], tell: Callable[[int], None] = lambda records: None) -> Repaired:
        """Read what may hold them, and store it. `tell` is called with the records read so far.

        Raises TopicMissing, TopicSilent, PyMongoError: then run it again, what was stored is stored.
        """
        repaired = Repaired()
        left = list(holes)
        batch = list[Arrival]()
        async for arrival in self._records(holes, repaired, tell):
            batch.append(arrival)
            left = _without(left, arrival)
            if len(batch) == _AT_ONCE:
                await self._store(batch, repaired)
                batch = []
        await self._store(batch, repaired)
        await self._snapshots.write_all()
        repaired.missing = left
        repaired.event_count = _length(holes) - _length(left)
        return repaired

    async def _records(
        self, holes: Sequence[Hole], repaired: Repaired, tell: Callable[[int], None]
    ) -> AsyncIterator[Arrival]:
        """Those that reach into a hole, in the order of each partition.

        Every partition of a topic is read: a session may have begun when there were fewer of them.
        """
        keys = {stream_key(self._experiment, hole.kind, hole.name) for hole in holes}
        for kind in sorted({hole.kind for hole in holes}):
            topic = event_topic(self._topic_prefix, kind)
            partitions: list[TopicPartition] = await partitions_of(self._consumer, [topic])
            async for record in read_all(self._consumer, partitions):
                repaired.record_count += 1
                tell(repaired.record_count)
                if record.key not in keys:
                    continue
                arrival = decode(record, kind)
                if isinstance(arrival, Arrival) and any(_reaches(arrival, hole) for hole in holes):
                    yield arrival

    async def _store(self, batch: list[Arrival], repaired: Repaired) -> None:
        if not batch:
            return
        admitted = await self._sessions.admit(batch)
        repaired.refused += [one.reason for one in await self._appending.append(batch, admitted)]


def _reaches(arrival: Arrival, hole: Hole) -> bool:
    record = arrival.record
    return (
        (record.kind, record.name, record.session) == (hole.kind, hole.name, hole.session)
        and record.first_seq < hole.end
        and hole.first < record.first_seq + record.count
    )


def _without(holes: Sequence[Hole], arrival: Arrival) -> list[Hole]:
    """The holes without what the record holds."""
    first, end = arrival.record.first_seq, arrival.record.first_seq + arrival.record.count
    left = list[Hole]()
    for hole in holes:
        if not _reaches(arrival, hole):
            left.append(hole)
            continue
        if hole.first < first:
            left.append(Hole(hole.kind, hole.name, hole.session, hole.first, first))
        if end < hole.end:
            left.append(Hole(hole.kind, hole.name, hole.session, end, hole.end))
    return left


def _length(holes: Sequence[Hole]) -> int:
    return sum(hole.end - hole.first for hole in holes)
