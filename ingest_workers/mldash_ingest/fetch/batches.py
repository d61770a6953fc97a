"""The next batch while this one is written, and the commit of what was stored.

A batch holds what has arrived when the caller asks for it: while the caller is busy the next batch grows. So a worker
that is behind stores much at once, and a worker that keeps up never waits for more.

The bytes that a worker holds are bounded: the caller's batch and the next one, `batch_bytes` each or one record; the
rest of one fetch, still encoded, while all partitions are paused; and the consumer's own buffer, one `partition_bytes`
or one record a partition. A worker that can't keep up reads less; that is the only effect.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from time import monotonic

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError, RecordTooLargeError
from aiokafka.structs import OffsetAndMetadata
from msgspec import Struct

from mldash.events.reading import KafkaRecord
from mldash.events.stored import StoredUpTo
from mldash_ingest.errors import IngestError, OffsetLost, RecordUnreadable
from mldash_ingest.kafka import last_record_checksum

from .continuity import commit_metadata
from .decode import Arrival, SetAside, decode_many
from .positions import Positions

_POLL_MS = 200
_MORE_MS = 5
_AT_A_STRETCH_S = 0.0005
_AT_ONCE_RECORDS = 64
_AT_ONCE_BYTES = 256 << 10
_log = structlog.get_logger()

Part = tuple[TopicPartition, Sequence[KafkaRecord]]


class Batch(Struct, frozen=True):
    """Records of all assigned partitions, in log order within each; decoded, or set aside with a reason."""

    arrivals: list[Arrival]
    set_aside: list[SetAside]
    last: dict[TopicPartition, KafkaRecord]
    fetched_at: float
    oldest_ms: dict[TopicPartition, int] = {}
    """When Kafka got the first record of each partition in it."""

    @property
    def offsets(self) -> dict[TopicPartition, int]:
        """The offset that each partition is stored up to once this batch is."""
        return {partition: record.offset + 1 for partition, record in self.last.items()}


class _Filling:
    """A batch that grows, and how large it is."""

    __slots__ = ("batch", "count", "held_bytes")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.count = self.held_bytes = 0

    def add(self, record_bytes: int) -> None:
        self.count += 1
        self.held_bytes += record_bytes


class Batches:
    """One batch in the caller's hand, one ahead of it; never more."""

    def __init__(
        self, consumer: AIOKafkaConsumer, kinds: Mapping[str, str], *, batch_records: int, batch_bytes: int
    ) -> None:
        self._consumer, self._kinds = consumer, kinds
        self._batch_records, self._batch_bytes = batch_records, batch_bytes
        self._ahead: asyncio.Task[Batch | None] | None = None
        self._encoded: deque[Part] = deque()
        self._positions = Positions()
        self._paused = self._waited_for = False
        self._failed: Exception | None = None
        self.halted: dict[TopicPartition, IngestError] = {}

    def begin(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The committed offsets of a new assignment, from which reading begins."""
        self._positions.clear()
        self._positions.begin(offsets)

    async def next(self) -> Batch | None:
        """The next batch; None where nothing came for a moment."""
        ahead = self._ahead or asyncio.create_task(self._fetch())
        self._ahead = ahead
        self._waited_for = True
        try:
            batch = await asyncio.shield(ahead)
        except asyncio.CancelledError:
            if ahead.cancelled():
                return None  # dropped by a rebalance meanwhile
            raise
        except BaseException:
            self._ahead = None if self._ahead is ahead else self._ahead
            raise
        finally:
            self._waited_for = False
        if self._ahead is not ahead:
            return None
        self._ahead = asyncio.create_task(self._fetch()) if batch else None
        return batch

    def drop(self) -> None:
        """What was fetched ahead is not ours any more: the next owner reads it from the committed offset."""
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None
        self._encoded.clear()
        self._failed = None
        self._paused = False  # partitions of a new assignment begin unpaused

    async def rewind(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Under the same assignment, after `drop`: read on at these offsets, wherever the consumer has come to."""
        readable = [one for one in self._consumer.assignment() if one not in self.halted]
        self._consumer.resume(*readable)
        for partition in readable:
            if partition in offsets:
                self._consumer.seek(partition, offsets[partition])
            else:  # nothing of it was ever committed
                await self._begin(partition)

    async def stop(self) -> None:
        """Let nothing be under way."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def commit(self, batch: Batch, said: Mapping[TopicPartition, StoredUpTo]) -> None:
        """Everything of the batch is stored, and was said to be. Raises aiokafka's errors where the partitions are not
        ours any more."""
        await self._consumer.commit(
            {
                partition: OffsetAndMetadata(
                    record.offset + 1, commit_metadata(last_record_checksum(record), said[partition])
                )
                for partition, record in batch.last.items()
            }
        )

    async def _fetch(self) -> Batch | None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        if not self._encoded:
            await self._poll(_POLL_MS)
        if not self._encoded:
            return None
        filling = _Filling(Batch([], [], {}, monotonic(), {}))
        while True:
            await self._decode_some(filling)
            if self._waited_for or self._is_full(filling):
                return filling.batch
            try:
                await self._poll(_MORE_MS)
            except Exception as error:  # told with the next batch: this one is read already, and must not be lost
                self._failed = error
            if not self._encoded:
                return filling.batch

    async def _poll(self, timeout_ms: int) -> None:
        try:
            found = await self._consumer.getmany(timeout_ms=timeout_ms)
        except NoOffsetForPartitionError as error:
            await self._begin(error.args[0])
        except OffsetOutOfRangeError as error:
            for partition, offset in error.args[0].items():
                self.halt(partition, OffsetLost(partition.topic, partition.partition, offset))
        except RecordTooLargeError as error:
            _, partition, offset, *_ = error.args
            self.halt(partition, RecordUnreadable(partition.topic, partition.partition, offset))
        else:
            for partition, records in found.items():
                again = self._positions.missing_from(partition, records[0].offset)
                if again is None:
                    self._encoded.append((partition, records))
                    self._positions.advance(partition, records[-1].offset + 1)
                else:
                    _log.warning("records were left out: read again", partition=partition, at=again)
                    self._consumer.seek(partition, again)

    async def _decode_some(self, filling: "_Filling") -> None:
        """As much of what was fetched as the batch may hold."""
        batch = filling.batch
        yield_at = monotonic() + _AT_A_STRETCH_S
        while self._encoded and not self._is_full(filling):
            partition, records = self._encoded.popleft()
            taken = 0
            while taken < len(records) and not self._is_full(filling):
                some = self._some(records, taken, filling)
                self._take(batch, some, self._kinds[partition.topic])
                taken += len(some)
                if monotonic() > yield_at:
                    await asyncio.sleep(0)  # heartbeats and the writes of the batch in hand go on in between
                    yield_at = monotonic() + _AT_A_STRETCH_S
            batch.oldest_ms.setdefault(partition, records[0].timestamp)
            batch.last[partition] = records[taken - 1]
            if taken < len(records):
                self._encoded.appendleft((partition, records[taken:]))
        self._pause_or_resume()

    def _is_full(self, filling: "_Filling") -> bool:
        return filling.count >= self._batch_records or filling.held_bytes >= self._batch_bytes

    def _some(self, records: Sequence[KafkaRecord], first: int, filling: "_Filling") -> Sequence[KafkaRecord]:
        """The next few that the batch has room for: as many as are decoded at once, without a pause."""
        end = first
        before = filling.held_bytes
        while end < len(records) and not self._is_full(filling):
            filling.add(len(records[end].value or b""))
            end += 1
            if end - first == _AT_ONCE_RECORDS or filling.held_bytes - before >= _AT_ONCE_BYTES:
                break
        return records[first:end]

    def _take(self, batch: Batch, records: Sequence[KafkaRecord], kind: str) -> None:
        for decoded in decode_many(records, kind):
            if isinstance(decoded, SetAside):
                batch.set_aside.append(decoded)
            else:
                batch.arrivals.append(decoded)

    def _pause_or_resume(self) -> None:
        """While something fetched is not decoded yet, nothing more is fetched."""
        wanted = bool(self._encoded)
        if wanted == self._paused:
            return
        partitions = [one for one in self._consumer.assignment() if one not in self.halted]
        if wanted:
            self._consumer.pause(*partitions)
        else:
            self._consumer.resume(*partitions)
        self._paused = wanted

    async def _begin(self, partition: TopicPartition) -> None:
        """No offset was ever committed, or it has expired: from the beginning. What is stored already is skipped."""
        beginning = (await self._consumer.beginning_offsets([partition]))[partition]
        if beginning:
            _log.warning("no committed offset; what retention removed is not read", partition=partition, at=beginning)
        self._consumer.seek(partition, beginning)
        self._positions.begin({partition: beginning})

    def halt(self, partition: TopicPartition, reason: IngestError) -> None:
        """Nothing more is read of it until someone has looked: what it holds must not be skipped in silence."""
        self.halted[partition] = reason
        self._consumer.pause(partition)
        _log.error("partition halted", reason=str(reason))
