"""Orphans: objects that no chunk names, left by a compactor that died, lost its epoch, or put what did not verify.

The list comes first, then each chunk's document as it truly is (docs/protocol.md 4.8): an object goes only if it is not
the live one and its epoch is below the document's, for then whoever wrote it can't commit it any more; or if its
generation was deleted. Its age is for the readers' sake only, who may still have the key. A sweep that went by age
alone would lose an object whose compactor was paused between its put and its commit.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from mldash.ingest_workers.documents.collections import CLOSED
from mldash.ingest_workers.documents.mongo import Mongo

from . import instruments
from .chunks import manifest
from .chunks.keys import Place, parse_key
from .chunks.manifest import Chunk
from .chunks.s3 import ListedObject, ObjectStore

_AT_ONCE: Final = 500
_log = structlog.get_logger()


async def sweep(mongo: Mongo, objects: ObjectStore, min_age_s: float) -> int:
    """Delete what is an orphan; how many there were."""
    oldest = datetime.now(UTC) - timedelta(seconds=min_age_s)
    deleted = unexplained = 0
    batch: list[ListedObject] = []
    async for one in objects.list():
        if one.modified > oldest:
            continue
        if parse_key(one.key) is None:
            unexplained += 1
            continue
        batch.append(one)
        if len(batch) == _AT_ONCE:
            found = await _sweep_batch(mongo, objects, batch)
            deleted, unexplained, batch = deleted + found[0], unexplained + found[1], []
    found = await _sweep_batch(mongo, objects, batch)
    instruments.objects_unexplained.set(unexplained + found[1])
    return deleted + found[0]


async def _sweep_batch(mongo: Mongo, objects: ObjectStore, batch: Sequence[ListedObject]) -> tuple[int, int]:
    """How many were deleted, and how many can't be explained."""
    live = await _live_keys(mongo, batch)
    orphans, unexplained = list[str](), 0
    for one in batch:
        if one.key in live:
            continue  # it was live after it was listed: nothing to ask
        verdict = await _is_orphan(mongo, one.key)
        if verdict:
            orphans.append(one.key)
        elif verdict is None:
            unexplained += 1
    if orphans:
        await objects.delete(orphans)
        instruments.orphans_deleted.inc(len(orphans))
        _log.info("orphans deleted", count=len(orphans), keys=orphans[:10])
    return len(orphans), unexplained


async def _live_keys(mongo: Mongo, batch: Sequence[ListedObject]) -> set[str]:
    """Those of the batch that were live a moment ago: one query, and most objects need no other."""
    places = [place for one in batch if (place := parse_key(one.key)) is not None]
    query = {"_id": {"$in": [{"s": place.stream, "k": place.k} for place in places]}}
    return {
        document["live"]["key"]
        async for document in mongo.chunks.find(query, {"live.key": 1})
        if document.get("live") is not None
    }


async def _is_orphan(mongo: Mongo, key: str) -> bool | None:
    """By the chunk's document as it truly is; None: nothing says whose it is, so it stays."""
    place = parse_key(key)
    assert place is not None
    chunk = await manifest.read_linearizable(mongo, place.stream, place.k)
    if chunk is not None:
        return can_never_count(place, key, chunk)
    stream = await mongo.find_linearizable(mongo.streams, place.stream)
    return True if stream is not None and stream["cold"] >= CLOSED else None


def can_never_count(place: Place, key: str, chunk: Chunk) -> bool:
    """Whether nobody can make this object live any more."""
    is_live = chunk.live is not None and chunk.live.key == key
    return not is_live and place.epoch < chunk.epoch
