"""Links that open one thing to whoever has them, and the one that signs in the first time (docs/storage.md, `links`).

A link's text is a token's (token_text.py) with another prefix, `mll_`; only its SHA-256 is stored. It stands behind the
`#` of an address, which browsers send to nobody: it is in no log, and what fetches an address to show a preview does
not have it. The page behind the address sends it in a body, and gets a cookie for it.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from mldash_api.errors import NotSignedIn
from mldash_api.rights.opened import Opened, from_document, in_document
from mldash_api.rights.token_text import LINK_PREFIX, hash_of, id_of, new_token
from mldash_ingest.documents.mongo import DuplicateKeyError, Mongo

ONCE_S: Final = 600.0
_ANOTHER: Final = "ask who gave it to you for another"
_USE_WRITTEN_EVERY_S: Final = 60.0
_FIRST: Final = {"kind": "first sign-in"}


class Link(Struct, frozen=True, kw_only=True):
    """What is known of a link but its text. Times are seconds since the epoch. `opens` None: it signs in, once."""

    id: str
    opens: Opened | None
    note: str
    created_at: float
    created_by: str
    expires_at: float
    used_at: float | None
    revoked_at: float | None

    def why_closed(self, now: float) -> str | None:
        """None: it holds."""
        if self.revoked_at is not None:
            return f"link {self.id} was revoked"
        if now >= self.expires_at:
            return f"link {self.id} has expired"
        return None


async def create_link(
    mongo: Mongo, opens: Opened | None, expires_at: float, by: str, now: float, note: str = ""
) -> tuple[str, Link]:
    """A new one: its text, which nobody can tell again, and what is stored of it."""
    while True:
        text = new_token(LINK_PREFIX)
        hashed = hash_of(text)
        link = Link(
            id=id_of(hashed),
            opens=opens,
            note=note,
            created_at=now,
            created_by=by,
            expires_at=expires_at,
            used_at=None,
            revoked_at=None,
        )
        fields = {name: getattr(link, name) for name in Link.__struct_fields__ if name not in ("id", "opens")}
        # A link for one use is of no interest once it has ended; of others the id can stand in lines of changes.
        gone_at = datetime.fromtimestamp(expires_at, UTC) if opens is None else None
        stored = in_document(opens) if opens else _FIRST
        try:
            await mongo.links.insert_one(
                {"_id": link.id, "hash": hashed, "opens": stored, "gone_at": gone_at, **fields}
            )
        except DuplicateKeyError:
            continue  # two of 2**64 ids are the same
        return text, link


async def use_link(mongo: Mongo, text: str, now: float) -> Link:
    """The link of this text, while it holds; one for a single use is used up by this. Raises NotSignedIn."""
    hashed = hash_of(text)
    document = await mongo.links.find_one({"_id": id_of(hashed)})
    if document is None or not hmac.compare_digest(document["hash"], hashed):
        raise NotSignedIn(f"there is no such link; {_ANOTHER}", is_invalid=True)
    link = _from_document(document)
    if reason := link.why_closed(now):
        raise NotSignedIn(f"{reason}; {_ANOTHER}", is_invalid=True)
    if link.opens is not None:
        if link.used_at is None or now - link.used_at >= _USE_WRITTEN_EVERY_S:
            await mongo.links.update_one({"_id": link.id}, {"$max": {"used_at": now}})
        return link
    # Of two who come with it at the same time one is first.
    done = await mongo.links.update_one({"_id": link.id, "used_at": None}, {"$set": {"used_at": now}})
    if not done.modified_count:
        raise NotSignedIn(f"link {link.id} was for one use, and has been used; {_ANOTHER}", is_invalid=True)
    return link


async def link_of_id(mongo: Mongo, id_: str) -> Link | None:
    document = await mongo.links.find_one({"_id": id_})
    return None if document is None else _from_document(document)


async def list_links(mongo: Mongo) -> list[Link]:
    """Those that open something, the newest first."""
    found = mongo.links.find({"opens.kind": {"$ne": _FIRST["kind"]}}).sort([("created_at", -1), ("_id", 1)])
    return [_from_document(one) async for one in found]


async def revoke_link(mongo: Mongo, id_: str, now: float) -> None:
    """From its return on, nobody comes in by it, who has come in by it neither."""
    await mongo.links.update_one({"_id": id_, "revoked_at": None}, {"$set": {"revoked_at": now}})


def _from_document(document: Mapping[str, Any]) -> Link:
    fields = {name: document[name] for name in Link.__struct_fields__ if name not in ("id", "opens")}
    opens = None if document["opens"] == _FIRST else from_document(document["opens"])
    return Link(id=document["_id"], opens=opens, **fields)
