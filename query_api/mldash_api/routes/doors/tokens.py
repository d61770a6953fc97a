"""GET, POST /v1/tokens, DELETE /v1/tokens/{token_id}, GET /v1/changes: for admins, of what they are admin of."""

from time import time
from typing import Annotated, Final, TypedDict

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from mldash.answers.shapes import GrantAnswer, NewTokenAnswer, TokenAnswer
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_ROWS
from mldash_api.rights.administering import checked_grants, end_token, expiry_of, make_token, tokens_for, who
from mldash_api.rights.admission import demand
from mldash_api.rights.caller import scopes_of
from mldash_api.rights.needed import needs
from mldash_api.rights.tokens import NewToken
from mldash_api.routes.dependencies import OurCaller, OurForm, OurStores
from mldash_api.routes.parameters import checked_count
from mldash_api.times import iso_or_none
from mldash_ingest.documents.changes import Change, list_changes

_DEFAULT_DAYS: Final = 90.0
_CHANGE_ID_BYTES: Final = 16


class AskedToken(Struct, frozen=True, forbid_unknown_fields=True):
    """`expires_in_days` null: never. Other fields than these are refused."""

    subject: str
    grants: list[GrantAnswer]
    expires_in_days: float | None = _DEFAULT_DAYS
    note: str = ""


class TokensAnswer(TypedDict):
    tokens: list[TokenAnswer]


class ChangeAnswer(TypedDict):
    """`scope`: what it is about, "" is everything. `tokenId`: of the token it came with."""

    id: str
    at: str | None
    subject: str
    tokenId: str | None
    address: str | None
    action: str
    scope: str
    details: dict[str, str]


class ChangesAnswer(TypedDict):
    """The newest first; `next` is the `before` of the page behind, null at the end."""

    changes: list[ChangeAnswer]
    next: str | None


@get("/tokens", tags=["rights"], opt=needs("admin", "shown"))
async def tokens(stores: OurStores, caller: OurCaller, form: OurForm) -> Response[TokensAnswer]:
    """Tokens whose rights all lie within what the caller is admin of, the newest first. Never their text."""
    return form.answer(TokensAnswer(tokens=await tokens_for(stores.mongo, caller)))


@post("/tokens", tags=["rights"], opt=needs("admin", "shown"))
async def new_token(
    stores: OurStores, caller: OurCaller, form: OurForm, data: JSONBody[AskedToken]
) -> Response[NewTokenAnswer]:
    """A new token. Its text stands in this answer and nowhere else. The caller must be admin of each grant's scope."""
    grants = checked_grants(data.grants)
    for grant in grants:
        demand(caller, "admin", grant.scope)
    asked = NewToken(
        subject=data.subject, grants=grants, expires_at=expiry_of(data.expires_in_days, time()), note=data.note
    )
    answer = form.answer(await make_token(stores.mongo, who(caller), asked))
    answer.headers["Cache-Control"] = "no-store"
    return answer


@delete("/tokens/{token_id:str}", tags=["rights"], opt=needs("admin", "shown"), status_code=200)
async def revoked_token(
    token_id: FromPath[str], stores: OurStores, caller: OurCaller, form: OurForm
) -> Response[TokenAnswer]:
    """Revoke a token: every later request with it is refused. Again: no harm."""
    return form.answer(await end_token(stores.mongo, who(caller), token_id, caller))


@get("/changes", tags=["rights"], opt=needs("admin", "shown"))
async def changes(
    stores: OurStores,
    caller: OurCaller,
    form: OurForm,
    limit: FromQuery[int] = DEFAULT_ROWS,
    before: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response[ChangesAnswer]:
    """Who changed what, when and from where, of what the caller is admin of."""
    count = checked_count("limit", limit, stores.settings.read_limit)
    found = await list_changes(stores.mongo, scopes_of(caller, "admin"), _id_of(before), count + 1)
    page = found[:count]
    more = page[-1].id if page and len(found) > count else None
    return form.answer(ChangesAnswer(changes=[_answer_of(one) for one in page], next=more))


def _id_of(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        id_ = bytes.fromhex(text)
    except ValueError:
        id_ = b""
    if len(id_) != _CHANGE_ID_BYTES:
        raise WrongParameter("before", "take `next` of the page before, as it is")
    return id_


def _answer_of(change: Change) -> ChangeAnswer:
    return {
        "id": change.id,
        "at": iso_or_none(change.at),
        "subject": change.who.subject,
        "tokenId": change.who.token_id,
        "address": change.who.address,
        "action": change.action,
        "scope": change.scope,
        "details": change.details,
    }
