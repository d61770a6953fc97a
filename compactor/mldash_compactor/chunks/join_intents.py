"""Intents on neighbouring chunks at once, for one object that all of them will name (docs/protocol.md 4.9).

The first chunk's intent comes first, alone: its epoch is in the object's key, so this key is unique. The others'
intents follow, and each names the key in `joining`. Only a chunk whose `joining` is the key may still be committed to
it: any later intent replaces the name, and a compactor that gives up clears it. So the sweep keeps an object that a
chunk names, in `live` or in `joining`, and may delete one that every chunk has stopped naming, for they can't name it
again.
"""

from collections.abc import Mapping, Sequence
from time import time
from typing import Any

from mldash_ingest.documents.mongo import Mongo, UpdateOne

from .manifest import Chunk, Live, from_document, to_document


async def declare_join(mongo: Mongo, chunks: Sequence[Chunk], key: str, *, owner: str, lease_s: float) -> list[Chunk]:
    """Take these chunks as they were read, all or none. Returns the new intents, or an empty list where one is held.

    `key` must hold the epoch that the first chunk gets: one above what was read.
    """
    now = time()
    taken = {"owner": owner, "until": now + lease_s, "joining": key}

    def free(chunk: Chunk) -> dict[str, Any]:
        return {**_id(chunk), "epoch": chunk.epoch, "$or": [{"until": None}, {"until": {"$lte": now}}]}

    change = {"$inc": {"epoch": 1}, "$set": taken}
    first = await mongo.chunks.update_one(free(chunks[0]), change)
    if not first.matched_count:
        return []
    await mongo.chunks.bulk_write([UpdateOne(free(chunk), change) for chunk in chunks[1:]], ordered=False)
    mine = await named(mongo, chunks, {"joining": key})
    if len(mine) == len(chunks):
        return mine
    await release_join(mongo, chunks, key)
    return []


async def commit_join(mongo: Mongo, intents: Sequence[Chunk], lives: Mapping[int, Live]) -> bool:
    """Move each chunk's document to the object, one by one; whether all name it now. Harmless when sent again."""
    updates = []
    for intent in intents:
        assert intent.live is not None
        mine = {**_id(intent), "epoch": intent.epoch, "joining": intent.joining, "live.key": intent.live.key}
        new = {"live": to_document(lives[intent.k]), "until": None, "joining": None}
        updates.append(UpdateOne(mine, {"$set": new}))
    await mongo.chunks.bulk_write(updates, ordered=False)
    return len(await named(mongo, intents, {"live.key": intents[0].joining})) == len(intents)


async def release_join(mongo: Mongo, chunks: Sequence[Chunk], key: str) -> None:
    """Let others have them at once. A commit that is still under way finds its name gone, and changes nothing."""
    await mongo.chunks.update_many({**_ids(chunks), "joining": key}, {"$set": {"until": None, "joining": None}})


async def named(mongo: Mongo, chunks: Sequence[Chunk], what: Mapping[str, Any]) -> list[Chunk]:
    """Those of the chunks whose documents say so, in k order."""
    cursor = mongo.chunks.find({**_ids(chunks), **what}).sort("_id.k", 1)
    return [from_document(document) async for document in cursor]


def _id(chunk: Chunk) -> dict[str, Any]:
    return {"_id": {"s": chunk.stream, "k": chunk.k}}


def _ids(chunks: Sequence[Chunk]) -> dict[str, Any]:
    return {"_id": {"$in": [{"s": chunk.stream, "k": chunk.k} for chunk in chunks]}}
