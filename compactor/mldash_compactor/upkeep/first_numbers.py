"""Once a day: the first number of each field of which no snapshot says it, read from the stream (docs/protocol.md 2).

Version 0.1.0 kept none, and of a field that began under it none is known to those who carry its snapshot on. Each is
looked for once, from the stream's floor on, where retention may have moved it: of what is kept it is then the first.
It stands in the stream's document beside the snapshot, in `firstsRead`, which only this pass writes: a snapshot that a
worker has in memory, and writes again without it, takes nothing away. Null says that no number of the field is kept.

What of a stream can't be read is left for the next day: it may be damage, which the audit names, or another was quicker
(retention, a join, a move). Neither is a failure of the compactor; servers that are away are one.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import aclosing
from typing import Any, Final

import structlog

from mldash_compactor.apart import Apart
from mldash_compactor.budget import ByteBudget
from mldash_compactor.chunks import manifest, points
from mldash_compactor.chunks.errors import ChunkDamaged, ObjectMissing
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.errors import HoleInChain, RangeMoved, StreamClosed
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.column_statistics import first_numbers
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.walk import cold_ends, walk_through

STREAMS_AT_ONCE: Final = 1_000
"""One command looks at so many documents, whatever it finds: it ends long before its socket's time is over."""
_CHUNKS_AT_ONCE: Final = 100
_COPIES: Final = 4
"""Of a chunk's bytes, in memory at once: the object, and the columns that are unpacked of it."""
_BUCKETS_AT_ONCE: Final = 16
_UNREADABLE: Final = (ObjectMissing, ChunkDamaged, HoleInChain, RangeMoved, StreamClosed)
_log = structlog.get_logger()


def _names(part: str) -> dict[str, Any]:
    rows = {"$ifNull": [f"${part}", []]}
    return {"$map": {"input": rows, "in": {"$arrayElemAt": ["$$this", 0]}}}


_UNKNOWN: Final = {"$setDifference": [_names("stats"), {"$concatArrays": [_names("firsts"), _names("firstsRead")]}]}
_LACKS: Final = {"$and": [{"$eq": ["$kind", "metrics"]}, {"$lt": ["$cold", CLOSED]}, {"$ne": [_UNKNOWN, []]}]}


async def read_first_numbers(mongo: Mongo, objects: ObjectStore, budget: ByteBudget, stop: asyncio.Event) -> int:
    """Of all streams; how many fields were read. What can't be read is left for the next time; any other error is
    raised, behind the last stream, and where a server is away at once."""
    read, left, apart = 0, 0, Apart()
    async for stream in _lacking(mongo):
        if stop.is_set():
            break
        with apart.one(stream=stream.hex()):
            one = _Reading(mongo, objects, budget, stream)
            read += await one.run()
            left += one.is_left
    if read or left:
        _log.info("first numbers of fields read", fields=read, streams_left=left)
    apart.raise_first()
    return read


async def _lacking(mongo: Mongo) -> AsyncIterator[bytes]:
    """Streams with a field of which nothing is said, some at a time: no cursor is open while they are read.

    Which they are is projected and not filtered: a filter without an index would look on until it had found enough.
    """
    after = b""
    while True:
        asked = mongo.streams.find({"_id": {"$gt": after}}, {"_id": 1, "lacks": _LACKS})
        found = await asked.sort("_id", 1).limit(STREAMS_AT_ONCE).to_list(None)
        for document in found:
            if document["lacks"]:
                yield bytes(document["_id"])
        if len(found) < STREAMS_AT_ONCE:
            return
        after = found[-1]["_id"]


