"""Chains as a worker leaves them, made through the documents alone, and what a reader makes of hot and cold."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from time import monotonic, time
from typing import Any

import msgspec

from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash.events.merging import merge_entries
from mldash_compactor.chunks import checksum, entries, manifest, points
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.compactor import Compactor
from mldash_compactor.moving import candidates
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import Move
from mldash_compactor.moving.neighbours import NEIGHBOURS_BYTES, Neighbours
from mldash_compactor.settings import CompactorSettings
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source, to_document
from mldash_ingest.documents.columns import columns_of_events, events_of_columns, pack_times, unpack_times
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.documents.walk import walk
from tests.world import World

PREFIX = Prefix("owner/project/run one")
SESSION = b"s" * 16


def event(index: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"loss": 1.0 / (index + 1), "step": index, "tag": f"t{index % 7}"}
    if index % 10 == 0:
        fields["eval"] = None if index % 20 else float(index)
    return fields


class Chain:
    """One stream's chain, longer by `grow`."""

    def __init__(self, world: World, kind: str = "metrics", name: str | None = "loss") -> None:
        self.world, self.kind = world, kind
        self.experiment = experiment_id(PREFIX.text)
        self.id = stream_id(self.experiment, 0, kind, name)
        self.name = name
        self.snapshot = Snapshot(kind)
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.begin = 1_000.0  # the first event's time; long ago, so that the due time alone says what is idle

    async def make(self) -> "Chain":
        mongo = self.world.mongo
        await mongo.experiments.update_one(
            {"_id": self.experiment}, {"$setOnInsert": {"prefix": PREFIX.text, "gen": 0}}, upsert=True
        )
        document = {"_id": self.id, "exp": self.experiment, "gen": 0, "kind": self.kind, "name": self.name}
        await mongo.streams.insert_one({**document, "chunk": CHUNK, "next": 0, "cold": 0, "floor": 0})
        return self

    async def grow(
        self,
        count: int,
        bucket_events: int = 700,
        *,
        due_in_s: float = -1.0,
        snapshot: bool = True,
        times: Sequence[float] | None = None,
    ) -> None:
        """`count` more events in buckets that never cross a chunk's end; then a snapshot, unless its worker died."""
        first = len(self.events)
        given = times or [self.begin + (first + row) * 0.001 for row in range(count)]
        self.events += [(at, event(first + row)) for row, at in enumerate(given)]
        cuts = {first, first + count, *range(first, first + count, bucket_events)}
        cuts |= set(range(-(-first // CHUNK) * CHUNK, first + count, CHUNK))
        buckets = [self._bucket(a, b) for a, b in pairwise(sorted(cuts))]
        for at in range(0, len(buckets), 50):
            await self.world.mongo.buckets.insert_many([to_document(bucket) for bucket in buckets[at : at + 50]])
        for bucket in buckets:
            self.snapshot.advance(bucket)
        if snapshot:
            await self.write_snapshot(due_in_s)

    async def write_snapshot(self, due_in_s: float = -1.0) -> None:
        fields = {**self.snapshot.to_update(), "due_at": time() + due_in_s}
        await self.world.mongo.streams.update_one(
            {"_id": self.id, "next": {"$lt": self.snapshot.next}}, {"$set": fields}
        )

    def _bucket(self, first: int, end: int) -> Bucket:
        rows = self.events[first:end]
        times = [at for at, _ in rows]
        values = [values for _, values in rows]
        if self.kind == "tracks":
            merged = merge_entries(times, values)
            times = sorted(merged)
            values = [merged[at] for at in times]
        return Bucket(
            stream=self.id,
            kind=self.kind,
            first_index=first,
            count=end - first,
            sources=[Source(SESSION, first, end - first)],
            t0=min(times),
            t1=max(times),
            times=pack_times(times),
            columns=columns_of_events(values),
        )

    async def document(self) -> dict[str, Any]:
        found = await self.world.mongo.streams.find_one({"_id": self.id})
        assert found is not None
        return found

    async def cold(self) -> int:
        return int((await self.document())["cold"])

    async def hot_buckets(self) -> int:
        return await self.world.mongo.buckets.count_documents({"s": self.id})

    async def move(self, range_: Range, owner: str = "test", lease_s: float = 60.0) -> Move:
        stream = await candidates.read_stream(self.world.mongo, self.id)
        assert stream is not None
        return Move(self.world.mongo, self.world.objects, stream, PREFIX, range_, owner=owner, lease_s=lease_s)

    async def neighbours(
        self, *ends: int, owner: str = "test", lease_s: float = 60.0, most_bytes: int = NEIGHBOURS_BYTES
    ) -> Neighbours:
        """The chunks from the cold end on that end there, to be moved together."""
        moves = list[Move]()
        for end in ends:
            one = await self.move(Range((end - 1) // CHUNK, end), owner, lease_s)
            cold = moves[-1].want if moves else one.stream.cold
            one.stream = msgspec.structs.replace(one.stream, cold=cold)
            moves.append(one)
        return Neighbours(moves, most_bytes)

    async def read(self) -> list[tuple[float, dict[str, Any]]]:
        """Hot and cold as one, by docs/protocol.md 5: the cold end, chunks, chain, the cold end again."""
        mongo = self.world.mongo
        while True:
            cold = await self.cold()
            parts: list[Cold | Bucket] = []
            for chunk in await manifest.live_chunks(mongo, self.id, 0):
                if chunk.live is not None and chunk.k * CHUNK < cold:
                    data = await self.world.objects.get(chunk.live.key)
                    checksum.check(chunk.live.key, data, chunk.live.crc32c)
                    parts.append((points if self.kind == "metrics" else entries).decode(data))
            parts += await walk(mongo, None, self.id, cold)
            if await self.cold() == cold:
                return self._rows(parts, cold)

    def _rows(self, parts: Sequence[Cold | Bucket], cold: int) -> list[tuple[float, dict[str, Any]]]:
        rows: list[tuple[float, dict[str, Any]]] = []
        merged: dict[float, dict[str, Any]] = {}
        for part in parts:
            times = unpack_times(part.times)
            values = events_of_columns(part.columns, part.row_count)
            if self.kind == "tracks":
                merge_entries(times, values, merged)
            else:
                upto = cold if isinstance(part, Cold) else part.end_index
                kept = upto - part.first_index
                assert part.first_index == len(rows), "a hole or an overlap"
                rows += list(zip(times, values, strict=True))[:kept]
        return sorted(merged.items()) if self.kind == "tracks" else rows

    def expected(self) -> list[tuple[float, dict[str, Any]]]:
        if self.kind == "tracks":
            return sorted(merge_entries([t for t, _ in self.events], [e for _, e in self.events]).items())
        return self.events

    async def object_keys(self) -> list[str]:
        return [one.key async for one in self.world.objects.list() if self.id.hex() in one.key]


@asynccontextmanager
async def compacting(settings: CompactorSettings) -> AsyncIterator[Compactor]:
    """A compactor that runs meanwhile; it ends in order, and what it raises is raised."""
    compactor, stop = Compactor(settings), asyncio.Event()
    running = asyncio.create_task(compactor.run(stop))
    try:
        yield compactor
    finally:
        stop.set()
        await running


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = 90.0) -> Any:
    """The condition's first true answer; AssertionError with its last one where it never comes."""
    deadline, delay = monotonic() + seconds, 0.02
    while not (answer := await condition()):
        assert monotonic() < deadline, f"not within {seconds} s; last answer: {answer!r}"
        await asyncio.sleep(delay)
        delay = min(delay * 1.5, 0.3)
    return answer
