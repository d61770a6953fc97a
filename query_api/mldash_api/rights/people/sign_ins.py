"""Browsers that have signed in (docs/storage.md, `sign_ins`): what a cookie stands for.

The cookie is signed and holds the sign-in's id alone. What stands behind it is looked up at each request: the sign-in,
and the token or link by which it was made, so that one that was revoked counts no longer, at once and everywhere. Of a
person whom OpenID Connect has signed in, the groups are those of their last sign-in; a new one brings all of them up to
date.

    way      of (what it was made by)
    token    a token's id
    private  the SHA-256 of the private token, in hex: another token ends it
    oidc     the issuer
    link     a link's id
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import Struct

from mldash_api.errors import NotSignedIn
from mldash_ingest.documents.mongo import Mongo

Way = Literal["token", "private", "oidc", "link"]

_ID_BYTES: Final = 16
_AGAIN: Final = "sign in again"


class SignIn(Struct, frozen=True, kw_only=True):
    """Times are seconds since the epoch."""

    id: str
    way: Way
    subject: str
    of: str
    groups: tuple[str, ...]
    address: str | None
    created_at: float
    expires_at: float
    ended_at: float | None = None


async def begin_sign_in(
    mongo: Mongo,
    way: Way,
    subject: str,
    of: str,
    address: str | None,
    now: float,
    ends_at: float,
    groups: Sequence[str],
) -> SignIn:
    """Always under a new id, whatever cookie the browser had."""
    made = SignIn(
        id=secrets.token_hex(_ID_BYTES),
        way=way,
        subject=subject,
        of=of,
        groups=tuple(groups),
        address=address,
        created_at=now,
        expires_at=ends_at,
    )
    fields = {name: getattr(made, name) for name in SignIn.__struct_fields__ if name != "id"}
    gone_at = datetime.fromtimestamp(ends_at, UTC)
    await mongo.sign_ins.insert_one({"_id": made.id, **fields, "groups": list(groups), "gone_at": gone_at})
    if way == "oidc":
        earlier = {"subject": subject, "way": way, "of": of}
        await mongo.sign_ins.update_many(earlier, {"$set": {"groups": list(groups)}})
    return made


async def find_sign_in(mongo: Mongo, id_: str, now: float) -> SignIn:
    """While it lasts. Raises NotSignedIn."""
    found = await sign_in_of_id(mongo, id_)
    if found is None or found.ended_at is not None:
        raise NotSignedIn(f"this browser was signed out; {_AGAIN}", is_invalid=True)
    if now >= found.expires_at:
        raise NotSignedIn(f"this browser signed in too long ago; {_AGAIN}", is_invalid=True)
    return found


async def sign_in_of_id(mongo: Mongo, id_: str) -> SignIn | None:
    document = await mongo.sign_ins.find_one({"_id": id_})
    return None if document is None else _from_document(document)


async def sign_ins_of_ids(mongo: Mongo, ids: Collection[str]) -> list[SignIn]:
    """Those of these that there are."""
    if not ids:
        return []
    return [_from_document(one) async for one in mongo.sign_ins.find({"_id": {"$in": list(ids)}})]


async def list_sign_ins(mongo: Mongo, subject: str | None, now: float) -> list[SignIn]:
    """Those that last, the newest first; of one subject, or (None) of all."""
    lasting: dict[str, Any] = {"ended_at": None, "expires_at": {"$gt": now}}
    wanted = lasting if subject is None else {**lasting, "subject": subject}
    return [_from_document(one) async for one in mongo.sign_ins.find(wanted).sort([("created_at", -1), ("_id", 1)])]


async def end_sign_in(mongo: Mongo, id_: str, now: float) -> None:
    """From its return on its cookie counts nowhere."""
    await mongo.sign_ins.update_one({"_id": id_, "ended_at": None}, {"$set": {"ended_at": now}})


def _from_document(document: Mapping[str, Any]) -> SignIn:
    fields = {name: document[name] for name in SignIn.__struct_fields__ if name not in ("id", "groups")}
    return SignIn(id=document["_id"], groups=tuple(document["groups"]), **fields)
