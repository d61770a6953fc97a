"""The next batch while this one is written, and the commit of what was stored."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from msgspec import Struct

from mldash.ingest_workers.errors import IngestError, OffsetLost
from mldash.ingest_workers.kafka import last_record_checksum

from .decode import Arrival, KafkaRecord, SetAside, decode

_POLL_MS = 200
_AT_A_STRETCH_S = 0.0005
_log = structlog.get_logger()


class Batch(Struct, frozen=True):
    """Records of all assigned partitions, in log order within each; decoded, or set aside with a reason."""

    arrivals: list[Arrival]
    set_aside: list[SetAside]
    last: dict[TopicPartition, KafkaRecord]
    fetched_at: float

    @property
    def offsets(self) -> dict[TopicPartition, int]:
        """The offset that each partition is stored up to once this batch is."""
        return {partition: record.offset + 1 for partition, record in self.last.items()}


class Batches:
    """One batch in the caller's hand, one ahead of it; never more, so memory is bounded by what one fetch brings."""

    def __init__(self, consumer: AIOKafkaConsumer, kinds: Mapping[str, str], records: int) -> None:
        self._consumer, self._kinds, self._records = consumer, kinds, records
        self._ahead: asyncio.Task[Batch | None] | None = None
        self.halted: dict[TopicPartition, IngestError] = {}

    async def next(self) -> Batch | None:
        """The next batch; None where nothing came for a moment."""
        ahead = self._ahead or asyncio.create_task(self._fetch())
        self._ahead = ahead
        try:
            batch = await asyncio.shield(ahead)
        except asyncio.CancelledError:
            if ahead.cancelled():
                return None  # dropped by a rebalance meanwhile
            raise
        if self._ahead is not ahead:
            return None
        self._ahead = asyncio.create_task(self._fetch()) if batch else None
        return batch

    def drop(self) -> None:
        """What was fetched ahead is not ours any more: the next owner reads it from the committed offset."""
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    async def stop(self) -> None:
        """Let nothing be under way."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def commit(self, batch: Batch) -> None:
        """Everything of the batch is stored. Raises aiokafka's errors where the partitions are not ours any more."""
        committed = {
            partition: OffsetAndMetadata(record.offset + 1, last_record_checksum(record))
            for partition, record in batch.last.items()
        }
        await self._consumer.commit(committed)

    async def _fetch(self) -> Batch | None:
        try:
            found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=self._records)
        except NoOffsetForPartitionError as error:
            await self._begin(error.args[0])
            return None
        except OffsetOutOfRangeError as error:
            for partition, offset in error.args[0].items():
                self.halt(partition, OffsetLost(partition.topic, partition.partition, offset))
            return None
        if not found:
            return None
        batch = Batch([], [], {}, monotonic())
        yield_at = monotonic() + _AT_A_STRETCH_S
        for partition, records in found.items():
            kind = self._kinds[partition.topic]
            for record in records:
                decoded = decode(record, kind)
                if isinstance(decoded, SetAside):
                    batch.set_aside.append(decoded)
                else:
                    batch.arrivals.append(decoded)
                if monotonic() > yield_at:
                    await asyncio.sleep(0)  # heartbeats and the writes of the batch in hand go on in between
                    yield_at = monotonic() + _AT_A_STRETCH_S
            batch.last[partition] = records[-1]
        return batch

    async def _begin(self, partition: TopicPartition) -> None:
        """No offset was ever committed, or it has expired: from the beginning. What is stored already is skipped."""
        beginning = await self._consumer.beginning_offsets([partition])
        self._consumer.seek(partition, beginning[partition])

    def halt(self, partition: TopicPartition, reason: IngestError) -> None:
        """Nothing more is read of it until someone has looked: what it holds must not be skipped in silence."""
        self.halted[partition] = reason
        self._consumer.pause(partition)
        _log.error("partition halted", reason=str(reason))
