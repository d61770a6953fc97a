"""PUT /v1/short-urls, GET /v1/short-urls/{short_id}: addresses that are too long for a link."""

from datetime import datetime
from typing import Final, TypedDict

from litestar import Response, get, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from mldash_api.errors import NotAllowed, NotFound, WrongParameter
from mldash_api.limits import MOST_ADDRESS_BYTES
from mldash_api.rights.caller import EVERYTHING, Caller, scopes_of
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import OurCaller, OurForm, OurStores
from mldash_api.saved.addresses import Kept, find_path, keep_path
from mldash_api.times import iso_or_none

_OF_ANOTHER_HOST: Final = ("//", "/\\")
"""A browser takes what follows for a host."""


class AskedPath(Struct, frozen=True, forbid_unknown_fields=True):
    """An address of the page without its origin: path, query, fragment."""

    path: str


class ShortAnswer(TypedDict):
    """`expiresAt`: a path is kept for 400 days, and each time that it is sent or asked for they begin anew."""

    id: str
    path: str
    expiresAt: str | None


@put("/short-urls", tags=["saved"], opt=needs("read", "shown"), status_code=200)
async def kept(stores: OurStores, caller: OurCaller, form: OurForm, data: JSONBody[AskedPath]) -> Response[ShortAnswer]:
    """A short id for a long address. The same address has the same id; again: no harm."""
    check_reads(caller)
    return form.answer(_answer_of(await keep_path(stores.mongo, caller.subject, _checked(data.path))))


@get("/short-urls/{short_id:str}", tags=["saved"], opt=needs("read", "shown"))
async def long_of_short(
    short_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm
) -> Response[ShortAnswer]:
    """The address that has this id. To open it is another matter: it needs the rights that it needs."""
    check_reads(caller)
    found = await find_path(stores.mongo, short_id)
    if found is None:
        raise NotFound("short address", short_id)
    return form.answer(_answer_of(found))


def check_reads(caller: Caller) -> None:
    """Some scope at least: who has signed in and has no right has no page to shorten. Raises NotAllowed."""
    if not scopes_of(caller, "read"):
        raise NotAllowed(caller.subject, "read", EVERYTHING)


def _checked(path: str) -> str:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise WrongParameter("path", "a lone surrogate is no character") from None
    if not path.startswith("/") or path.startswith(_OF_ANOTHER_HOST) or not path.isprintable():
        raise WrongParameter("path", "it begins with one slash and has printable characters alone")
    if size > MOST_ADDRESS_BYTES:
        raise WrongParameter("path", f"it has at most {MOST_ADDRESS_BYTES} bytes")
    return path


def _answer_of(found: Kept) -> ShortAnswer:
    return {"id": found.id, "path": found.path, "expiresAt": _iso(found.until)}


def _iso(moment: datetime) -> str | None:
    return iso_or_none(moment.timestamp())
