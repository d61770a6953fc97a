"""A worker's own way from records to chains, step by step and without topics: it can sleep between any two steps, with
what it knows in its memory, while others write and a compactor moves."""

from typing import Any, NamedTuple

from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash.events.schema import Record
from mldash_compactor.chunks import manifest, objects
from mldash_compactor.chunks import points as points_of_chunk
from mldash_compactor.moving.candidates import Range, read_stream
from mldash_compactor.moving.move import Move, move_chunk
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.columns import events_of_columns
from mldash_ingest.documents.walk import walk
from mldash_ingest.fetch.decode import Arrival
from mldash_ingest.plan.appends import plan
from mldash_ingest.store.chains import Stream
from mldash_ingest.worker import Worker
from tests.world import World

from .emitting import PREFIX, points

EXPERIMENT = experiment_id(PREFIX)
STREAM = stream_id(EXPERIMENT, 0, "metrics", "loss")


class Origin(NamedTuple):
    """Where a record came from."""

    topic: str = "metrics"
    partition: int = 0
    offset: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def arrival(session: bytes, first_seq: int, count: int) -> Arrival:
    """A record of the metric `loss`."""
    record = Record(
        prefix=PREFIX,
        kind="metrics",
        name="loss",
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=[points(session, first_seq, count)],
    )
    return Arrival(record, EXPERIMENT, Origin())


class Appender:
    """One worker. What it knows of chains stays, whatever happens meanwhile."""

    def __init__(self, world: World) -> None:
        self.worker = Worker(world.worker())

    async def append(self, session: bytes, first_seq: int, count: int) -> None:
        """A batch of one record: load, plan, append, check, and again until it has its place."""
        arrivals = [arrival(session, first_seq, count)]
        admitted = await self.worker._sessions.admit(arrivals)
        await self.worker._appending.append(arrivals, admitted)

    async def plan(self, session: bytes, first_seq: int, count: int) -> list[Bucket]:
        """Load and plan, and no more: it falls asleep."""
        arrivals, chains = [arrival(session, first_seq, count)], self.worker._chains
        await self.worker._sessions.admit(arrivals)
        async with await self.worker._mongo.causal() as mongo_session:
            await chains.load(mongo_session, [Stream(STREAM, EXPERIMENT, 0, "metrics", "loss")], {STREAM: [session]})
        return plan(STREAM, "metrics", chains.known[STREAM].snapshot, arrivals).buckets

    async def insert(self, buckets: list[Bucket]) -> set[bytes]:
        """The append alone: what it had planned lands, and it dies before its check. The streams that lost a place."""
        async with await self.worker._mongo.causal() as mongo_session:
            return await self.worker._chains.append(mongo_session, buckets)

    async def close(self) -> None:
        await self.worker._mongo.close()


async def move_away(world: World, end: int) -> None:
    """[0, end) becomes cold, and its buckets are deleted."""
    stream = await read_stream(world.mongo, STREAM)
    assert stream is not None
    range_ = Range(stream.cold // 10_000, end)
    await move_chunk(Move(world.mongo, world.objects, stream, Prefix(PREFIX), range_, owner="test", lease_s=60.0))


async def read(world: World) -> list[tuple[bytes, int]]:
    """(session, seq) of each event that a reader finds, hot and cold as one."""
    document = await world.mongo.streams.find_one({"_id": STREAM})
    assert document is not None
    found = list[dict[str, Any]]()
    for chunk in await manifest.live_chunks(world.mongo, STREAM, 0):
        assert chunk.live is not None
        rows = points_of_chunk.decode(await objects.read_chunk(world.objects, chunk.live))
        found += events_of_columns(rows.columns, rows.row_count)
    assert len(found) == document["cold"]
    for bucket in await walk(world.mongo, None, STREAM, document["cold"]):
        found += events_of_columns(bucket.columns, bucket.row_count)
    return [(event["session"], event["seq"]) for event in found]
