"""GET /v1/saved-views, GET, PUT, DELETE /v1/saved-views/{view_id}, GET …/history, POST …/undo."""

import re
from typing import Annotated, Any, Final, Literal, TypedDict, cast

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct, field

from mldash_api.errors import NotFound, WrongParameter
from mldash_api.limits import DEFAULT_ROWS, MOST_CARD_BYTES, MOST_CARD_DEPTH, MOST_CARDS, MOST_LETTERS
from mldash_api.rights.administering import check_text, who
from mldash_api.rights.admission import demand
from mldash_api.rights.caller import Caller, allows, parse_scope, scopes_of
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import OurCaller, OurForm, OurStores
from mldash_api.routes.parameters import checked_count
from mldash_api.saved.cards import AskedCard, AskedChange, AskedName, Card, Line, View
from mldash_api.saved.views import (
    Place,
    change_view,
    delete_view,
    find_history,
    find_view,
    list_views,
    undo_change,
)
from mldash_api.stores.streams import Stores
from mldash_api.times import iso_or_none
from mldash_ingest.documents.changes import record_change

_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


class NameBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: of the name that the writer saw; 0: the view is new."""

    text: str
    version: int = 0


class CardBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: of the card that the writer saw; 0: it was not there. `content` null: remove it."""

    content: Any
    version: int = 0


class ViewBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A change: what it does not name stays as it is. `scope` is said of a new view, and never changes."""

    scope: str | None = None
    name: NameBody | None = None
    cards: dict[str, CardBody] = field(default_factory=dict)


class UndoBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: of the change, as the history has it."""

    version: int


class CardAnswer(TypedDict):
    version: int
    content: Any
    changedAt: str | None
    changedBy: str


class ViewAnswer(TypedDict):
    """`version`: how often the view was changed."""

    id: str
    scope: str
    name: str
    nameVersion: int
    version: int
    changedAt: str | None
    changedBy: str
    cards: dict[str, CardAnswer]


class ListedView(TypedDict):
    id: str
    scope: str
    name: str
    version: int
    changedAt: str | None
    changedBy: str


class ViewsAnswer(TypedDict):
    """In the order of (scope, id); `next` is the `cursor` of the page behind, null at the end."""

    views: list[ListedView]
    next: str | None


class ViewEdit(TypedDict):
    """`part`: `name`, `card`, or `view`: deleted, or had back. Null: the card was not there before, or is not after."""

    part: Literal["name", "card", "view"]
    card: str | None
    before: Any
    after: Any


class ViewChange(TypedDict):
    version: int
    at: str | None
    subject: str
    tokenId: str | None
    address: str | None
    edits: list[ViewEdit]


class ViewHistory(TypedDict):
    """The newest first, at most 1,000 and 4 MB."""

    history: list[ViewChange]


