"""What admins do with tokens, over HTTP or with MongoDB's credentials: each change leaves its line first."""

from collections.abc import Sequence
from time import time
from typing import Final

from mldash.answers.shapes import GrantAnswer, NewTokenAnswer, TokenAnswer
from mldash_api.errors import NotFound, WrongParameter
from mldash_api.times import iso, iso_or_none
from mldash_ingest.documents.changes import Who, record_change
from mldash_ingest.documents.mongo import Mongo

from .caller import RIGHTS, Caller, Grant, allows_all, parse_scope
from .tokens import NewToken, Token, create_token, list_tokens, revoke_token, token_of_id

MOST_GRANTS: Final = 100
MOST_LETTERS: Final = 200
_DAY_S: Final = 86_400.0


async def make_token(mongo: Mongo, who: Who, asked: NewToken) -> NewTokenAnswer:
    """Raises WrongParameter. Whether `who` may is asked before."""
    check_text("subject", asked.subject)
    if asked.note:
        check_text("note", asked.note)
    if not 1 <= len(asked.grants) <= MOST_GRANTS:
        raise WrongParameter("grants", f"a token has 1 to {MOST_GRANTS} of them")
    told = "; ".join(str(grant) for grant in asked.grants)
    scope = common_scope([grant.scope for grant in asked.grants])
    await record_change(mongo, who, "make a token", scope, subject=asked.subject, grants=told)
    text, token = await create_token(mongo, asked, who.subject, time())
    return NewTokenAnswer(token=text, **answer_of(token))


async def tokens_for(mongo: Mongo, admin: Caller | None) -> list[TokenAnswer]:
    """Those that the admin may give and take; None: all of them. The newest first."""
    return [answer_of(one) for one in await list_tokens(mongo) if admin is None or allows_all(admin, one.grants)]


async def end_token(mongo: Mongo, who: Who, id_: str, admin: Caller | None) -> TokenAnswer:
    """Refused from now on. Raises NotFound, also where the admin may not take it: else ids could be tried."""
    token = await token_of_id(mongo, id_)
    if token is None or not (admin is None or allows_all(admin, token.grants)):
        raise NotFound("token", id_)
    if token.revoked_at is None:
        scope = common_scope([grant.scope for grant in token.grants])
        await record_change(mongo, who, "revoke a token", scope, subject=token.subject, token=id_)
        await revoke_token(mongo, id_, time())
    found = await token_of_id(mongo, id_)
    return answer_of(found or token)


def who(caller: Caller) -> Who:
    """As it stands in the line of a change."""
    return Who(subject=caller.subject, address=caller.address, token_id=caller.token_id)


def expiry_of(days: float | None, now: float) -> float | None:
    """Raises WrongParameter."""
    if days is None:
        return None
    if not 0 < days <= 36_500:
        raise WrongParameter("expires_in_days", f"{days:g} is not between 0 and 36,500; null: never")
    return now + days * _DAY_S


def checked_grants(grants: Sequence[GrantAnswer]) -> tuple[Grant, ...]:
    """Each once. Raises WrongParameter."""
    made = list[Grant]()
    for one in grants:
        found = [right for right in RIGHTS if right == one["right"]]
        if not found:
            raise WrongParameter("right", f"{one['right']!r} is none of {', '.join(RIGHTS)}")
        try:
            made.append(Grant(found[0], parse_scope(one["scope"])))
        except ValueError as error:
            raise WrongParameter("scope", str(error)) from None
    return tuple(dict.fromkeys(made))


def common_scope(scopes: Sequence[str]) -> str:
    """The least scope that all of these lie within: only an admin of it may read of a change to all of them."""
    first, *others = [scope.split("/") if scope else [] for scope in scopes]
    shared = len(first)
    for other in others:
        same = [a == b for a, b in zip(first, other, strict=False)]
        shared = min(shared, same.index(False) if False in same else len(same))
    return "/".join(first[:shared])


def answer_of(token: Token) -> TokenAnswer:
    return {
        "id": token.id,
        "subject": token.subject,
        "grants": [{"right": grant.right, "scope": grant.scope} for grant in token.grants],
        "note": token.note,
        "createdAt": iso(token.created_at),
        "createdBy": token.created_by,
        "expiresAt": iso_or_none(token.expires_at),
        "usedAt": iso_or_none(token.used_at),
        "revokedAt": iso_or_none(token.revoked_at),
    }


def check_text(parameter: str, text: str) -> None:
    """What people say of a token or a link. Raises WrongParameter."""
    if not 0 < len(text) <= MOST_LETTERS or not text.isprintable():
        raise WrongParameter(parameter, f"1 to {MOST_LETTERS} printable characters are allowed")
