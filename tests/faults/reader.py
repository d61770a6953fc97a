"""The reader that never pauses: every stream again and again, by the rules of docs/protocol.md 5, straight from the
documents and objects; and through the API, as users read.

A server that is away, or a stream that moves under a read, makes it read again; nothing else does.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec

from mldash.compactor.chunks import entries, manifest, objects, points
from mldash.compactor.chunks.errors import ObjectMissing, StoreUnreachable
from mldash.compactor.chunks.manifest import Chunk
from mldash.compactor.chunks.rows import Cold
from mldash.compactor.chunks.s3 import ObjectStore
from mldash.ingest_workers.documents.buckets import CHUNK, Bucket, Source, from_document
from mldash.ingest_workers.documents.collections import CLOSED
from mldash.ingest_workers.documents.columns import events_of_columns, unpack_times
from mldash.ingest_workers.documents.mongo import Mongo, PyMongoError
from mldash.producer.events.identity import experiment_id

from . import sequences
from .invariants import ChainMemory, Span, Violation, rows_of
from .returned import Accounts
from .sequences import Stream

_TRIES: Final = 40
_DELAY_S: Final = 0.05
_WINDOW: Final = 200
_AWAY: Final = (502, 503, 504)


class Moved(Exception):
    """The stream changed under the read."""


class Reader:
    """What was read so far of all streams, in the generation that each experiment has."""

    def __init__(self, mongo: Mongo, store: ObjectStore, api_url: str, accounts: Accounts, seed: int) -> None:
        self.chains: dict[bytes, ChainMemory] = {}
        self.passes = 0
        self.answers = 0
        self.generations: dict[str, int] = {}
        self._mongo, self._store, self._accounts = mongo, store, accounts
        self._client = httpx.AsyncClient(base_url=api_url, timeout=40, headers={"Accept": "application/msgpack"})
        self._chance = random.Random(f"reader/{seed}")
        self._objects: set[tuple[str, int]] = set()
        self._runs: dict[int, str] = {}
        self._buckets: dict[bytes, int] = {}  # _id → what its content was

    async def close(self) -> None:
        await self._client.aclose()

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

    async def read_all(self, api: bool = True) -> None:
        """One pass over everything. Raises Violation; waits for servers that are away."""
        self._accounts.look()
        for stream in sequences.all_streams():
            await self._patiently(stream, lambda stream=stream: self._read(stream))
            if api and stream.kind != "runs":
                await self._ask(stream)
        await self._patiently("objects", self._check_objects)
        self.passes += 1

    async def read_generation(self, prefix: str) -> int:
        """The experiment's, as it is now."""
        await self._patiently(prefix, lambda: self._generation(prefix))
        return self.generations[prefix]

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
        cold = document["cold"]
        chunks = await self._chunks(chain, cold)
        buckets = await self._buckets_from(chain, cold)
        if await self._cold(chain) != cold:
            raise Moved("its cold end moves")
        for chunk, rows, sources in chunks:
            self._take_chunk(chain, chunk, rows, sources, cold)
        for bucket in buckets:
            self._take_bucket(chain, bucket)
        chain.ends(buckets[-1].end_index if buckets else cold)
        chain.rises("cold", cold)
        chain.rises("floor", document.get("floor", 0))
        lives = {who: life.sessions.get(stream.prefix, "") for who, life in self._accounts.lives.items()}
        chain.snapshot(document, self._runs if stream.kind == "runs" else lives)

    async def _generation(self, prefix: str) -> int:
        found = await self._mongo.experiments.find_one({"_id": experiment_id(prefix)})
        generation = int(found["gen"]) if found else 0
        before = self.generations.get(prefix, 0)
        if generation < before:
            raise Violation(1, prefix, f"its generation was {before} and is {generation}")
        self.generations[prefix] = generation
        return generation

    async def _cold(self, chain: ChainMemory) -> int:
        found = await self._mongo.streams.find_one({"_id": chain.id}, {"cold": 1})
        return int(found["cold"]) if found else CLOSED

    async def _chunks(self, chain: ChainMemory, cold: int) -> list[tuple[Chunk, Cold | None, list[Source]]]:
        """Of every chunk below cold its document, and its rows and sources where its object was not read before."""
        if not cold:
            return []
        found = list[tuple[Chunk, Cold | None, list[Source]]]()
        covered = 0
        for chunk in await manifest.live_chunks(self._mongo, chain.id, 0):
            chain.rises(f"epoch of chunk {chunk.k}", chunk.epoch)
            if chunk.k * CHUNK >= cold:
                continue
            live = chunk.live
            assert live is not None
            if chunk.k * CHUNK != covered or live.end < min(cold, covered + CHUNK):
                raise Moved(f"its chunks cover [0, {covered}) and then [{chunk.k * CHUNK}, {live.end})")  # (4)
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
            chain.take(first, self._spans(chain.stream.kind, sources))
            self._check_rows(chain, first, end, rows)
            self._objects.add((chunk.live.key, chunk.live.offset))

    def _take_bucket(self, chain: ChainMemory, bucket: Bucket) -> None:
        chain.cuts.add(bucket.first_index)
        content = hash((bucket.count, bucket.times, *((column.name, column.data) for column in bucket.columns)))
        key = chain.id + bucket.first_index.to_bytes(8, "big")
        if self._buckets.get(key) == content:
            return
        chain.take(bucket.first_index, self._spans(bucket.kind, bucket.sources))
        if bucket.kind != "runs":
            self._check_rows(chain, bucket.first_index, bucket.end_index, bucket)
        self._buckets[key] = content

    def _spans(self, kind: str, sources: Sequence[Source]) -> list[Span]:
        spans = list[Span]()
        for source in sources:
            who = self.writer_of(kind, bytes(source.session))
            if who is None:
                self._accounts.look()
                who = self.writer_of(kind, bytes(source.session))
            assert who is not None, "a session of events that no emitter has begun"
            spans.append(Span(who, source.first_seq, source.count))
        return spans

    def _check_rows(self, chain: ChainMemory, first: int, end: int, rows: Cold | Bucket) -> None:
        """(2, 4) Rows are the events that the sources speak of."""
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

    # -- the API

    async def _ask(self, stream: Stream) -> None:
        """Some window of the stream, and its end."""
        chain = self.chain(stream)
        if chain is None:
            return
        known = len(chain.events)
        if stream.kind == "metrics":
            for start in {self._chance.randrange(known + 1), max(0, known - _WINDOW // 2)}:
                page = await self._get("/v1/metrics/points", stream, name=stream.name, start_index=start, limit=_WINDOW)
                if page is not None:
                    await self._check_page(chain, start, page)
        elif stream.kind == "logs":
            start = self._chance.randrange(known + 1)
            page = await self._get("/v1/logs/lines", stream, offset=start, limit=_WINDOW)
            if page is not None:
                await self._check_lines(chain, start, page["lines"])
        elif stream.kind == "tracks":
            await self._ask_entries(chain)

    async def _get(self, path: str, stream: Stream, **query: Any) -> Any:
        """The answer, None where a server is away or the stream has gone on moving."""
        try:
            answer = await self._client.get(path, params={"prefix": stream.prefix, **query})
        except httpx.HTTPError:
            return None  # the API itself does not answer
        if answer.status_code in _AWAY:
            return None
        if answer.status_code != 200:
            raise Violation(1, stream, f"{path} {query} answers {answer.status_code}: {answer.text}")
        self.answers += 1
        return msgspec.msgpack.decode(answer.content)

    async def _check_page(self, chain: ChainMemory, start: int, page: Mapping[str, Any]) -> None:
        """(1) Dense, and at each index what was and will be there."""
        found = [(one["data"]["who"], one["data"]["number"]) for one in page["data"]]
        indices = [one["index"] for one in page["data"]]
        if indices != [*range(start, start + len(indices))]:
            raise chain.fail(1, f"the API answers the indices {indices} for {start} …")
        if len(found) < min(_WINDOW, len(chain.events) - start) and await self._is_current(chain):
            raise chain.fail(
                1, f"the API answers {len(found)} points from {start} on, {len(chain.events)} were read before"
            )
        for one, event in zip(page["data"], found, strict=True):
            if one["data"] != sequences.point(event):
                raise chain.fail(2, f"the API answers {one['data']} at {one['index']}")
        await self._check_events(chain, start, found)

    async def _check_lines(self, chain: ChainMemory, start: int, lines: Sequence[Mapping[str, Any]]) -> None:
        found = [(one["metadata"]["who"], one["metadata"]["number"]) for one in lines]
        numbers = [one["sequenceNumber"] for one in lines]
        if numbers != [*range(start, start + len(numbers))]:
            raise chain.fail(1, f"the API answers the lines {numbers} for {start} …")
        await self._check_events(chain, start, found)

    async def _check_events(self, chain: ChainMemory, start: int, found: Sequence[tuple[int, int]]) -> None:
        if not await self._is_current(chain):
            return
        if start + len(found) > len(chain.events):
            await self._patiently(chain.stream, lambda: self._read(chain.stream))
        if not await self._is_current(chain):
            return
        known = chain.events[start : start + len(found)]
        if known != [*found]:
            raise chain.fail(1, f"the API answers {found} from {start} on, the documents {known}")

    async def _is_current(self, chain: ChainMemory) -> bool:
        """Whether the experiment was not removed meanwhile."""
        return await self.read_generation(chain.stream.prefix) == chain.generation

    async def _ask_entries(self, chain: ChainMemory) -> None:
        """(8) The fold, in index order, of the events below some place where an appender once stood."""
        before = len(chain.events)
        first = float(self._chance.randrange(max(1, before // 12)))
        answer = await self._get(
            "/v1/tracks/entries", chain.stream, topic=chain.stream.name, start=first, end=first + 30
        )
        if answer is None or not await self._is_current(chain):
            return
        await self._patiently(chain.stream, lambda: self._read(chain.stream))
        if not await self._is_current(chain):
            return
        ends = sorted({before, len(chain.events), *(cut for cut in chain.cuts if before < cut)})
        for end in ends:
            inside = [e for e in chain.events[:end] if first <= sequences.entry_time(e[1]) <= first + 30]
            if sequences.fold_entries(inside) == answer["entries"]:
                return
        raise chain.fail(8, f"the API's entries in [{first}, {first + 30}] are the fold of no prefix among {ends}")
