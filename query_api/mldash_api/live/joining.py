"""How a listener comes in: by what it asks for, by an id, by a name under which a page changes what it asks for."""

import re
from typing import Final

from msgspec import Struct

from mldash_api.errors import NotFound, WrongParameter
from mldash_api.rights.admission import demand
from mldash_api.rights.caller import Caller
from mldash_api.rights.refusals import LinkOpensLess

from .asked import Asked, checked, may_read
from .errors import TooManyListeners
from .hub import Hub
from .kept import Page, count_pages, drop_page, find_kept, find_page, put_page
from .listener import BEGINNING, NOW, Listener, Start, start_of
from .positions import Id, Positions, parse_id

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_WHAT: Final = "live stream"


class Request(Struct, frozen=True, kw_only=True):
    """What a caller sends."""

    caller: Caller
    asked: Asked
    name: str | None = None
    after: str | None = None
    """An id; it counts before `start`."""
    start: str = "now"


async def join(hub: Hub, request: Request) -> Listener | None:
    """A listener that has entered: whoever gets it calls `hub.leave`. None: it is told to stop, for all is told.

    Raises WrongParameter, WrongFilter, NotAllowed, NotFound, TooManyListeners, ListenersFull, AnswerTooLarge,
    IndexBuilding, QueryTooLong, what reads raise.
    """
    page = await _page(hub, request)
    asked = page.asked if page is not None else checked(request.asked)
    if asked.is_empty:
        if page is not None:
            return None  # the page has said that it is done
        raise WrongParameter(
            "prefix", "name an experiment by `prefix`, an owner or project by `scope`, or columns by `fields`"
        )
    demand_all(request.caller, asked)
    id_ = None if request.after is None else parse_id(request.after)
    if id_ is not None and id_.has_ended and id_.hash == asked.hash:
        return None
    start = checked_start(request.start if page is None else page.start)
    positions, is_forgotten = await _positions(hub, id_)
    if id_ is not None and not is_forgotten:
        # What an id of the same asking does not name did not exist when it was made. One from before its page's change
        # goes on as if it had been there for it.
        start = BEGINNING if id_.hash == asked.hash else start if page is not None else NOW
    listener = Listener(hub, request.caller, asked, positions, page)
    hub.enter(listener)
    try:
        if is_forgotten:
            listener.is_forgotten()
        if id_ is not None and id_.hash != asked.hash:
            listener.has_changed()
        await hub.tables.join(listener)
        await hub.listen(listener, await hub.prefixes_of(listener), NOW if is_forgotten else start)
    except BaseException:
        hub.leave(listener)
        raise
    return listener


async def change_page(hub: Hub, request: Request) -> Page:
    """What is listened to under the request's name from now on. Raises as `join`."""
    name, asked = checked_page(request.name), checked(request.asked)
    checked_start(request.start)
    demand_all(request.caller, asked)
    return await _put(hub, request, name, asked)


def demand_all(caller: Caller, asked: Asked) -> None:
    """Raises NotAllowed, LinkOpensLess."""
    if caller.opens is not None and not may_read(caller, asked):
        raise LinkOpensLess(str(caller.opens), "something else")
    if caller.opens is not None:
        return
    for scope in (*asked.prefixes, *asked.scopes):
        demand(caller, "read", scope)


def checked_start(text: str) -> Start:
    try:
        return start_of(text)
    except ValueError:
        raise WrongParameter("from", f"{text[:100]!r} is not now, start or an index") from None


def checked_page(name: str | None) -> str:
    if name is None or not _NAME.fullmatch(name):
        raise WrongParameter("id", "16 to 64 letters, digits, - and _, drawn at random by whoever listens")
    return name


async def _page(hub: Hub, request: Request) -> Page | None:
    """What stands under the name counts; where nothing does, it is what the request asks for."""
    if request.name is None:
        return None
    name = checked_page(request.name)
    found = await find_page(hub.stores.mongo, name)
    if found is not None:
        if found.subject != request.caller.subject:
            raise NotFound(_WHAT, name)
        return found
    asked = checked(request.asked)
    if asked.is_empty:
        raise NotFound(_WHAT, name)
    checked_start(request.start)
    demand_all(request.caller, asked)
    return await _put(hub, request, name, asked)


async def _put(hub: Hub, request: Request, name: str, asked: Asked) -> Page:
    """Of several that come at the same moment none passes the limit: each counts when its own is there."""
    mongo, subject, limit = hub.stores.mongo, request.caller.subject, hub.settings.live_listeners_of_one
    page = Page(name=name, subject=subject, change=0, asked=asked, start=request.start)
    change = await put_page(mongo, page)
    if change is None:
        raise NotFound(_WHAT, name)
    if change == 1 and await count_pages(mongo, subject) > limit:
        await drop_page(mongo, page)
        raise TooManyListeners(limit)
    return Page(name=name, subject=subject, change=change, asked=asked, start=request.start)


async def _positions(hub: Hub, id_: Id | None) -> tuple[Positions, bool]:
    """And whether those that the id names are forgotten."""
    if id_ is None:
        return Positions(), False
    if id_.kept is None:
        return Positions(moved=id_.moved), False
    vector = await find_kept(hub.stores.mongo, id_.kept)
    return (Positions(), True) if vector is None else (Positions(vector, id_.kept, id_.moved), False)
