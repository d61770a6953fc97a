"""The collection `short_urls`: addresses of the page that are too long for a link, under ids that are short.

    {_id: the first 18 bytes of the SHA-256 of the path, in base64url, path, subject, until: a date}

The same path has the same id, whoever sends it, so nothing is changed by sending it again; who knows an id knows it
from somebody who has the path. A path is kept for about KEPT_S from the day on which it was last sent or asked for. Of
more than MOST_SHORT_URLS of one subject those go before that were longest not asked for: a page may shorten each of its
states, and is never refused.
"""

import base64
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

from mldash_api.limits import MOST_SHORT_URLS
from mldash_ingest.documents.mongo import Mongo

KEPT_S: Final = 400 * 86_400.0
_RENEWED_S: Final = 86_400.0
"""An id that is asked for is kept longer, at most once a day."""

_ID_BYTES: Final = 18
_AT_ONCE: Final = 100


class Kept(NamedTuple):
    id: str
    path: str
    until: datetime


def id_of(path: str) -> str:
    """24 letters."""
    return base64.urlsafe_b64encode(sha256(path.encode()).digest()[:_ID_BYTES]).decode()


async def keep_path(mongo: Mongo, subject: str, path: str) -> Kept:
    """From its return on others find it."""
    id_ = id_of(path)
    if await _renewed(mongo, id_) is None:
        new = {"$setOnInsert": {"path": path, "subject": subject}, "$max": {"until": _in(KEPT_S)}}
        await mongo.short_urls.update_one({"_id": id_}, new, upsert=True)
        await _make_room(mongo, subject)
    return Kept(id_, path, _in(KEPT_S))


async def _make_room(mongo: Mongo, subject: str) -> None:
    own = {"subject": subject}
    count = await mongo.short_urls.count_documents(own, limit=MOST_SHORT_URLS + _AT_ONCE)
    if count > MOST_SHORT_URLS:
        oldest = mongo.short_urls.find(own, {"_id": 1}).sort("until", 1).limit(count - MOST_SHORT_URLS)
        await mongo.short_urls.delete_many({"_id": {"$in": [one["_id"] async for one in oldest]}})


async def find_path(mongo: Mongo, id_: str) -> Kept | None:
    """None: it was never kept, or too long ago."""
    found = await mongo.short_urls.find_one({"_id": id_, "until": {"$gt": _in(0)}})
    if found is None:
        return None
    until = found["until"]
    if until < _in(KEPT_S - _RENEWED_S):
        until = await _renewed(mongo, id_) or until
    return Kept(id_, found["path"], until)


async def _renewed(mongo: Mongo, id_: str) -> datetime | None:
    """Until when it is kept now; None: there is none."""
    until = _in(KEPT_S)
    done = await mongo.short_urls.update_one({"_id": id_}, {"$max": {"until": until}})
    return until if done.matched_count else None


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
