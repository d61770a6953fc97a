"""Records straight onto the topics, and the chains that came of them, read by exact boundaries."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic, time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_id, stream_key
from mldash.events.schema import Block, Record, Rows
from mldash.events.topics import dead_letter_topic, event_topic, partition_of
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.columns import events_of_columns
from mldash_ingest.documents.walk import walk
from mldash_ingest.settings import WorkerSettings
from mldash_ingest.worker import Worker
from tests.world import PARTITIONS, World

PREFIX = "owner/project/run"


class Died(BaseException):
    """As good as a kill: nothing retries it, and no step goes on after it."""


class Emitter:
    """Sends records as a publisher would, from any session, with any first seq."""

    def __init__(self, world: World, producer: AIOKafkaProducer) -> None:
        self._world, self._producer = world, producer

    async def send(
        self, session: bytes, first_seq: int, *blocks: Block, kind: Any = "metrics", name: str | None = "loss"
    ) -> None:
        name = name if kind in ("metrics", "tracks") else ""
        record = Record(
            prefix=PREFIX,
            kind=kind,
            name=name,
            session=session,
            first_seq=first_seq,
            logged_at=time(),
            blocks=[*blocks],
        )
        await self.send_bytes(encode_record(record), kind, name)

    async def send_bytes(self, value: bytes, kind: str = "metrics", name: str | None = "loss", **more: Any) -> None:
        key = stream_key(experiment_id(PREFIX), kind, name)
        await self._producer.send_and_wait(
            event_topic(self._world.name, kind),
            value,
            key=more.get("key", key),
            partition=partition_of(key, PARTITIONS[kind]),
            headers=more.get("headers", headers()),
        )


@asynccontextmanager
async def emitting(world: World) -> AsyncIterator[Emitter]:
    async with AIOKafkaProducer(
        bootstrap_servers=world.servers.kafka, enable_idempotence=True, max_request_size=20 << 20
    ) as producer:
        yield Emitter(world, producer)


@asynccontextmanager
async def working(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """A worker that runs meanwhile; it ends in order, and what it raises is raised."""
    worker, stop = Worker(settings), asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await running


def points(session: bytes, first_seq: int, count: int, **fields: Any) -> Rows:
    seqs = range(first_seq, first_seq + count)
    names = ["session", "seq", *fields]
    return Rows(names, [1_000.0 + seq for seq in seqs], [[session, seq, *fields.values()] for seq in seqs])


async def chain(world: World, kind: str = "metrics", name: str | None = "loss", generation: int = 0) -> list[Bucket]:
    stream = stream_id(experiment_id(PREFIX), generation, kind, name if kind in ("metrics", "tracks") else "")
    return await walk(world.mongo, None, stream, 0)


async def stored(world: World, kind: str = "metrics", name: str | None = "loss") -> list[tuple[bytes, int]]:
    """(session, seq) of each event in index order."""
    return [
        (event["session"], event["seq"])
        for bucket in await chain(world, kind, name)
        for event in events_of_columns(bucket.columns, bucket.row_count)
    ]


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = 90.0) -> Any:
    """The condition's first true answer; AssertionError with its last one where it never comes."""
    deadline, delay = monotonic() + seconds, 0.02
    while not (answer := await condition()):
        assert monotonic() < deadline, f"not within {seconds} s; last answer: {answer!r}"
        await asyncio.sleep(delay)
        delay = min(delay * 1.5, 0.3)
    return answer


async def until_stored(world: World, count: int, **stream: Any) -> list[tuple[bytes, int]]:
    async def enough() -> list[tuple[bytes, int]]:
        there = await stored(world, **stream)
        return there if len(there) >= count else []

    found: list[tuple[bytes, int]] = await eventually(enough)
    return found


async def letters(world: World, count: int) -> list[dict[str, bytes]]:
    """The headers of the first `count` dead letters."""
    consumer = AIOKafkaConsumer(bootstrap_servers=world.servers.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(dead_letter_topic(world.name), 0)])
        found: list[dict[str, bytes]] = []
        while len(found) < count:
            found.append(dict((await asyncio.wait_for(consumer.getone(), 30)).headers))
        return found
    finally:
        await consumer.stop()