class _Reading:
    """Of one stream, from its floor on until each field has its first number; `is_left`: not all could be read."""

    def __init__(self, mongo: Mongo, objects: ObjectStore, budget: ByteBudget, stream: bytes) -> None:
        self._mongo, self._objects, self._budget, self._stream = mongo, objects, budget, stream
        self._found, self._missing = dict[str, int | float](), set[str]()
        self.is_left = False

    async def run(self) -> int:
        """How many fields are said from now on."""
        wanted = {"stats": 1, "firsts": 1, "firstsRead": 1, "next": 1, "cold": 1, "floor": 1}
        document = await self._mongo.streams.find_one({"_id": self._stream, "cold": {"$lt": CLOSED}}, wanted)
        if document is None:
            return 0
        known = {row[0] for part in ("firsts", "firstsRead") for row in document.get(part, ())}
        fields = [row[0] for row in document.get("stats", ()) if row[0] not in known]
        self._missing.update(fields)
        try:
            await self._find(document)
        except _UNREADABLE as error:
            self.is_left = True
            _log.warning("left for the next time", stream=self._stream.hex(), error=f"{type(error).__name__}: {error}")
            # Of what was not reached nobody can say that none is kept.
            fields = [name for name in fields if name in self._found]
        return await self._say(document.get("firstsRead"), [[name, self._found.get(name)] for name in fields])

    async def _say(self, there: list[Any] | None, rows: list[list[Any]]) -> int:
        # Rows are only ever added, so as many of them are the same ones: what another pass wrote meanwhile stays.
        same = {"$exists": False} if there is None else {"$size": len(there)}
        if not rows:
            return 0
        done = await self._mongo.streams.update_one(
            {"_id": self._stream, "firstsRead": same}, {"$set": {"firstsRead": [*(there or ()), *rows]}}
        )
        return len(rows) if done.matched_count else 0

    async def _find(self, document: Mapping[str, Any]) -> None:
        """Chunk by chunk and then in the chain, as far as the snapshot goes. Raises one of _UNREADABLE, and as reads of
        objects do."""
        end, cold = document.get("floor", 0), document["cold"]
        while self._missing and end < cold:
            first_k = end // CHUNK
            chunks = await manifest.live_chunks(self._mongo, self._stream, first_k, first_k + _CHUNKS_AT_ONCE - 1)
            for chunk in chunks:
                if chunk.live is None or chunk.k != end // CHUNK or not self._missing or end >= cold:
                    break
                if _may_hold(chunk.live, self._missing):
                    await self._take_chunk(chunk.live)
                end = chunk.live.end
            if self._missing and end < cold and (len(chunks) < _CHUNKS_AT_ONCE or end // CHUNK == first_k):
                raise HoleInChain(self._stream, end, cold)
        if self._missing:
            await self._take_chain(max(document.get("floor", 0), cold), document["next"])

    async def _take_chunk(self, live: Live) -> None:
        async with self._budget.reserve(_COPIES * live.bytes):
            data = await read_chunk(self._objects, live)
            rows = await asyncio.to_thread(points.decode, data, sorted(self._missing))
            self._found.update(first_numbers(rows.columns, self._missing))
        self._missing.difference_update(self._found)

    async def _take_chain(self, begin: int, want: int) -> None:
        """The chain of [begin, want), some buckets in memory at a time, no further than to the last first number; it
        counts once a look says that nothing of it can have moved away meanwhile."""
        found, missing, end = dict[str, int | float](), set(self._missing), begin
        async with await self._mongo.causal() as session:
            walk = walk_through(self._mongo, session, self._stream, begin, want, at_once=_BUCKETS_AT_ONCE)
            async with aclosing(walk) as walked:
                async for bucket in walked:
                    found.update(first_numbers(bucket.columns, missing))
                    missing.difference_update(found)
                    end = bucket.end_index
                    if not missing:
                        break
            look = (await cold_ends(self._mongo, session, [self._stream])).get(self._stream, CLOSED)
        if look >= CLOSED:
            raise StreamClosed(self._stream)
        if look > begin:
            raise RangeMoved(self._stream, begin // CHUNK, f"its cold end is {look}, and was {begin} at most")
        self._found.update(found)
        if missing and end != want:
            raise HoleInChain(self._stream, end, want)


def _may_hold(live: Live, missing: Collection[str]) -> bool:
    return any(field.type == "events" or field.name in missing for field in live.fields())
