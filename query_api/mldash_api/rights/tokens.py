"""The tokens that are stored, by the SHA-256 of their text (docs/storage.md, `tokens`).

A look-up goes by the id, which is public, and compares the whole hash in constant time. Each look-up asks MongoDB, so
what was revoked is refused by every API process at once. A revoked token stays as a document: its id can stand in the
lines of changes for ever.
"""

import hmac
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from mldash_api.errors import NotSignedIn
from mldash_ingest.documents.mongo import DuplicateKeyError, Mongo

from .caller import Grant
from .token_text import hash_of, id_of, is_token, new_token

_USE_WRITTEN_EVERY_S: Final = 60.0
_ANOTHER: Final = "make another: mldash token create"


class Token(Struct, frozen=True, kw_only=True):
    """What is known of a token but its text. Times are seconds since the epoch."""

    id: str
    subject: str
    grants: tuple[Grant, ...]
    note: str
    created_at: float
    created_by: str
    expires_at: float | None
    """None: never."""
    used_at: float | None
    """Of its last use, to a minute."""
    revoked_at: float | None

    def why_refused(self, now: float) -> str | None:
        """None: it holds."""
        if self.revoked_at is not None:
            return f"token {self.id} was revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return f"token {self.id} has expired"
        return None


class NewToken(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    subject: str
    grants: tuple[Grant, ...]
    expires_at: float | None
    note: str = ""


async def create_token(mongo: Mongo, asked: NewToken, by: str, now: float) -> tuple[str, Token]:
    """A new one: its text, which nobody can tell again, and what is stored of it."""
    while True:
        text = new_token()
        hashed = hash_of(text)
        token = Token(
            id=id_of(hashed),
            subject=asked.subject,
            grants=asked.grants,
            note=asked.note,
            created_at=now,
            created_by=by,
            expires_at=asked.expires_at,
            used_at=None,
            revoked_at=None,
        )
        try:
            await mongo.tokens.insert_one(_to_document(token, hashed))
        except DuplicateKeyError:
            continue  # two of 2**64 ids are the same
        return text, token


async def find_token(mongo: Mongo, text: str, now: float) -> Token:
    """The token of this text, while it holds; notes its use. Raises NotSignedIn, which says why it does not."""
    if not is_token(text):
        raise NotSignedIn(f"what was sent is no token of ours, or not all of it; {_ANOTHER}", is_invalid=True)
    hashed = hash_of(text)
    document = await mongo.tokens.find_one({"_id": id_of(hashed)})
    if document is None or not hmac.compare_digest(document["hash"], hashed):
        raise NotSignedIn(f"there is no token {id_of(hashed)}; {_ANOTHER}", is_invalid=True)
    token = _from_document(document)
    if reason := token.why_refused(now):
        raise NotSignedIn(f"{reason}; {_ANOTHER}", is_invalid=True)
    if token.used_at is None or now - token.used_at >= _USE_WRITTEN_EVERY_S:
        await mongo.tokens.update_one({"_id": token.id}, {"$max": {"used_at": now}})
    return token


async def list_tokens(mongo: Mongo) -> list[Token]:
    """All of them, the newest first."""
    return [_from_document(one) async for one in mongo.tokens.find().sort([("created_at", -1), ("_id", 1)])]


async def token_of_id(mongo: Mongo, id_: str) -> Token | None:
    document = await mongo.tokens.find_one({"_id": id_})
    return None if document is None else _from_document(document)


async def tokens_of_ids(mongo: Mongo, ids: Collection[str]) -> list[Token]:
    """Those of these that there are."""
    if not ids:
        return []
    return [_from_document(one) async for one in mongo.tokens.find({"_id": {"$in": list(ids)}})]


async def revoke_token(mongo: Mongo, id_: str, now: float) -> bool:
    """Whether it held until now. From its return on, every look-up refuses it."""
    done = await mongo.tokens.update_one({"_id": id_, "revoked_at": None}, {"$set": {"revoked_at": now}})
    return bool(done.modified_count)


def to_stored(grants: Iterable[Grant]) -> list[dict[str, str]]:
    """As they stand in documents."""
    return [{"right": grant.right, "scope": grant.scope} for grant in grants]


def _to_document(token: Token, hashed: bytes) -> dict[str, Any]:
    fields = {name: getattr(token, name) for name in token.__struct_fields__ if name not in ("id", "grants")}
    return {"_id": token.id, "hash": hashed, "grants": to_stored(token.grants), **fields}


def _from_document(document: Mapping[str, Any]) -> Token:
    fields = {name: document[name] for name in Token.__struct_fields__ if name not in ("id", "grants")}
    grants = tuple(Grant(one["right"], one["scope"]) for one in document["grants"])
    return Token(id=document["_id"], grants=grants, **fields)
