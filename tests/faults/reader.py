"""The reader that never pauses: every stream again and again, by the rules of docs/protocol.md 5, straight from the
documents and objects; api_reader.py asks the API meanwhile.

A server that is away, or a stream that moves under a read, makes it read again; nothing else does.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from time import time
from typing import Any, Final

from mldash.events.identity import experiment_id
from mldash_compactor.chunks import entries, manifest, objects, points
from mldash_compactor.chunks.errors import ObjectMissing, StoreUnreachable
from mldash_compactor.chunks.manifest import Chunk
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source, from_document
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.columns import events_of_columns, unpack_times
from mldash_ingest.documents.mongo import Mongo, PyMongoError

from . import sequences
from .invariants import ChainMemory, MovedOut, Span, Violation, rows_of
from .returned import Accounts
from .sequences import Stream
from .system import KEEP_LINES_S

_TRIES: Final = 40
_DELAY_S: Final = 0.05


class Moved(Exception):
    """The stream changed under the read."""


class Reader:
    """What was read so far of all streams, in the generation that each experiment has."""

    def __init__(self, mongo: Mongo, store: ObjectStore, accounts: Accounts) -> None:
        self.chains: dict[bytes, ChainMemory] = {}
        self.passes = 0
        self.generations: dict[str, int] = {}
        self._mongo, self._store, self._accounts = mongo, store, accounts
        self._objects: set[tuple[str, int]] = set()
        self._runs: dict[int, str] = {}
        self._joined: set[tuple[bytes, int]] = set()
        self.moved_out: set[tuple[bytes, str]] = set()
        """Streams, and sessions that `seqs` has of them."""
        self._buckets: dict[bytes, int] = {}  # _id → what its content was

    @property
    def joined_chunks(self) -> int:
        """Chunks that were read out of an object that they share."""
        return len(self._joined)

    def chain(self, stream: Stream) -> ChainMemory | None:
        """In the generation that was read last; None where nothing was."""
        return self.chains.get(stream.id(self.generations.get(stream.prefix, 0)))

    def writer_of(self, kind: str, session: bytes) -> int | None:
        """Who it is. A run begins before its emitter can say who it is, or never will: a number made of the session."""
        if kind == "runs":
            who = int.from_bytes(session[:7])
            self._runs[who] = session.hex()
            return who
        return self._accounts.writer_of.get(session)

    async def read_all(self) -> None:
        """One pass over everything. Raises Violation; waits for servers that are away."""
        self._accounts.look()
        for stream in sequences.all_streams():
            await self.read(stream)
        await self._patiently("objects", self._check_objects)
        self.passes += 1

    async def read(self, stream: Stream) -> None:
        """Of one stream what is new, and that what was there is there."""
        await self._patiently(stream, lambda: self._read(stream))

    async def read_generation(self, prefix: str) -> int:
        """The experiment's, as it is now."""
        await self._patiently(prefix, lambda: self._generation(prefix))
        return self.generations[prefix]

    async def until_joining(self, timeout_s: float) -> bool:
        """Whether chunks are being joined, in time."""
        with contextlib.suppress(TimeoutError, PyMongoError):
            async with asyncio.timeout(timeout_s):
                while True:
                    if await self._mongo.chunks.find_one({"joining": {"$ne": None}}, {"_id": 1}) is not None:
                        return True
                    await asyncio.sleep(_DELAY_S / 2)
        return False

    async def _patiently(self, subject: object, read: Any) -> Any:
        away = 0.0
        while True:
            try:
                return await self._until_settled(subject, read)
            except (PyMongoError, StoreUnreachable):
                away += _DELAY_S
                if away > 120:
                    raise
                await asyncio.sleep(_DELAY_S)

    async def _until_settled(self, subject: object, read: Any) -> Any:
        moved = Moved("never")
        for _ in range(_TRIES):
            try:
                return await read()
            except Moved as caught:
                moved = caught
                await asyncio.sleep(_DELAY_S)
        raise Violation(1, subject, f"{moved} and stays so")

    # -- documents and objects

    async def _read(self, stream: Stream) -> None:
        generation = await self._generation(stream.prefix)
        document = await self._mongo.streams.find_one({"_id": stream.id(generation)})
        if document is None or document["cold"] >= CLOSED:
            return
        chain = self.chains.setdefault(document["_id"], ChainMemory(stream, generation))
        cold, floor = document["cold"], document.get("floor", 0)
        moved_out = await self._moved_out(chain) if document.get("crowded") else {}
        chunks = await self._chunks(chain, floor, cold)
        buckets = await self._buckets_from(chain, cold)
        if await self._cold(chain) != cold:
            raise Moved("its cold end moves")
        if floor > chain.expired:
            self._take_floor(chain, document, moved_out, buckets)
        for chunk, rows, sources in chunks:
            self._take_chunk(chain, chunk, rows, sources, cold)
        for bucket in buckets:
            self._take_bucket(chain, bucket)
        chain.ends(buckets[-1].end_index if buckets else cold)
        chain.rises("cold", cold)
        chain.rises("floor", floor)
        lives = {who: life.sessions.get(stream.prefix, "") for who, life in self._accounts.lives.items()}
        chain.snapshot(document, self._runs if stream.kind == "runs" else lives, moved_out)

    async def _generation(self, prefix: str) -> int:
        found = await self._mongo.experiments.find_one({"_id": experiment_id(prefix)})
        generation = int(found["gen"]) if found else 0
        before = self.generations.get(prefix, 0)
        if generation < before:
            raise Violation(1, prefix, f"its generation was {before} and is {generation}")
        self.generations[prefix] = generation
        return generation

    async def _moved_out(self, chain: ChainMemory) -> dict[str, MovedOut]:
        """What `seqs` has of the stream, by session; read after its document, so that nothing is missing here that was
        moved out of it."""
        documents = self._mongo.seqs.find({"_id.s": chain.id})
        found = {one["_id"]["sid"].hex(): MovedOut(one["at"], one["r"]) async for one in documents}
        self.moved_out.update((chain.id, session) for session in found)
        return found

    async def _cold(self, chain: ChainMemory) -> int:
        found = await self._mongo.streams.find_one({"_id": chain.id}, {"cold": 1})
        return int(found["cold"]) if found else CLOSED

    async def _chunks(self, chain: ChainMemory, floor: int, cold: int) -> list[tuple[Chunk, Cold | None, list[Source]]]:
        """Of every chunk below cold its document, and its rows and sources where its object was not read before."""
        if cold == floor:
            return []  # nothing is cold, or, of lines, what was cold has expired
        found = list[tuple[Chunk, Cold | None, list[Source]]]()
        covered = floor
        for chunk in await manifest.live_chunks(self._mongo, chain.id, floor // CHUNK):
            chain.rises(f"epoch of chunk {chunk.k}", chunk.epoch)
            if chunk.k * CHUNK >= cold:
                continue
            live = chunk.live
            assert live is not None
            if chunk.k * CHUNK != covered or live.end < min(cold, covered + CHUNK):
                raise Moved(f"its chunks cover [{floor}, {covered}) and then [{chunk.k * CHUNK}, {live.end})")  # (4)
            covered = min(live.end, covered + CHUNK)
            if (live.key, live.offset) in self._objects:
                found.append((chunk, None, list[Source]()))
                continue
            try:
                data = await objects.read_chunk(self._store, live)
            except ObjectMissing:
                raise Moved(f"the object {live.key} of a chunk is gone") from None  # (5), if it stays so
            rows = (points if chain.stream.kind == "metrics" else entries).decode(data)
            found.append((chunk, rows, objects.read_metadata(data).sources))
        if covered < cold:
            raise Moved(f"its chunks end at {covered}, below its cold end {cold}")
        return found

    async def _buckets_from(self, chain: ChainMemory, cold: int) -> list[Bucket]:
        """(2) Buckets from cold on never overlap and leave no gap."""
        first, beyond = chain.id + cold.to_bytes(8, "big"), chain.id + b"\xff" * 8
        buckets, expected = list[Bucket](), cold
        async for document in self._mongo.buckets.find({"_id": {"$gte": first, "$lt": beyond}}).sort("_id", 1):
            bucket = from_document(document)
            if bucket.first_index != expected:
                raise Moved(f"a bucket begins at {bucket.first_index}, the one before ends at {expected}")
            expected = bucket.end_index
            buckets.append(bucket)
        return buckets

    def _take_chunk(
        self, chain: ChainMemory, chunk: Chunk, rows: Cold | None, sources: Sequence[Source], cold: int
    ) -> None:
        if rows is None:
            return
        assert chunk.live is not None
        first, end = chunk.k * CHUNK, chunk.live.end
        if sum(source.count for source in sources) != end - first:
            raise chain.fail(4, f"chunk {chunk.k} has {end - first} events, its sources say {sources}")
        if end <= cold:
            chain.take(first, self._spans(chain, sources))
            self._check_rows(chain, first, end, rows)
            self._objects.add((chunk.live.key, chunk.live.offset))
            if chunk.live.joined is not None:
                self._joined.add((chain.id, chunk.k))

    def _take_floor(
        self,
        chain: ChainMemory,
        document: Mapping[str, Any],
        moved_out: Mapping[str, MovedOut],
        buckets: Sequence[Bucket],
    ) -> None:
        """Retention has passed; only lines expire here."""
        flat = {session: one.flat for session, one in moved_out.items()} | document["sess"]
        stored = {self._known_writer(chain, bytes.fromhex(session)): one for session, one in flat.items()}
        spans = [span for bucket in buckets for span in self._spans(chain, bucket.sources)]
        chain.expires(document["floor"], time() - KEEP_LINES_S, stored, spans)

    def _take_bucket(self, chain: ChainMemory, bucket: Bucket) -> None:
        chain.cuts.add(bucket.first_index)
        content = hash((bucket.count, bucket.times, *((column.name, column.data) for column in bucket.columns)))
        key = chain.id + bucket.first_index.to_bytes(8, "big")
        if self._buckets.get(key) == content:
            return
        chain.take(bucket.first_index, self._spans(chain, bucket.sources))
        if bucket.kind == "logs":
            chain.is_as_new_as(bucket.first_index, bucket.t1)
        if bucket.kind != "runs":
            self._check_rows(chain, bucket.first_index, bucket.end_index, bucket)
        self._buckets[key] = content

    def _spans(self, chain: ChainMemory, sources: Sequence[Source]) -> list[Span]:
        return [Span(self._known_writer(chain, bytes(one.session)), one.first_seq, one.count) for one in sources]

    def _known_writer(self, chain: ChainMemory, session: bytes) -> int:
        who = self.writer_of(chain.stream.kind, session)
        if who is None:
            self._accounts.look()
            who = self.writer_of(chain.stream.kind, session)
        assert who is not None, "a session of events that no emitter has begun"
        return who

    def _check_rows(self, chain: ChainMemory, first: int, end: int, rows: Cold | Bucket) -> None:
        """(2, 4) Rows are the events that the sources speak of."""
        if chain.stream.kind == "metrics":  # column by column: a long stream has very many
            there = {column.name: column.values(rows.row_count) for column in rows.columns}
            if there == sequences.columns(chain.events[first:end]):
                return
        found = events_of_columns(rows.columns, rows.row_count)
        if chain.stream.kind == "tracks":
            found = [{"timestamp": time, **row} for time, row in zip(unpack_times(rows.times), found, strict=True)]
        chain.rows(first, found, rows_of(chain.stream.kind, chain.events[first:end]))

    async def _check_objects(self) -> None:
        """(5) No live entry's object is ever deleted: what the manifest names, then what there is."""
        named = {
            document["live"]["key"]: document["_id"]
            async for document in self._mongo.chunks.find({"live": {"$ne": None}}, {"live.key": 1})
        }
        there = {one.key async for one in self._store.list()}
        for key, place in named.items():
            if key not in there:
                now = await manifest.read_linearizable(self._mongo, bytes(place["s"]), place["k"])
                if now is not None and now.live is not None and now.live.key == key:
                    raise Violation(5, key, "the manifest names it, and it is not there")
