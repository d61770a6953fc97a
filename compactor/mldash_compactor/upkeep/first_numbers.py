"""Once a day: the first number of each field of which no snapshot says it, read from the stream (docs/protocol.md 2).

Version 0.1.0 kept none, and of a field that began under it none is known to those who carry its snapshot on. Each is
looked for once, from the stream's floor on, where retention may have moved it: of what is kept it is then the first.
It stands in the stream's document beside the snapshot, in `firstsRead`, which only this pass writes: a snapshot that a
worker has in memory, and writes again without it, takes nothing away. Null says that no number of the field is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

import structlog

from mldash_compactor.apart import Apart
from mldash_compactor.budget import ByteBudget
from mldash_compactor.chunks import manifest, points
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.errors import HoleInChain
from mldash_compactor.moving.chain import read_chain
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.column_statistics import first_numbers
from mldash_ingest.documents.columns import Column
from mldash_ingest.documents.mongo import Mongo

_AT_ONCE: Final = 1_000
_CHUNKS_AT_ONCE: Final = 100
_COPIES: Final = 4
"""Of a chunk's bytes, in memory at once: the object, and the columns that are unpacked of it."""
_log = structlog.get_logger()


def _names(part: str) -> dict[str, Any]:
    rows = {"$ifNull": [f"${part}", []]}
    return {"$map": {"input": rows, "in": {"$arrayElemAt": ["$$this", 0]}}}


_UNKNOWN: Final = {"$setDifference": [_names("stats"), {"$concatArrays": [_names("firsts"), _names("firstsRead")]}]}


async def read_first_numbers(mongo: Mongo, objects: ObjectStore, budget: ByteBudget, stop: asyncio.Event) -> int:
    """Of all streams; how many fields were read. What fails is left for the next time, and its error is raised."""
    read, apart = 0, Apart()
    async for stream in _lacking(mongo):
        if stop.is_set():
            break
        with apart.one(stream=stream.hex()):
            read += await _read_of(mongo, objects, budget, stream)
    if read:
        _log.info("first numbers of fields read", fields=read)
    apart.raise_first()
    return read


async def _lacking(mongo: Mongo) -> AsyncIterator[bytes]:
    """Streams with a field of which nothing is said, some at a time: no cursor is open while they are read."""
    after = b""
    while True:
        query = {
            "_id": {"$gt": after},
            "kind": "metrics",
            "cold": {"$lt": CLOSED},
            "$expr": {"$ne": [_UNKNOWN, []]},
        }
        found = await mongo.streams.find(query, {"_id": 1}).sort("_id", 1).limit(_AT_ONCE).to_list(None)
        for document in found:
            yield bytes(document["_id"])
        if len(found) < _AT_ONCE:
            return
        after = found[-1]["_id"]


async def _read_of(mongo: Mongo, objects: ObjectStore, budget: ByteBudget, stream: bytes) -> int:
    wanted = {"stats": 1, "firsts": 1, "firstsRead": 1, "next": 1, "cold": 1, "floor": 1}
    document = await mongo.streams.find_one({"_id": stream, "cold": {"$lt": CLOSED}}, wanted)
    if document is None:
        return 0
    known = {row[0] for part in ("firsts", "firstsRead") for row in document.get(part, ())}
    fields = [row[0] for row in document.get("stats", ()) if row[0] not in known]
    found = await _find(mongo, objects, budget, document, fields)
    rows = [[name, found.get(name)] for name in fields]
    there = document.get("firstsRead")
    # Rows are only ever added, so as many of them are the same ones: what another pass wrote meanwhile stays.
    same = {"$exists": False} if there is None else {"$size": len(there)}
    done = await mongo.streams.update_one(
        {"_id": stream, "firstsRead": same}, {"$set": {"firstsRead": [*(there or ()), *rows]}}
    )
    return len(rows) if done.matched_count else 0


async def _find(
    mongo: Mongo, objects: ObjectStore, budget: ByteBudget, document: Mapping[str, Any], fields: Sequence[str]
) -> dict[str, int | float]:
    """Chunk by chunk and then in the chain, as far as the snapshot goes, until each has one.

    Raises HoleInChain, RangeMoved, StreamClosed and as reads of objects do: retention, a join or a move was quicker.
    """
    stream, floor, cold = bytes(document["_id"]), document.get("floor", 0), document["cold"]
    found, missing = dict[str, int | float](), set(fields)

    def take(columns: Sequence[Column]) -> None:
        found.update(first_numbers(columns, missing))
        missing.difference_update(found)

    end = floor
    while missing and end < cold:
        first_k = end // CHUNK
        chunks = await manifest.live_chunks(mongo, stream, first_k, first_k + _CHUNKS_AT_ONCE - 1)
        for chunk in chunks:
            live = chunk.live
            if live is None or chunk.k != end // CHUNK or not missing or end >= cold:
                break
            if _may_hold(live, missing):
                async with budget.reserve(_COPIES * live.bytes):
                    data = await read_chunk(objects, live)
                    take((await asyncio.to_thread(points.decode, data, sorted(missing))).columns)
            end = live.end
        if missing and end < cold and (len(chunks) < _CHUNKS_AT_ONCE or end // CHUNK == first_k):
            raise HoleInChain(stream, end, cold)
    if missing:
        for bucket in await read_chain(mongo, stream, max(floor, cold), document["next"]):
            take(bucket.columns)
    return found


def _may_hold(live: Live, missing: Collection[str]) -> bool:
    return any(field.type == "events" or field.name in missing for field in live.fields())
