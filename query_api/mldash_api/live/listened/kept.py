"""What one process of the API says that its listeners name, for all the others to see.

  listened  {_id: 12 random bytes, a process of the API; prefixes, version: another one when the prefixes are; until}

A process says it again while it lives. `until` is a date, for MongoDB's own expiry; readers look at it themselves.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from mldash_ingest.documents.mongo import Mongo

KEPT_S: Final = 30.0
"""After the process that said it was killed."""


async def say(mongo: Mongo, process: bytes, prefixes: Collection[str], version: int) -> None:
    document = {"_id": process, "prefixes": sorted(prefixes), "version": version, "until": _in(KEPT_S)}
    await mongo.listened.replace_one({"_id": process}, document, upsert=True)


async def say_again(mongo: Mongo, process: bytes) -> bool:
    """Whether it still stood there."""
    found = await mongo.listened.update_one({"_id": process}, {"$set": {"until": _in(KEPT_S)}})
    return bool(found.matched_count)


async def unsay(mongo: Mongo, process: bytes) -> None:
    await mongo.listened.delete_one({"_id": process})


async def versions(mongo: Mongo) -> dict[bytes, int]:
    """Of all processes that say something."""
    found = mongo.listened.find({"until": {"$gt": _in(0)}}, {"version": 1})
    return {bytes(one["_id"]): one["version"] async for one in found}


async def said_by(mongo: Mongo, processes: Collection[bytes]) -> Mapping[bytes, tuple[int, frozenset[str]]]:
    """Version and prefixes, of those that are still there."""
    found = mongo.listened.find({"_id": {"$in": list(processes)}})
    return {bytes(one["_id"]): (one["version"], frozenset(one["prefixes"])) async for one in found}


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
