"""Whether a partition is still the one of the committed offset: docs/protocol.md 3, Partitions.

Each commit carries, as metadata, a checksum of the last record handled, the topic's id, and the ranges of offsets that
an operator had skipped: "checksum@id" or "checksum@id 10-20,35-40". On assignment the id is compared, and the record
before the committed offset is fetched and compared (brokers before 3.1 have no ids): a topic that was made anew halts
the partition and says so, instead of skipping what it holds. Where retention has removed that record there is nothing
to compare, and the partition goes on.

An offset that another program set has no checksum. Then the last statement on `mldash.stored` tells what was stored:
an offset beyond it skips events, which is said and goes into every later statement.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import AsyncExitStack

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from mldash.connections.topic_ids import is_another, topic_ids
from mldash.connections.topic_reading import administering, partitions_of, read_all, reading
from mldash.events.stored import StoredUpTo, decode_stored
from mldash.events.topics import stored_topic
from mldash_ingest.errors import IngestError, PartitionChanged
from mldash_ingest.kafka import last_record_checksum
from mldash_ingest.settings import WorkerSettings

_TIMEOUT_S = 20.0
_MOST_SKIPPED = 100
_log = structlog.get_logger()


class Committed(Struct, frozen=True):
    """The group's commit of a partition: everything below `offset` is stored, but for what was skipped."""

    offset: int
    checksum: str
    skipped: list[tuple[int, int]] = []
    incarnation: str = ""


class Checked(Struct):
    """The findings on the partitions of a new assignment."""

    committed: dict[TopicPartition, Committed]
    incarnations: dict[str, str]
    """Topic → its id; not of brokers that have none."""
    changed: dict[TopicPartition, IngestError]


def commit_metadata(checksum: str, said: StoredUpTo) -> str:
    """The metadata of a committed offset; the newest hundred ranges, for Kafka allows 4 KiB."""
    ranges = ",".join(f"{first}-{end}" for first, end in said.skipped[-_MOST_SKIPPED:])
    return f"{checksum}@{said.incarnation} {ranges}".rstrip()


def _read_committed(offset: int, metadata: str) -> Committed:
    """The reverse; no checksum where another program has written it."""
    record, _, ranges = metadata.partition(" ")
    checksum, _, incarnation = record.partition("@")
    try:
        bounds = [one.split("-") for one in ranges.split(",") if one]
        return Committed(offset, checksum, [(int(first), int(end)) for first, end in bounds], incarnation)
    except ValueError:
        return Committed(offset, "")


async def check(settings: WorkerSettings, partitions: Collection[TopicPartition]) -> Checked:
    """Compare, before anything of the assignment is read.

    Raises KafkaError, TopicError or TimeoutError where Kafka does not answer: then nothing is known.
    """
    async with asyncio.timeout(_TIMEOUT_S), AsyncExitStack() as clients:
        committed = await _committed(settings, partitions)
        consumer = await clients.enter_async_context(reading(settings))
        found = Checked(committed, await topic_ids(consumer._client, {one.topic for one in partitions}), {})
        if not committed:
            return found
        consumer.assign(list(committed))
        beginnings = await consumer.beginning_offsets(list(committed))
        ends = await consumer.end_offsets(list(committed))
        for partition, one in committed.items():
            if one.incarnation and is_another(found.incarnations, partition.topic, one.incarnation):
                found.changed[partition] = PartitionChanged(partition.topic, partition.partition, one.offset)
                continue
            if beginnings[partition] == one.offset:
                _log.info("nothing to compare: retention has removed the record", partition=partition, at=one.offset)
                continue
            within = beginnings[partition] < one.offset <= ends[partition]  # else the fetch itself says so
            if within and one.checksum and await _checksum_at(consumer, partition, one.offset - 1) != one.checksum:
                found.changed[partition] = PartitionChanged(partition.topic, partition.partition, one.offset)
        strangers = [partition for partition, one in committed.items() if not one.checksum]
        if strangers:
            statements = await _statements(consumer, settings, found.incarnations)
            committed |= {one: _with_skipped(one, committed[one], statements.get(one)) for one in strangers}
        return found


async def _committed(
    settings: WorkerSettings, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, Committed]:
    """Of each, where there is one; aiokafka's consumer drops the metadata, its admin client does not."""
    async with administering(settings) as admin:
        offsets = await admin.list_consumer_group_offsets(settings.group, partitions=list(partitions))
    return {
        partition: _read_committed(there.offset, there.metadata)
        for partition, there in offsets.items()
        if there.offset > 0
    }


async def _checksum_at(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> str:
    consumer.seek(partition, offset)
    return last_record_checksum(await consumer.getone(partition))


async def _statements(
    consumer: AIOKafkaConsumer, settings: WorkerSettings, incarnations: Mapping[str, str]
) -> dict[TopicPartition, StoredUpTo]:
    """The last of each partition on `mldash.stored`, of the topics as they are."""
    found = dict[TopicPartition, StoredUpTo]()
    topics = await partitions_of(consumer, [stored_topic(settings.topic_prefix)])
    async for record in read_all(consumer, topics):
        said = decode_stored(record.value or b"")
        if is_another(incarnations, said.topic, said.incarnation):
            continue
        before = found.get(partition := TopicPartition(said.topic, said.partition))
        if before is None or said.offset >= before.offset:
            found[partition] = said
    return found


def _with_skipped(partition: TopicPartition, committed: Committed, said: StoredUpTo | None) -> Committed:
    if said is None or said.offset >= committed.offset:
        return Committed(committed.offset, "", list(said.skipped) if said else [])
    _log.error(
        "somebody has moved the committed offset forward: these records were never stored",
        partition=partition,
        first=said.offset,
        end=committed.offset,
    )
    return Committed(committed.offset, "", [*said.skipped, (said.offset, committed.offset)])


def next_offsets(committed: Mapping[TopicPartition, Committed]) -> dict[TopicPartition, int]:
    """Where reading begins."""
    return {partition: one.offset for partition, one in committed.items()}


async def made_anew(
    consumer: AIOKafkaConsumer, topics: Iterable[str], said: Mapping[TopicPartition, StoredUpTo]
) -> dict[TopicPartition, PartitionChanged]:
    """Of the partitions that were stored up to somewhere: those whose topic is another one by now."""
    ids = await topic_ids(consumer._client, topics)
    return {
        partition: PartitionChanged(one.topic, one.partition, one.offset)
        for partition, one in said.items()
        if one.incarnation and is_another(ids, one.topic, one.incarnation)
    }
