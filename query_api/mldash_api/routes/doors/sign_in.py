"""GET, POST /v1/sign-in, POST /v1/sign-out, GET /v1/me, GET /v1/sign-ins, DELETE /v1/sign-ins/{sign_in_id}"""

from time import time
from typing import Any, Final, TypedDict

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Struct

from mldash.answers.shapes import GrantAnswer
from mldash_api.errors import NotFound
from mldash_api.rights.administering import who
from mldash_api.rights.caller import EVERYTHING, Caller, allows
from mldash_api.rights.needed import OPEN, needs
from mldash_api.rights.opened import LINK_KINDS, Opened
from mldash_api.rights.people.browsers import Browsers
from mldash_api.rights.people.cookies import ROOT
from mldash_api.rights.people.sign_ins import SignIn, end_sign_in, list_sign_ins, sign_in_of_id
from mldash_api.routes.dependencies import OurCaller, OurForm, OurStores
from mldash_api.times import iso_or_none
from mldash_ingest.documents.changes import record_change

OurBrowsers = NamedDependency[SkipValidation[Browsers]]

NO_STORE: Final = {"Cache-Control": "no-store"}


class AskedSignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """`token`: a token (mld_…), or the text of a link (mll_…). `path`: below which the browser sends the cookie, where
    other paths of the host are another's."""

    token: str
    path: str = ROOT


class WaysAnswer(TypedDict):
    """`token`, `oidc`; none where nobody signs in."""

    ways: list[str]


class OpenedAnswer(TypedDict):
    """`name` null: the unnamed metric. `fields`, `start` and `end` are of charts and ranges."""

    kind: str
    prefix: str
    name: str | None
    fields: list[str]
    start: int
    end: int


class MeAnswer(TypedDict):
    """`isSomebody`: whether the subject is one person or service. `until` null: no end is known here. `opens`: of who
    came by a link, all that they may read."""

    subject: str
    isSomebody: bool
    grants: list[GrantAnswer]
    until: str | None
    tokenId: str | None
    signInId: str | None
    opens: OpenedAnswer | None


class SignInAnswer(TypedDict):
    """`way`: token, private, oidc, link."""

    id: str
    way: str
    subject: str
    groups: list[str]
    address: str | None
    createdAt: str | None
    expiresAt: str | None
    endedAt: str | None


class SignInsAnswer(TypedDict):
    signIns: list[SignInAnswer]


@get("/sign-in", tags=["sign-in"], opt=OPEN)
async def ways(browsers: OurBrowsers, form: OurForm) -> Response[WaysAnswer]:
    """How a person can sign in here."""
    return form.answer(WaysAnswer(ways=browsers.ways))


@post("/sign-in", tags=["sign-in"], opt=OPEN, status_code=200)
async def sign_in(
    request: Request[Any, Any, Any], browsers: OurBrowsers, form: OurForm, data: JSONBody[AskedSignIn]
) -> Response[MeAnswer]:
    """Sign a browser in with a token or a link: the answer sets a cookie. Needs the Origin of our own page; the sign-in
    that the browser had ends."""
    caller, cookie = await browsers.enter(request, data.token, data.path)
    answer = form.answer(me_of(caller))
    answer.set_cookie(cookie)
    answer.headers.update(NO_STORE)
    return answer


@post("/sign-out", tags=["sign-in"], opt=needs("read", "shown", LINK_KINDS), status_code=200)
async def sign_out(
    request: Request[Any, Any, Any], browsers: OurBrowsers, caller: OurCaller, form: OurForm
) -> Response[MeAnswer]:
    """The browser's cookie counts no longer, anywhere. Of a token that was sent: no harm, it holds on."""
    await browsers.leave(caller)
    answer = form.answer(me_of(caller))
    answer.set_cookie(browsers.without(request, "sign-in"))
    answer.headers.update(NO_STORE)
    return answer


@get("/me", tags=["sign-in"], opt=needs("read", "shown", LINK_KINDS))
async def me(caller: OurCaller, form: OurForm) -> Response[MeAnswer]:
    """Who the caller is, what they may, and until when."""
    answer = form.answer(me_of(caller))
    answer.headers.update(NO_STORE)
    return answer


@get("/sign-ins", tags=["sign-in"], opt=needs("read", "shown"))
async def sign_ins(stores: OurStores, caller: OurCaller, form: OurForm) -> Response[SignInsAnswer]:
    """Browsers that are signed in, the newest first: the caller's own; all of them for admins of everything."""
    subject = None if allows(caller, "admin", EVERYTHING) else caller.subject
    found = await list_sign_ins(stores.mongo, subject, time())
    return form.answer(SignInsAnswer(signIns=[_answer_of(one) for one in found]))


@delete("/sign-ins/{sign_in_id:str}", tags=["sign-in"], opt=needs("read", "shown"), status_code=200)
async def ended_sign_in(
    sign_in_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm
) -> Response[SignInAnswer]:
    """Sign a browser out: one's own, or as an admin of everything anybody's."""
    found = await sign_in_of_id(stores.mongo, sign_in_id)
    if found is None or not (_is_own(found, caller) or allows(caller, "admin", EVERYTHING)):
        raise NotFound("sign-in", sign_in_id)
    if found.ended_at is None:
        await record_change(
            stores.mongo, who(caller), "end a sign-in", EVERYTHING, subject=found.subject, sign_in=sign_in_id
        )
        await end_sign_in(stores.mongo, sign_in_id, time())
    return form.answer(_answer_of(await sign_in_of_id(stores.mongo, sign_in_id) or found))


def _is_own(found: SignIn, caller: Caller) -> bool:
    return caller.is_somebody and found.way != "link" and found.subject == caller.subject


def me_of(caller: Caller) -> MeAnswer:
    return {
        "subject": caller.subject,
        "isSomebody": caller.is_somebody,
        "grants": [{"right": grant.right, "scope": grant.scope} for grant in caller.grants],
        "until": iso_or_none(caller.until),
        "tokenId": caller.token_id,
        "signInId": caller.sign_in_id,
        "opens": opened_answer(caller.opens) if caller.opens else None,
    }


def opened_answer(opened: Opened) -> OpenedAnswer:
    return {
        "kind": opened.kind,
        "prefix": opened.prefix,
        "name": opened.name,
        "fields": list(opened.fields),
        "start": opened.start,
        "end": opened.end,
    }


def _answer_of(found: SignIn) -> SignInAnswer:
    return {
        "id": found.id,
        "way": found.way,
        "subject": found.subject,
        "groups": list(found.groups),
        "address": found.address,
        "createdAt": iso_or_none(found.created_at),
        "expiresAt": iso_or_none(found.expires_at),
        "endedAt": iso_or_none(found.ended_at),
    }
