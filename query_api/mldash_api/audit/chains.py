"""One stream, its chunks below the cold end and its chain from there on, counted again from the first event on.

Ranges that the compactor moves meanwhile are read again: the recount of the cold part is kept, the rest begins anew,
within a bound. An object that is gone or broken counts as damage only after its chunk's document was read once more: it
may have been written anew under another key (docs/protocol.md 5).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from mldash.events.seen import Seen
from mldash_api.seam.attempts import DELAYS_S, Moved, unsettled
from mldash_api.stores.streams import StreamRef
from mldash_compactor.chunks import entries, manifest, points
from mldash_compactor.chunks.errors import ChunkDamaged, ObjectMissing
from mldash_compactor.chunks.manifest import Chunk, Live
from mldash_compactor.chunks.objects import read_chunk, read_metadata
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import CHUNK, END_OF_STREAM, Bucket, bucket_id, first_index_of, from_document
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.crowd import MovedOut, read_all_moved_out
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.documents.snapshot import Snapshot

from .findings import Damage, Finding, Note, StreamCount
from .recount import Recount

_CHUNKS_AT_ONCE: Final = 4
_DECODE: Final = {"metrics": points.decode, "tracks": entries.decode}

Tell = Callable[[int], None]


class CountedStream:
    """A stream as it was counted: its end, its sessions' seqs, and what was wrong with it."""

    def __init__(self, stream: StreamRef, document: Mapping[str, Any], recount: Recount, cold: int) -> None:
        self.stream = stream
        self.document = document
        self.recount = recount
        self.cold = cold
        self.chunks = self.buckets = 0
        self.live_keys = set[str]()
        self.moved_out: Mapping[bytes, MovedOut] = {}
        self.findings: list[Finding] = []

    @property
    def snapshot(self) -> dict[bytes, Seen]:
        """The seqs of each session by its document, and `seqs` of those that were moved out of it."""
        told = Snapshot.from_document(self.stream.kind, {"sess": self.document.get("sess", {})}).seen
        return {session: one.seen for session, one in self.moved_out.items()} | told

    @property
    def count(self) -> StreamCount:
        return StreamCount(
            kind=self.stream.kind,
            name=self.stream.name,
            floor=self.document.get("floor", 0),
            cold=self.cold,
            end=self.recount.next,
            chunks=self.chunks,
            buckets=self.buckets,
        )

    def find(self, what: Damage | Note, detail: str, **more: Any) -> None:
        self.findings.append(Finding(what=what, kind=self.stream.kind, name=self.stream.name, detail=detail, **more))


async def count_stream(mongo: Mongo, objects: ObjectStore, stream: StreamRef, tell: Tell) -> CountedStream | None:
    """None where the stream is not there, or was deleted. `tell` is called with the number of events of each part."""
    counter = _Counter(mongo, objects, stream, tell)
    for delay in (*DELAYS_S, *([DELAYS_S[-1]] * 10)):
        try:
            return await counter.attempt()
        except Moved:
            await asyncio.sleep(delay)
    try:
        return await counter.attempt(final=True)
    except Moved as moved:
        raise unsettled(stream, moved) from None


