"""Whether a partition is still the one that the committed offset speaks of: docs/protocol.md 3, Partitions.

Each commit carries a checksum of the last record handled. On assignment the record before the committed offset is
fetched and compared: a topic that was made anew halts the partition and says so, instead of skipping what it holds.
Where retention has removed that record, there is nothing to compare, and the partition goes on.
"""

import asyncio
from collections.abc import Collection

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from mldash.ingest_workers.errors import PartitionChanged
from mldash.ingest_workers.kafka import last_record_checksum, stop_quietly
from mldash.ingest_workers.settings import WorkerSettings

_FETCH_TIMEOUT_S = 10.0
_log = structlog.get_logger()


async def changed_partitions(
    settings: WorkerSettings, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, PartitionChanged]:
    """Those of the partitions whose record before the committed offset is another one than was stored."""
    committed = await _committed(settings, partitions)
    if not committed:
        return {}
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="none", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(committed))
        beginnings = await consumer.beginning_offsets(list(committed))
        ends = await consumer.end_offsets(list(committed))
        found = dict[TopicPartition, PartitionChanged]()
        for partition, (offset, checksum) in committed.items():
            if beginnings[partition] == offset:
                _log.info("nothing to compare: retention has removed the record", partition=partition, offset=offset)
                continue
            within = beginnings[partition] < offset <= ends[partition]  # else the fetch itself says so
            if within and await _checksum_at(consumer, partition, offset - 1) != checksum:
                found[partition] = PartitionChanged(partition.topic, partition.partition, offset)
        return found
    finally:
        await stop_quietly(consumer)


async def _committed(
    settings: WorkerSettings, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, tuple[int, str]]:
    """Offset and checksum of each, where there is one; aiokafka's consumer drops the metadata, its admin client not."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(settings.group, partitions=list(partitions))
    finally:
        await admin.close()
    return {
        partition: (there.offset, there.metadata)
        for partition, there in offsets.items()
        if there.offset > 0 and there.metadata
    }


async def _checksum_at(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> str:
    consumer.seek(partition, offset)
    async with asyncio.timeout(_FETCH_TIMEOUT_S):
        record = await consumer.getone(partition)
    return last_record_checksum(record)
