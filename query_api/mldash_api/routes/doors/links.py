"""GET, POST /v1/links, DELETE /v1/links/{link_id}: for admins, of what they are admin of."""

from typing import Final, TypedDict

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from mldash_api.rights.administering import who
from mldash_api.rights.admission import demand
from mldash_api.rights.needed import needs
from mldash_api.rights.opened import LinkKind, Opened
from mldash_api.rights.people.links import Link
from mldash_api.rights.people.sharing import check_opened, end_link, links_for, make_link
from mldash_api.routes.dependencies import OurCaller, OurForm, OurStores
from mldash_api.routes.parameters import checked_fields, checked_name, checked_prefix
from mldash_api.times import iso_or_none

from .sign_in import NO_STORE, OpenedAnswer, opened_answer

_DEFAULT_DAYS: Final = 30.0


class AskedLink(Struct, frozen=True, forbid_unknown_fields=True):
    """`kind` experiment: `prefix` alone. chart: also `name` (null: the unnamed metric) and `fields`. range: also the
    points from index `start` to before `end`. Other fields than these are refused."""

    kind: LinkKind
    prefix: str
    name: str | None = None
    fields: list[str] = []
    start: int = 0
    end: int = 0
    expires_in_days: float = _DEFAULT_DAYS
    note: str = ""


class LinkAnswer(TypedDict):
    """Never its text."""

    id: str
    opens: OpenedAnswer | None
    note: str
    createdAt: str | None
    createdBy: str
    expiresAt: str | None
    usedAt: str | None
    revokedAt: str | None


class NewLinkAnswer(LinkAnswer):
    """`path`: put it behind the API's address, and it is the link."""

    path: str


class LinksAnswer(TypedDict):
    links: list[LinkAnswer]


@get("/links", tags=["rights"], opt=needs("admin", "shown"))
async def links(stores: OurStores, caller: OurCaller, form: OurForm) -> Response[LinksAnswer]:
    """Links to what the caller is admin of, the newest first."""
    return form.answer(LinksAnswer(links=[_answer_of(one) for one in await links_for(stores.mongo, caller)]))


@post("/links", tags=["rights"], opt=needs("admin", "shown"))
async def new_link(
    stores: OurStores, caller: OurCaller, form: OurForm, data: JSONBody[AskedLink]
) -> Response[NewLinkAnswer]:
    """A new link. Whoever has it may read the one thing that it opens, until it expires or is revoked. Its text stands
    in this answer and nowhere else. The caller must be admin of the experiment."""
    prefix = checked_prefix(data.prefix).text
    demand(caller, "admin", prefix)
    name = None if data.name is None else checked_name("name", data.name)
    fields = tuple(checked_fields("fields", data.fields) or ()) if data.fields else ()
    opens = Opened(kind=data.kind, prefix=prefix, name=name, fields=fields, start=data.start, end=data.end)
    check_opened(opens)
    text, link = await make_link(stores.mongo, who(caller), opens, data.expires_in_days, data.note)
    answer = form.answer(NewLinkAnswer(path=f"/sign-in#link={text}", **_answer_of(link)))
    answer.headers.update(NO_STORE)
    return answer


@delete("/links/{link_id:str}", tags=["rights"], opt=needs("admin", "shown"), status_code=200)
async def revoked_link(
    link_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm
) -> Response[LinkAnswer]:
    """Revoke a link: it opens nothing any more, nor do cookies that it led to. Again: no harm."""
    return form.answer(_answer_of(await end_link(stores.mongo, who(caller), link_id, caller)))


def _answer_of(link: Link) -> LinkAnswer:
    return {
        "id": link.id,
        "opens": opened_answer(link.opens) if link.opens else None,
        "note": link.note,
        "createdAt": iso_or_none(link.created_at),
        "createdBy": link.created_by,
        "expiresAt": iso_or_none(link.expires_at),
        "usedAt": iso_or_none(link.used_at),
        "revokedAt": iso_or_none(link.revoked_at),
    }