class _Counter:
    """Attempts at one stream. What was counted of full chunks is kept from one to the next."""

    def __init__(self, mongo: Mongo, objects: ObjectStore, stream: StreamRef, tell: Tell) -> None:
        self._mongo, self._objects = mongo, objects
        self._stream, self._tell = stream, tell
        self._kept: CountedStream | None = None

    async def attempt(self, *, final: bool = False) -> CountedStream | None:
        """Raises Moved where the ground moved and another attempt will tell; `final`: then it is a finding."""
        async with await self._mongo.causal() as session:
            document = await self._mongo.streams.find_one({"_id": self._stream.id}, session=session)
            if document is None or document["cold"] >= CLOSED:
                return None
            counted = self._begin(document)
            if document.get("crowded"):
                counted.moved_out = await read_all_moved_out(self._mongo, session, self._stream.id)
            await self._count_cold(session, counted)
            await self._count_hot(session, counted)
            if counted.recount.next < document["next"]:
                detail = (
                    f"its snapshot speaks of {document['next']} events, and the chain ends at {counted.recount.next}"
                )
                counted.find("lost-end", detail, first=counted.recount.next, end=document["next"])
            elif not counted.compared and counted.recount.whole:
                if not final:
                    raise Moved
                counted.find("snapshot-wrong", f"it ends at {document['next']}, where no part of the chain does")
            return counted

    def _begin(self, document: Mapping[str, Any]) -> "_Counting":
        kept = self._kept
        if kept is None:
            floor = document.get("floor", 0)
            begin = floor - floor % CHUNK if floor < document["cold"] else floor  # chunks stay whole
            return _Counting(self._stream, document, Recount(self._stream.kind, begin))
        made = _Counting(self._stream, document, kept.recount.copy())
        made.chunks, made.live_keys, made.findings = kept.chunks, set(kept.live_keys), list(kept.findings)
        return made

    def _keep(self, counted: "_Counting") -> None:
        """Up to here all is cold for good."""
        kept = _Counting(self._stream, counted.document, counted.recount.copy())
        kept.chunks, kept.live_keys, kept.findings = counted.chunks, set(counted.live_keys), list(counted.findings)
        self._kept = kept

    async def _count_cold(self, session: Session, counted: "_Counting") -> None:
        cold = counted.cold
        counted.compare()
        while (begin := counted.recount.next) < cold:
            k = begin // CHUNK
            chunks = await manifest.live_chunks(self._mongo, self._stream.id, k, k + _CHUNKS_AT_ONCE - 1, session)
            async for chunk, read in self._read([one for one in chunks if begin <= one.k * CHUNK < cold]):
                if chunk.k * CHUNK > counted.recount.next:
                    await self._gap(session, counted, chunk.k * CHUNK)
                await self._take_chunk(session, counted, chunk, read)
                counted.compare()
                if counted.recount.next % CHUNK == 0 and counted.recount.next <= cold:
                    self._keep(counted)
            if counted.recount.next == begin:
                await self._gap(session, counted, min((k + 1) * CHUNK, cold))

    async def _read(self, chunks: Sequence[Chunk]) -> AsyncIterator[tuple[Chunk, Bucket | str]]:
        """The part that each chunk's object holds, or what is wrong with it; all are fetched at once."""
        tasks = [asyncio.create_task(self._read_one(chunk)) for chunk in chunks]
        try:
            for chunk, task in zip(chunks, tasks, strict=True):
                yield chunk, await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_one(self, chunk: Chunk) -> Bucket | str:
        assert chunk.live is not None
        try:
            data = await read_chunk(self._objects, chunk.live)
            return await asyncio.to_thread(_part_of, self._stream, chunk.k, chunk.live, data)
        except (ObjectMissing, ChunkDamaged) as error:
            return str(error)

    async def _take_chunk(self, session: Session, counted: "_Counting", chunk: Chunk, read: Bucket | str) -> None:
        live = chunk.live
        assert live is not None
        if isinstance(read, str) or (problems := counted.take(read)):
            await self._same_or_moved(session, chunk)
            problem = read if isinstance(read, str) else "; ".join(problems)
            counted.find("object-damaged", problem, first=chunk.k * CHUNK, end=live.end, key=live.key)
            counted.recount.skip_to(max(live.end, counted.recount.next))
        counted.chunks += 1
        counted.live_keys.add(live.key)
        if live.end > counted.cold:
            detail = f"chunk {chunk.k} is committed up to {live.end}, and the cold end is {counted.cold}"
            counted.find("unfinished-move", detail, first=counted.cold, end=live.end)
            counted.compared |= counted.document["next"] < live.end  # its snapshot comes after the commit
        self._tell(live.end - chunk.k * CHUNK)

    async def _same_or_moved(self, session: Session, chunk: Chunk) -> None:
        """Raises Moved where the chunk has another object meanwhile."""
        again = await manifest.read(self._mongo, self._stream.id, chunk.k, session)
        if again is None or again.live != chunk.live:
            raise Moved

    async def _gap(self, session: Session, counted: "_Counting", end: int) -> None:
        """Nothing holds [next, end): a finding, if the ground has not moved meanwhile. Raises Moved."""
        await self._look(session, counted)
        first = counted.recount.next
        last = counted.findings[-1] if counted.findings else None
        if last is not None and last.what == "gap" and last.end == first:
            first = last.first or 0
            counted.findings.pop()
        counted.find("gap", "no chunk and no bucket holds it, and the stream goes on behind it", first=first, end=end)
        counted.recount.skip_to(end)

    async def _count_hot(self, session: Session, counted: "_Counting") -> None:
        begin = counted.recount.next
        query = {"_id": {"$gte": bucket_id(self._stream.id, begin), "$lt": self._stream.id + END_OF_STREAM}}
        async for document in self._mongo.buckets.find(query, session=session).sort("_id", 1):
            await self._take_bucket(session, counted, document)
            counted.compare()
        await self._look(session, counted, begin)

    async def _take_bucket(self, session: Session, counted: "_Counting", document: Mapping[str, Any]) -> None:
        first, count = first_index_of(document["_id"]), int(document.get("n", 0))
        if first > counted.recount.next:
            await self._gap(session, counted, first)
        if first < counted.recount.next:
            await self._look(session, counted)
            detail = f"it begins at {first}, and the part before it ends at {counted.recount.next}"
            counted.find("overlap", detail, first=first, end=first + count)
            return
        counted.buckets += 1
        try:
            problems = counted.take(from_document(document))
        except Exception as error:  # a document that is none: whatever is missing or means nothing in it
            problems = [f"its document can't be read: {type(error).__name__}: {error}"]
            counted.recount.skip_to(first + max(count, 1))
        for problem in problems:
            counted.find("bucket-damaged", problem, first=first, end=first + count)
        self._tell(count)

    async def _look(self, session: Session, counted: "_Counting", begin: int | None = None) -> None:
        """Raises Moved where the cold end has passed the place from which the chain was read."""
        look = await self._mongo.streams.find_one({"_id": self._stream.id}, {"cold": 1}, session=session)
        if look is None or look["cold"] > (counted.cold if begin is None else max(begin, counted.cold)):
            raise Moved