@get("/saved-views", tags=["saved"], opt=needs("read", "shown"))
async def views(
    stores: OurStores,
    caller: OurCaller,
    form: OurForm,
    within: Annotated[
        str, QueryParameter(name="scope", description="An owner, a project, an experiment; all by default.")
    ] = "",
    limit: FromQuery[int] = DEFAULT_ROWS,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response[ViewsAnswer]:
    """Saved views on a scope and below it, of those that the caller may read, without their cards."""
    count = checked_count("limit", limit, stores.settings.read_limit)
    readable, after = scopes_of(caller, "read"), _place_of(cursor)
    found, last = await list_views(stores.mongo, readable, _scope(within), after, count)
    listed: list[ListedView] = [
        {
            "id": one.id,
            "scope": one.scope,
            "name": one.name,
            "version": one.version,
            "changedAt": iso_or_none(one.at),
            "changedBy": one.subject,
        }
        for one in found
    ]
    return form.answer({"views": listed, "next": None if last is None else f"{last.id} {last.scope}"})


@get("/saved-views/{view_id:str}", tags=["saved"], opt=needs("read", "shown"))
async def view(view_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm) -> Response[ViewAnswer]:
    """One view with all its cards."""
    found = await _readable(stores, caller, view_id)
    if found.is_gone:
        raise NotFound("saved view", view_id)
    return form.answer(_answer_of(found))


@put("/saved-views/{view_id:str}", tags=["saved"], opt=needs("write", "shown"), status_code=200)
async def changed_view(
    view_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm, data: JSONBody[ViewBody]
) -> Response[ViewAnswer]:
    """Make a view, or change some of its cards, or its name. Changes of different cards merge; where another changed
    one of the same cards first, nothing is saved, and the problem `view-overtaken` has what is there now. Again: no
    harm."""
    new, asked = await _new_of(stores, caller, view_id, data), _change_of(data)
    details = {"view": view_id, "cards": ", ".join(list(asked.cards)[:10])}
    await record_change(stores.mongo, who(caller), "change a saved view", new.scope, **details)
    return form.answer(_answer_of(await change_view(stores.mongo, who(caller), new, asked)))


@delete("/saved-views/{view_id:str}", tags=["saved"], opt=needs("write", "shown"), status_code=200)
async def deleted_view(
    view_id: FromPath[str],
    stores: OurStores,
    caller: OurCaller,
    form: OurForm,
    version: Annotated[int | None, QueryParameter(description="Only where nothing has changed since.")] = None,
) -> Response[ViewHistory]:
    """Delete a view. For 30 days it can be had back: undo the change that the answer begins with."""
    found = await _writable(stores, caller, view_id)
    await record_change(stores.mongo, who(caller), "delete a saved view", found.scope, view=view_id)
    await delete_view(stores.mongo, who(caller), view_id, found.scope, version)
    return form.answer({"history": [_change_answer(one) for one in (await find_history(stores.mongo, view_id))[:1]]})


@get("/saved-views/{view_id:str}/history", tags=["saved"], opt=needs("read", "shown"))
async def history(view_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm) -> Response[ViewHistory]:
    """Who changed which card, when, from what to what; also of a view that was deleted, for 30 days."""
    await _readable(stores, caller, view_id)
    return form.answer({"history": [_change_answer(one) for one in await find_history(stores.mongo, view_id)]})


@post("/saved-views/{view_id:str}/undo", tags=["saved"], opt=needs("write", "shown"), status_code=200)
async def undone(
    view_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm, data: JSONBody[UndoBody]
) -> Response[ViewAnswer]:
    """Take a change back, as a change of its own, which can be undone too. Where a later change touched the same cards
    nothing is done, and the problem `view-overtaken` has these."""
    found = await _writable(stores, caller, view_id)
    details = {"view": view_id, "version": str(data.version)}
    await record_change(stores.mongo, who(caller), "undo a change of a saved view", found.scope, **details)
    made = await undo_change(stores.mongo, who(caller), view_id, found.scope, data.version)
    return form.answer(_answer_of(made))


async def _readable(stores: Stores, caller: Caller, id_: str) -> View:
    """Raises NotFound, also where the caller may not read it: else ids could be tried."""
    found = await find_view(stores.mongo, id_)
    if found is None or not allows(caller, "read", found.scope):
        raise NotFound("saved view", id_)
    return found


async def _writable(stores: Stores, caller: Caller, id_: str) -> View:
    """Raises NotFound, or NotAllowed where the caller may read it alone."""
    found = await _readable(stores, caller, id_)
    demand(caller, "write", found.scope)
    return found


async def _new_of(stores: Stores, caller: Caller, id_: str, data: ViewBody) -> View:
    """The view of this id where there is none: only its scope counts where there is one."""
    scope = None if data.scope is None else _scope(data.scope)
    known = await find_view(stores.mongo, id_)
    if known is not None:
        if not allows(caller, "read", known.scope):
            raise NotFound("saved view", id_)
        demand(caller, "write", known.scope)
        if scope is not None and scope != known.scope:
            raise WrongParameter("scope", f"this view is of {known.scope or 'everything'}: save it under another id")
        return View(id=id_, scope=known.scope)
    if not _ID.fullmatch(id_):
        raise WrongParameter("view_id", "it has 16 to 64 letters, digits, `-` and `_`: draw it at random")
    if scope is None or data.name is None:
        raise NotFound("saved view", id_)
    demand(caller, "write", scope)
    return View(id=id_, scope=scope)


def _change_of(data: ViewBody) -> AskedChange:
    checked_count("number of cards", len(data.cards), MOST_CARDS)
    if data.name is not None:
        check_text("name", data.name.text)
    for key in data.cards:
        if not 0 < len(key) <= MOST_LETTERS or not key.isprintable():
            raise WrongParameter("cards", f"a card's name has 1 to {MOST_LETTERS} printable characters")
    return AskedChange(
        name=None if data.name is None else AskedName(data.name.version, data.name.text),
        cards={key: AskedCard(one.version, content_of(key, one.content)) for key, one in data.cards.items()},
    )


def content_of(key: str, content: Any) -> bytes | None:
    """A card's, as it is kept. Raises WrongParameter where it can't be told in every form of an answer."""
    if content is None:
        return None
    _check_depth(key, content)
    try:
        encoded = msgspec.json.encode(content)
        msgspec.msgpack.encode(content)
    except (OverflowError, UnicodeEncodeError, msgspec.MsgspecError) as error:
        raise WrongParameter("cards", f"{key!r} holds what can't be kept: {error}") from None
    checked_count(f"bytes of card {key!r}", len(encoded), MOST_CARD_BYTES)
    return encoded


def _check_depth(key: str, content: Any) -> None:
    level, depth = [content], 0
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        if depth > MOST_CARD_DEPTH:
            raise WrongParameter("cards", f"{key!r} is deeper than {MOST_CARD_DEPTH} lists and objects in each other")
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]


def _scope(text: str) -> str:
    try:
        return parse_scope(text)
    except ValueError as error:
        raise WrongParameter("scope", str(error)) from None


def _place_of(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    id_, blank, scope = cursor.partition(" ")
    if not blank:
        raise WrongParameter("cursor", "take `next` of the page before, as it is")
    return Place(scope, id_)


def _answer_of(found: View) -> ViewAnswer:
    return {
        "id": found.id,
        "scope": found.scope,
        "name": found.name,
        "nameVersion": found.name_version,
        "version": found.version,
        "changedAt": iso_or_none(found.at),
        "changedBy": found.subject,
        "cards": {key: _card_answer(one) for key, one in found.cards.items()},
    }


def _card_answer(card: Card) -> CardAnswer:
    return {
        "version": card.version,
        "content": msgspec.json.decode(card.content),
        "changedAt": iso_or_none(card.at),
        "changedBy": card.subject,
    }


def _change_answer(line: Line) -> ViewChange:
    edits: list[ViewEdit] = [
        {
            "part": cast("Literal['name', 'card', 'view']", one.part),
            "card": one.card,
            "before": None if one.before is None else msgspec.json.decode(one.before),
            "after": None if one.after is None else msgspec.json.decode(one.after),
        }
        for one in line.edits
    ]
    return {
        "version": line.version,
        "at": iso_or_none(line.at),
        "subject": line.subject,
        "tokenId": line.token_id,
        "address": line.address,
        "edits": edits,
    }
