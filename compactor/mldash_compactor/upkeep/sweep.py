"""Orphans: objects that no chunk names, left by a compactor that died, lost its epoch, or put what did not verify; and
those whose chunks have since been joined into a larger one.

The list comes first, then each chunk's document as it truly is (docs/protocol.md 4.8): an object goes only if it is not
the live one and its epoch is below the document's, for then its writer can no longer commit it; or if its
generation was deleted. One of several chunks goes only if none of them names it, as live or as what it may be joined
into: a later intent has cleared that name, and the object's writer can no longer commit it (join_intents.py). An object
all below the stream's floor, whose documents are gone, goes too (retention.py).

The minimum age is for readers only, who may still have the key. A sweep that went by age alone would lose an object
whose compactor was paused between its put and its commit. Unfinished uploads in parts go by age: a compactor that is
still writing one finds it gone, and begins anew. While somebody holds the objects, as a backup does that copies what
the manifest named at its moment, none goes (documents/holds.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from mldash_compactor import instruments
from mldash_compactor.apart import Apart
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.keys import KeyParts, parse_key
from mldash_compactor.chunks.manifest import Chunk
from mldash_compactor.chunks.s3 import ListedObject, ObjectStore
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.holds import objects_are_held
from mldash_ingest.documents.mongo import Mongo

_AT_ONCE: Final = 500
_log = structlog.get_logger()


async def sweep(mongo: Mongo, objects: ObjectStore, min_age_s: float) -> int:
    """Delete what is an orphan; how many there were."""
    oldest = datetime.now(UTC) - timedelta(seconds=min_age_s)
    await objects.abort_uploads_before(oldest)
    deleted, unexplained, apart = 0, 0, Apart()
    batch: list[ListedObject] = []
    async for one in objects.list():
        if one.modified > oldest:
            continue
        if parse_key(one.key) is None:
            unexplained += 1
            continue
        batch.append(one)
        if len(batch) == _AT_ONCE:
            found = await _sweep_batch(mongo, objects, batch, apart)
            deleted, unexplained, batch = deleted + found[0], unexplained + found[1], []
    found = await _sweep_batch(mongo, objects, batch, apart)
    instruments.objects_unexplained.set(unexplained + found[1])
    apart.raise_first()
    return deleted + found[0]


async def _sweep_batch(
    mongo: Mongo, objects: ObjectStore, batch: Sequence[ListedObject], apart: Apart
) -> tuple[int, int]:
    """How many were deleted, and how many can't be explained."""
    live = await _live_keys(mongo, batch)
    orphans, unexplained = list[str](), 0
    for one in batch:
        if one.key in live:
            continue  # it was live after it was listed: nothing to ask
        verdict: bool | None = False
        with apart.one(key=one.key):
            verdict = await _is_orphan(mongo, one.key)
        if verdict:
            orphans.append(one.key)
        elif verdict is None:
            unexplained += 1
    if orphans and await objects_are_held(mongo):  # asked behind the verdicts: holds.py says why
        _log.info("orphans stay while they are held, as by a backup", count=len(orphans))
        orphans = []
    if orphans:
        await objects.delete(orphans)
        instruments.orphans_deleted.inc(len(orphans))
        _log.info("orphans deleted", count=len(orphans), keys=orphans[:10])
    return len(orphans), unexplained


async def _live_keys(mongo: Mongo, batch: Sequence[ListedObject]) -> set[str]:
    """Those of the batch that were named a moment ago: one query, and most objects need no other."""
    parts_of = {one.key: parts for one in batch if (parts := parse_key(one.key)) is not None}
    single = [{"s": parts.stream, "k": parts.k} for parts in parts_of.values() if parts.chunk_count == 1]
    joined = [key for key, parts in parts_of.items() if parts.chunk_count > 1]
    first = [{"s": parts_of[key].stream, "k": parts_of[key].k} for key in joined]
    names = {"live.key": 1, "joining": 1}
    cursor = mongo.chunks.find({"_id": {"$in": single + first}}, names)
    return {name async for document in cursor for name in _names(document)}


def _names(document: Mapping[str, Any]) -> list[str]:
    live, joining = document.get("live"), document.get("joining")
    return [name for name in (live and live["key"], joining) if name]


async def _is_orphan(mongo: Mongo, key: str) -> bool | None:
    """By the chunks' documents as they truly are; None: nothing says whose it is, so it stays."""
    parts = parse_key(key)
    assert parts is not None
    chunks = [
        chunk
        for k in range(parts.k, parts.last_k + 1)
        if (chunk := await manifest.read_linearizable(mongo, parts.stream, k)) is not None
    ]
    if chunks:
        return can_never_count(parts, key, chunks)
    stream = await mongo.find_linearizable(mongo.streams, parts.stream)
    if stream is None:
        return None
    is_below_floor = (parts.last_k + 1) * CHUNK <= stream.get("floor", 0)
    return True if stream["cold"] >= CLOSED or is_below_floor else None


def can_never_count(parts: KeyParts, key: str, chunks: Sequence[Chunk]) -> bool:
    """Whether this object can never become live again, by the documents of its range that are there."""
    if any(key in (chunk.joining, chunk.live and chunk.live.key) for chunk in chunks):
        return False
    return parts.chunk_count > 1 or parts.epoch < chunks[0].epoch