class _Counting(CountedStream):
    """A stream that is being counted."""

    def __init__(self, stream: StreamRef, document: Mapping[str, Any], recount: Recount) -> None:
        super().__init__(stream, document, recount, int(document["cold"]))
        self.compared = False

    def take(self, part: Bucket) -> list[str]:
        """Take the part that begins at the recount's end; its problems."""
        for session, first, end in self.recount.repeated(part):
            detail = f"index {part.first_index} … {part.end_index - 1} holds events that stand before it already"
            self.find("stored-twice", detail, session=session.hex(), first=first, end=end)
        return list(self.recount.take(part))

    def compare(self) -> None:
        """Where the recount has come to the snapshot's end: they must agree."""
        if self.compared or self.recount.next != self.document["next"]:
            return
        self.compared = True
        for what in self.recount.differences(self.document, self.moved_out):
            self.find("snapshot-wrong", f"{what} are not what a recount gives", first=0, end=self.recount.next)


def _part_of(stream: StreamRef, k: int, live: Live, data: bytes) -> Bucket:
    """The rows and sources of a chunk's bytes. Raises ChunkDamaged where they are not what the manifest says."""
    try:
        about = read_metadata(data)
        rows = _DECODE[stream.kind](data)
    except (ValueError, KeyError, msgspec.MsgspecError) as error:
        raise ChunkDamaged(live.key, f"{type(error).__name__}: {error}") from error
    told = (about.stream, about.kind, about.k, about.first_index, about.end_index)
    if told != (stream.id, stream.kind, k, k * CHUNK, live.end):
        raise ChunkDamaged(live.key, f"it says that it holds {about.first_index} … {about.end_index} of {about.prefix}")
    return Bucket(
        stream=stream.id,
        kind=stream.kind,
        first_index=k * CHUNK,
        count=live.end - k * CHUNK,
        sources=about.sources,
        t0=live.t0,
        t1=live.t1,
        times=rows.times,
        columns=list(rows.columns),
    )
