"""Chains as a worker and a compactor leave them, document by document, so that each seam can be set up exactly."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash.events.merging import merge_entries
from mldash.events.schema import RunEvents
from mldash_compactor.chunks import entries, manifest, points
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.keys import KeyParts, object_key
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.parquet.metadata import Metadata
from mldash_compactor.chunks.rows import Cold, Part
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source, to_document
from mldash_ingest.documents.columns import columns_of_events, pack_events, pack_times
from mldash_ingest.documents.run_states import StoredRunEvent
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.documents.walk import walk
from tests.world import World

PREFIX = "owner/project/run"
SESSION = b"1" * 16

_ENCODE: dict[str, Any] = {"metrics": points, "tracks": entries}
Event = dict[str, Any]


class Chain:
    """One stream, written to the end that it says it has."""

    def __init__(
        self,
        world: World,
        kind: str = "metrics",
        name: str | None = "loss",
        *,
        prefix: str = PREFIX,
        generation: int = 0,
    ) -> None:
        self.world, self.kind, self.name, self.prefix, self.generation = world, kind, name, prefix, generation
        self.experiment = experiment_id(prefix)
        self.id = stream_id(self.experiment, generation, kind, name)
        self.end = 0
        self._next_seqs = dict[bytes, int]()

    async def begin(self, **more: Any) -> "Chain":
        """The documents that are there before any bucket."""
        experiment = {"prefix": self.prefix, "gen": self.generation, "created_at": 1_000.0}
        await self.world.mongo.experiments.update_one({"_id": self.experiment}, {"$set": experiment}, upsert=True)
        session = {"exp": self.experiment, "gen": self.generation, "prefix": self.prefix, "first_at": 1_000.0}
        await self.world.mongo.sessions.update_one({"_id": SESSION}, {"$set": session}, upsert=True)
        document = {
            "_id": self.id,
            "exp": self.experiment,
            "gen": self.generation,
            "kind": self.kind,
            "name": self.name,
            "chunk": CHUNK,
            "next": 0,
            "cold": 0,
            "floor": 0,
            "created_at": 1_000.0,
        }
        await self.world.mongo.streams.insert_one({**document, **more})
        return self

    async def append(
        self, events: Sequence[Event], *, times: Sequence[float] | None = None, session: bytes = SESSION, skip: int = 0
    ) -> Bucket:
        """One bucket at the chain's end; `skip` leaves a hole in the session's seqs."""
        first_seq = self._next_seqs.get(session, 0) + skip
        self._next_seqs[session] = first_seq + len(events)
        made = self.bucket(self.end, events, times, [Source(session, first_seq, len(events))])
        await self.put(made)
        self.end = made.end_index
        return made

    async def put(self, *buckets: Bucket) -> None:
        await self.world.mongo.buckets.insert_many([to_document(one) for one in buckets])

    def bucket(
        self, first_index: int, events: Sequence[Event], times: Sequence[float] | None, sources: list[Source]
    ) -> Bucket:
        stamps = list(times) if times is not None else [1_000.0 + first_index + row for row in range(len(events))]
        columns, rows, levels = columns_of_events(events), stamps, None
        if self.kind == "tracks":
            merged = merge_entries(stamps, events)
            rows = sorted(merged)
            columns = columns_of_events([merged[time] for time in rows])
        elif self.kind == "params":
            columns = [pack_events(events)]
        elif self.kind == "logs":
            levels = dict[str, int]()
            for event in events:
                levels[event["level"]] = levels.get(event["level"], 0) + 1
        return Bucket(
            stream=self.id,
            kind=self.kind,
            first_index=first_index,
            count=len(events),
            sources=sources,
            t0=min(rows),
            t1=max(rows),
            times=pack_times(rows),
            columns=columns,
            levels=levels,
        )

    async def append_runs(self, events: RunEvents, session: bytes = SESSION) -> None:
        """Run events, as the worker packs them."""
        first = self._next_seqs.get(session, 0)
        stored = [StoredRunEvent(session, first + at, event) for at, event in enumerate(events.events)]
        packed = columns_of_events([{"event": 0}])[0]
        column = msgspec.structs.replace(packed, type="values", data=msgspec.msgpack.encode(stored))
        times = [event.time for event in events.events]
        made = self.bucket(self.end, [{}] * events.count, times, [Source(session, first, events.count)])
        made = msgspec.structs.replace(made, columns=[column])
        await self.put(made)
        self.end = made.end_index
        self._next_seqs[session] = first + events.count

    async def snapshot(self, upto: int | None = None) -> None:
        """A worker's snapshot, over the whole chain or up to the bucket that ends here."""
        document = await self.world.mongo.streams.find_one({"_id": self.id})
        assert document is not None
        made = Snapshot.from_document(self.kind, document)
        for bucket in await walk(self.world.mongo, None, self.id, made.next, upto):
            made.advance(bucket)
        await self.world.mongo.streams.update_one({"_id": self.id}, {"$set": made.to_update()})

    async def commit(self, k: int, end: int) -> Live:
        """Chunk k up to `end`, put and committed; `cold` is not advanced and no bucket deleted."""
        before = await manifest.read(self.world.mongo, self.id, k)
        first, parts = k * CHUNK, list[Part]()
        if before is not None and before.live is not None:
            parts.append(_ENCODE[self.kind].decode(await self.world.objects.get(before.live.key)))
            first = before.live.end
        parts += await walk(self.world.mongo, None, self.id, first, end)
        return await self.commit_rows(k, _ENCODE[self.kind].fold(parts))

    async def commit_rows(self, k: int, rows: Cold) -> Live:
        intent = await manifest.declare_intent(
            self.world.mongo, self.id, k, owner="test", lease_s=60.0, want=rows.end_index
        )
        assert intent is not None
        metadata = Metadata(
            prefix=self.prefix,
            kind=self.kind,
            name=self.name,
            stream=self.id,
            generation=self.generation,
            k=k,
            first_index=rows.first_index,
            end_index=rows.end_index,
            sources=[],
            cuts=[],
        )
        encoded = _ENCODE[self.kind].encode(rows, metadata)
        key, checksum = object_key(Prefix(self.prefix), KeyParts(self.id, 0, k, intent.epoch)), crc32c(encoded.data)
        await self.world.objects.put(key, encoded.data, checksum)
        times = points.event_times(rows)
        live = Live(
            key=key,
            end=rows.end_index,
            crc32c=checksum,
            bytes=len(encoded.data),
            schema=encoded.packed_schema(),
            summaries=encoded.packed_summaries(),
            t0=float(times.min()),
            t1=float(times.max()),
            tail_bytes=encoded.tail_bytes,
            tail_crc32c=crc32c(encoded.data[-encoded.tail_bytes :]),
        )
        assert await manifest.commit(self.world.mongo, intent, live)
        return live

    async def advance(self, cold: int, *, delete: bool = True) -> None:
        """The cold end moves; what lies below it is deleted, or left as a late insert would leave it."""
        await self.world.mongo.streams.update_one({"_id": self.id}, {"$max": {"cold": cold}})
        if delete:
            await self.world.mongo.buckets.delete_many(
                {"_id": {"$gte": _place(self.id, 0), "$lt": _place(self.id, cold)}}
            )

    async def move(self, k: int, end: int) -> Live:
        """All of a compaction."""
        live = await self.commit(k, end)
        await self.snapshot()
        await self.advance(end)
        return live


def _place(stream: bytes, index: int) -> bytes:
    return stream + index.to_bytes(8, "big")


def numbered(first: int, count: int, **more: Any) -> list[Event]:
    """Points that say which they are."""
    return [{"n": index, "loss": index / 3, **more} for index in range(first, first + count)]
