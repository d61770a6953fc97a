"""What is kept in MongoDB for a time: positions that are too many for an id, and what pages listen to.

  positions  {_id: 12 random bytes, until, data: MessagePack}: written once, never changed
  listeners  {_id: what the page calls it, subject, change, asked, table: MessagePack, pending, of, from, until}

`table` and `pending` stand beside `asked`, for a process of version 0.1.0 refuses fields of it that it does not know.
It leaves them as they were where it changes a page, so they count only where `of` is the number of the latest change.

`until` is a date, for MongoDB's own expiry. It runs once a minute, so readers look at `until` themselves.
"""

import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from mldash_ingest.documents.mongo import DuplicateKeyError, Mongo

from .asked import Asked
from .positions import KEPT_BYTES, Positions, Vector, parse_vector
from .tables.asked import AskedTable

BETWEEN_S: Final = 300.0
"""Positions that were a listener's latest for less than a minute: what is on its way to a client is younger."""
LATEST_S: Final = 3_600.0
"""Those that are some listener's latest, from each look on."""
PAGE_S: Final = 60.0
"""What a page listens to, after its stream."""

_asked = msgspec.msgpack.Decoder(Asked)
_table = msgspec.msgpack.Decoder(AskedTable | None)


class Page(Struct, frozen=True, kw_only=True):
    """What is listened to under a name, and how often it was changed."""

    name: str
    subject: str
    change: int
    asked: Asked
    start: str
    """From where what was not listened to before is told: `now`, `start`, an index."""


async def keep(mongo: Mongo, positions: Positions) -> None:
    """From its return on ids may name them."""
    kept, data = os.urandom(KEPT_BYTES), positions.pack()
    await mongo.positions.insert_one({"_id": kept, "until": _in(BETWEEN_S), "data": data})
    positions.are_kept_as(kept)


async def keep_longer(mongo: Mongo, latest: Collection[bytes]) -> None:
    """These are some listeners' latest."""
    if latest:
        await mongo.positions.update_many({"_id": {"$in": list(latest)}}, {"$max": {"until": _in(LATEST_S)}})


async def find_kept(mongo: Mongo, kept: bytes) -> Vector | None:
    """None: forgotten."""
    found = await mongo.positions.find_one({"_id": kept, "until": {"$gt": _in(0)}})
    return None if found is None else parse_vector(found["data"])


async def find_page(mongo: Mongo, name: str) -> Page | None:
    """None: there is none, or its stream ended too long ago."""
    found = await mongo.listeners.find_one({"_id": name, "until": {"$gt": _in(0)}})
    return None if found is None else _page(found)


async def pages_of(mongo: Mongo, names: Collection[str]) -> list[Page]:
    """Those of these that are there."""
    if not names:
        return []
    return [_page(one) async for one in mongo.listeners.find({"_id": {"$in": list(names)}})]


async def count_pages(mongo: Mongo, subject: str) -> int:
    return int(await mongo.listeners.count_documents({"subject": subject, "until": {"$gt": _in(0)}}))


async def put_page(mongo: Mongo, page: Page) -> int | None:
    """What is listened to under this name from now on; the number of the change. None: the name is another's."""
    now = _in(0)
    asked = msgspec.structs.replace(page.asked, table=None, pending=False)
    change = {"$add": [{"$ifNull": ["$change", 0]}, 1]}
    new = {
        "asked": {"$literal": msgspec.msgpack.encode(asked)},
        "table": {"$literal": msgspec.msgpack.encode(page.asked.table)},
        "pending": {"$literal": page.asked.pending},
        "from": {"$literal": page.start},
        "until": {"$literal": _in(PAGE_S)},
        "change": change,
        "of": change,
    }
    await mongo.listeners.delete_one({"_id": page.name, "until": {"$lte": now}})
    try:
        found = await mongo.listeners.find_one_and_update(
            {"_id": page.name, "subject": page.subject},
            [{"$set": new}],
            upsert=True,
            return_document=True,
        )
    except DuplicateKeyError:
        return None
    return int(found["change"])


async def drop_page(mongo: Mongo, page: Page) -> None:
    """One that was just made, and is one too many."""
    await mongo.listeners.delete_one({"_id": page.name, "subject": page.subject, "change": 1})


async def keep_pages(mongo: Mongo, names: Collection[str]) -> None:
    """Their streams are open."""
    if names:
        await mongo.listeners.update_many({"_id": {"$in": list(names)}}, {"$max": {"until": _in(PAGE_S)}})


def _page(document: Mapping[str, Any]) -> Page:
    is_ours = document.get("of") == document["change"]
    return Page(
        name=document["_id"],
        subject=document["subject"],
        change=document["change"],
        asked=msgspec.structs.replace(
            _asked.decode(document["asked"]),
            table=_table.decode(document["table"]) if is_ours else None,
            pending=is_ours and document["pending"],
        ),
        start=document["from"],
    )


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
