"""The collection `views`: saved views, a document each.

    {_id: as the page calls it, scope, name, name_version, version, at, subject, cards: [{k, v, version, at, subject}],
     history: [{version, at, subject, token_id, address, edits: [{part, card, before, after}]}], the newest last
     (stores/histories.py), gone_at: a date, of a deleted one alone}

`k` is a card's name and `v` its content, JSON as bytes. Rights are those on the scope, which never changes. A deleted
view is kept for GONE_S, in which its deletion can be undone; then MongoDB removes it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any, Final

from msgspec import Struct

from mldash_api.errors import NotFound, WrongParameter
from mldash_api.limits import MOST_CARDS, MOST_SAVED_VIEWS, MOST_VIEW_BYTES
from mldash_api.rights.caller import EVERYTHING
from mldash_api.run_errors import ChangeOvertaken
from mldash_api.stores.histories import pushed, with_sizes
from mldash_ingest.documents.changes import Who
from mldash_ingest.documents.mongo import DuplicateKeyError, Mongo

from .cards import AskedChange, Card, Edit, Line, View, changed, undoing
from .errors import TooManySaved, ViewOvertaken

GONE_S: Final = 30 * 86_400.0
_ATTEMPTS: Final = 20
_OF_A_LIST: Final = {"scope": 1, "name": 1, "version": 1, "at": 1, "subject": 1}


class Listed(Struct, frozen=True):
    """A view without its cards."""

    id: str
    scope: str
    name: str
    version: int
    at: float
    subject: str


class Place(Struct, frozen=True):
    """Where a page of a list ends."""

    scope: str
    id: str


async def list_views(
    mongo: Mongo, scopes: Sequence[str], within: str, after: Place | None, limit: int
) -> tuple[list[Listed], Place | None]:
    """Those on these scopes or below them, of which those on or below `within`, in the order of (scope, id); where the
    next page goes on, None at the end."""
    bounds: list[dict[str, Any]] = [{"gone_at": None}, _within([within]), _within(scopes)]
    if after is not None:
        behind = {"scope": after.scope, "_id": {"$gt": after.id}}
        bounds.append({"$or": [behind, {"scope": {"$gt": after.scope}}]})
    found = mongo.views.find({"$and": bounds}, _OF_A_LIST).sort([("scope", 1), ("_id", 1)]).limit(limit + 1)
    views = [
        Listed(one["_id"], one["scope"], one["name"], one["version"], one["at"], one["subject"]) async for one in found
    ]
    page = views[:limit]
    return page, Place(page[-1].scope, page[-1].id) if page and len(views) > limit else None


async def find_view(mongo: Mongo, id_: str) -> View | None:
    """Also a deleted one, as long as it is kept."""
    document = await mongo.views.find_one({"_id": id_}, {"history": 0})
    return None if document is None else _view(document)


async def find_history(mongo: Mongo, id_: str) -> list[Line]:
    """The newest first."""
    document = await mongo.views.find_one({"_id": id_}, {"history": 1})
    return [_line(one) for one in reversed(document["history"])] if document else []


async def change_view(mongo: Mongo, who: Who, new: View, asked: AskedChange) -> View:
    """The view after the change; where there is none yet, made of `new`, whose scope is the one that was looked at.

    Raises ViewOvertaken, NotFound (it was deleted, or another made it on another scope), TooManySaved, WrongParameter
    (it would be too large), ChangeOvertaken.
    """
    for _ in range(_ATTEMPTS):
        document = await with_sizes(mongo.views, new.id)
        view = new if document is None else _view(document)
        if view.is_gone or view.scope != new.scope:
            raise NotFound("saved view", view.id)
        made, edits = changed(view, asked, who.subject, time())
        if document is None:
            await _check_room(mongo, new.scope)
        elif not edits:
            return view
        _check_size(made)
        if await _written(mongo, who, document, made, edits):
            return made
    raise ChangeOvertaken(new.id)


async def delete_view(mongo: Mongo, who: Who, id_: str, scope: str, seen_version: int | None) -> None:
    """Gone for readers; `scope`: where it was looked at; `seen_version`: only where nothing has changed since.

    Raises NotFound, ViewOvertaken, ChangeOvertaken.
    """
    for _ in range(_ATTEMPTS):
        document, view = await _there(mongo, id_, scope)
        if view.is_gone:
            raise NotFound("saved view", id_)
        if seen_version is not None and seen_version != view.version:
            raise ViewOvertaken(id_, view.version, {"version": view.name_version, "text": view.name}, {})
        if await _written(mongo, who, document, _next(view, who, is_gone=True), [Edit("view", None, None, None)]):
            return
    raise ChangeOvertaken(id_)


async def undo_change(mongo: Mongo, who: Who, id_: str, scope: str, version: int) -> View:
    """The view after the change with this version was undone, which is a change too. `scope`: where it was looked at.

    Raises NotFound (no such view, no such line), ViewOvertaken (a later change touched the same cards),
    ChangeOvertaken.
    """
    for _ in range(_ATTEMPTS):
        line = next((one for one in await find_history(mongo, id_) if one.version == version), None)
        document, view = await _there(mongo, id_, scope)
        if line is None:
            raise NotFound("change of the saved view", str(version))
        if any(edit.part == "view" for edit in line.edits):
            if not view.is_gone or version != view.version:
                return view
            made, edits = _next(view, who, is_gone=False), [Edit("view", None, None, None)]
        elif view.is_gone:
            raise NotFound("saved view", id_)
        else:
            made, edits = changed(view, undoing(line, view), who.subject, time())
        if not edits:
            return view
        _check_size(made)
        if await _written(mongo, who, document, made, edits):
            return made
    raise ChangeOvertaken(id_)


def _within(scopes: Sequence[str]) -> dict[str, Any]:
    """Ranges, so that the index answers; "0" is what follows "/" in the order of bytes."""
    if EVERYTHING in scopes:
        return {}
    below = [{"scope": {"$gte": f"{scope}/", "$lt": f"{scope}0"}} for scope in scopes]
    return {"$or": [{"scope": {"$in": list(scopes)}}, *below]}


async def _check_room(mongo: Mongo, scope: str) -> None:
    if await mongo.views.count_documents({"scope": scope}, limit=MOST_SAVED_VIEWS) >= MOST_SAVED_VIEWS:
        raise TooManySaved("saved views", scope or "everything", MOST_SAVED_VIEWS)


def _check_size(view: View) -> None:
    if len(view.cards) > MOST_CARDS:
        raise WrongParameter("cards", f"a view has at most {MOST_CARDS} of them")
    if sum(len(key.encode()) + len(card.content) for key, card in view.cards.items()) > MOST_VIEW_BYTES:
        raise WrongParameter("cards", f"a view has at most {MOST_VIEW_BYTES} bytes")


def _next(view: View, who: Who, *, is_gone: bool) -> View:
    return View(
        id=view.id,
        scope=view.scope,
        name=view.name,
        name_version=view.name_version,
        version=view.version + 1,
        at=time(),
        subject=who.subject,
        cards=view.cards,
        is_gone=is_gone,
    )


async def _there(mongo: Mongo, id_: str, scope: str) -> tuple[Mapping[str, Any], View]:
    """Raises NotFound, also where one of the same id is on another scope by now."""
    document = await with_sizes(mongo.views, id_)
    if document is None or document["scope"] != scope:
        raise NotFound("saved view", id_)
    return document, _view(document)


async def _written(
    mongo: Mongo, who: Who, document: Mapping[str, Any] | None, made: View, edits: Sequence[Edit]
) -> bool:
    """False where another change came between."""
    line = {
        "version": made.version,
        "at": made.at,
        "subject": who.subject,
        "token_id": who.token_id,
        "address": who.address,
        "edits": [one._asdict() for one in edits],
    }
    fields = _fields(made)
    if document is None:
        try:
            await mongo.views.insert_one({"_id": made.id, **fields, "history": [line]})
        except DuplicateKeyError:
            return False
        return True
    update: dict[str, Any] = {"$set": fields, "$push": {"history": pushed(document["history"], [line])}}
    if not made.is_gone:
        update["$unset"] = {"gone_at": ""}
    done = await mongo.views.update_one({"_id": made.id, "version": document["version"]}, update)
    return bool(done.matched_count)


def _fields(view: View) -> dict[str, Any]:
    gone = {"gone_at": datetime.now(UTC) + timedelta(seconds=GONE_S)} if view.is_gone else {}
    return {
        "scope": view.scope,
        "name": view.name,
        "name_version": view.name_version,
        "version": view.version,
        "at": view.at,
        "subject": view.subject,
        "cards": [
            {"k": key, "v": card.content, "version": card.version, "at": card.at, "subject": card.subject}
            for key, card in view.cards.items()
        ],
        **gone,
    }


def _view(document: Mapping[str, Any]) -> View:
    return View(
        id=document["_id"],
        scope=document["scope"],
        name=document["name"],
        name_version=document["name_version"],
        version=document["version"],
        at=document["at"],
        subject=document["subject"],
        cards={one["k"]: Card(bytes(one["v"]), one["version"], one["at"], one["subject"]) for one in document["cards"]},
        is_gone=document.get("gone_at") is not None,
    )


def _line(document: Mapping[str, Any]) -> Line:
    edits = [Edit(one["part"], one["card"], _bytes(one["before"]), _bytes(one["after"])) for one in document["edits"]]
    said = {key: document[key] for key in ("version", "at", "subject", "token_id", "address")}
    return Line(**said, edits=tuple(edits))


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
