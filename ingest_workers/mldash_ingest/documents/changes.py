"""Who changed what: a line for each change that somebody makes, in the collection `changes`.

    {_id: 8 bytes of microseconds since the epoch, big endian, + 8 random ones: their order is that of time,
     subject, token_id, address, action, scope, details}

`scope` is what the change is about, as a right's scope is: admins of it may read the line. A line is written before the
change that it tells of: it may stand for one that a crash kept from happening, and never the other way round.
"""

import os
from collections.abc import Mapping, Sequence
from getpass import getuser
from socket import gethostname
from time import time
from typing import Any, Final

from msgspec import Struct

from .mongo import Mongo

_MICROSECONDS: Final = 1_000_000
_TIME_BYTES: Final = 8


class Who(Struct, frozen=True, kw_only=True):
    """`address`: where the request came from, or how it was done without one. `token_id` is no secret."""

    subject: str
    address: str | None
    token_id: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    id: str
    at: float
    who: Who
    action: str
    scope: str
    details: dict[str, str]


def who_runs_this() -> Who:
    """Of a command that goes to MongoDB by itself."""
    try:
        user = getuser()
    except (KeyError, OSError):  # in a container the user may have no name
        user = str(os.getuid())
    return Who(subject=f"{user}@{gethostname()}", address="by MongoDB's credentials")


async def record_change(mongo: Mongo, who: Who, action: str, scope: str, **details: str) -> None:
    """Before the change itself. Then it is stored by a majority."""
    now = int(time() * _MICROSECONDS).to_bytes(_TIME_BYTES, "big")
    document = {
        "_id": now + os.urandom(_TIME_BYTES),
        "subject": who.subject,
        "token_id": who.token_id,
        "address": who.address,
        "action": action,
        "scope": scope,
        "details": details,
    }
    await mongo.changes.insert_one(document)


async def list_changes(mongo: Mongo, scopes: Sequence[str], before: bytes | None, limit: int) -> list[Change]:
    """The newest of those whose scope is one of these or lies below it ("" is everything); `before`: an id."""
    bounds: list[dict[str, Any]] = [] if before is None else [{"_id": {"$lt": before}}]
    if "" not in scopes:
        within = [{"scope": {"$gte": f"{scope}/", "$lt": f"{scope}0"}} for scope in scopes]
        bounds.append({"$or": [{"scope": {"$in": list(scopes)}}, *within]})
    found = mongo.changes.find({"$and": bounds} if bounds else {}).sort("_id", -1).limit(limit)
    return [_from_document(one) async for one in found]


def _from_document(document: Mapping[str, Any]) -> Change:
    return Change(
        id=document["_id"].hex(),
        at=int.from_bytes(document["_id"][:_TIME_BYTES], "big") / _MICROSECONDS,
        who=Who(subject=document["subject"], address=document["address"], token_id=document["token_id"]),
        action=document["action"],
        scope=document["scope"],
        details=document["details"],
    )
