"""Signing in and out with a browser, and who its cookie stands for.

    token, private token   its holder, as long as it holds
    link                   nobody in particular, who may see what it opens (opened.py)
    OpenID Connect         a person, with the rights of their groups (the flow is in oidc/)

Each sign-in is a new one, under a new id and with a new cookie; the one before it in that browser ends. So nobody can
put a cookie of their own choice under somebody who is about to sign in.
"""

import hmac
from collections.abc import Sequence
from time import time
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from mldash_api.errors import NotSignedIn, RequestRefused, WrongParameter
from mldash_api.rights.arrival import Arrival, arrival_of, networks_of
from mldash_api.rights.caller import ADMIN_OF_ALL, Caller
from mldash_api.rights.door import check_by_cookie, check_own_page, check_private, check_readers_on_the_way
from mldash_api.rights.proxy_user import grants_of_groups, group_rights_of
from mldash_api.rights.rates import Rates
from mldash_api.rights.refusals import TooManySignIns
from mldash_api.rights.token_text import LINK_PREFIX, hash_of, is_token
from mldash_api.rights.tokens import find_token, token_of_id
from mldash_api.settings import ApiSettings
from mldash_ingest.documents.changes import Who, record_change
from mldash_ingest.documents.mongo import Mongo

from .cookies import ROOT, About, cookie_of, is_path, value_of
from .links import Link, link_of_id, use_link
from .sign_ins import SignIn, Way, begin_sign_in, end_sign_in, find_sign_in
from .signing_keys import SigningKeys

Connection = ASGIConnection[Any, Any, Any, Any]

FAILURES_PER_S: Final = 0.1
_FAILURES_BURST_S: Final = 100.0  # ten at once
ALL_PER_S: Final = 1.0
_ALL_BURST_S: Final = 300.0
_PRIVATE: Final = "local"
_NOBODY: Final = "nobody signs in here: whoever reaches this API may use it"


class Browsers:
    """One an API process."""

    def __init__(self, settings: ApiSettings, mongo: Mongo, private: str | None) -> None:
        """`private`: the private token, where there is one. Raises SigningKeysUnusable."""
        self._settings, self._mongo = settings, mongo
        self._private = hash_of(private).hex() if private else None
        self._trusted = networks_of(settings.trusted_proxies)
        self._group_rights = group_rights_of(settings.group_rights)
        self._failures = Rates(FAILURES_PER_S, burst_s=_FAILURES_BURST_S, refusal=TooManySignIns)
        # Each one leaves a document until it ends, and who has a link can begin as many as they like.
        self._all = Rates(ALL_PER_S, burst_s=_ALL_BURST_S, refusal=TooManySignIns)
        self.keys = SigningKeys(settings.signing_keys, settings.signing_keys_file)

    @property
    def ways(self) -> list[str]:
        """How a person can sign in here."""
        if not self._is_guarded:
            return []
        return ["token", "oidc"] if self._settings.auth == "oidc" else ["token"]

    @property
    def _is_guarded(self) -> bool:
        return self._settings.auth not in (None, "open") or self._private is not None

    def arrive(self, connection: Connection) -> Arrival:
        """Who is about to sign in: nobody may read along. Raises RequestRefused, TooManySignIns."""
        arrival = arrival_of(connection, self._trusted)
        if not self._is_guarded:
            raise RequestRefused(_NOBODY)
        check_private(arrival)
        if self._private is None:
            check_readers_on_the_way(arrival)
        self._all.take(arrival.address or "")
        return arrival

    async def enter(self, connection: Connection, text: str, path: str) -> tuple[Caller, Cookie]:
        """Sign in with a token, or the text of a link. `path`: below which the cookie is sent.

        Raises RequestRefused, TooManySignIns, NotSignedIn, WrongParameter.
        """
        arrival = self.arrive(connection)
        check_own_page(arrival)
        if not is_path(path):
            raise WrongParameter("path", "it is no path of a cookie: it begins and ends with /")
        self.count_attempt(arrival)
        now = time()
        way, subject, of, ends_at = await self._holder_of(text, now)
        self.forget_attempt(arrival)
        return await self.begin(connection, arrival, way, subject, of, ends_at=ends_at, path=path)

    def count_attempt(self, arrival: Arrival) -> None:
        """As failed, until it is known that it has not. Raises TooManySignIns."""
        self._failures.take(arrival.address or "")

    def forget_attempt(self, arrival: Arrival) -> None:
        """It has not failed."""
        self._failures.give_back(arrival.address or "")

    async def begin(
        self,
        connection: Connection,
        arrival: Arrival,
        way: Way,
        subject: str,
        of: str,
        *,
        ends_at: float | None = None,
        groups: Sequence[str] = (),
        path: str = ROOT,
    ) -> tuple[Caller, Cookie]:
        """A new sign-in, whose holder has shown who they are; it ends at `ends_at` at the latest."""
        now = time()
        until = min(now + self._settings.session_s, ends_at or float("inf"))
        if way != "link":  # whoever has a link is nobody in particular; the making of it has a line
            who = Who(subject=subject, address=arrival.address, token_id=of if way == "token" else None)
            await record_change(self._mongo, who, "sign in", "", way=way)
        before = self._id_in(connection, arrival)
        made = await begin_sign_in(self._mongo, way, subject, of, arrival.address, now, until, groups)
        if before is not None:
            await end_sign_in(self._mongo, before, now)
        value = self.keys.sign("mldash sign-in", {"id": made.id}, until)
        return await self._caller_of(made, arrival, now), cookie_of("sign-in", value, until - now, arrival, path)

    async def caller(self, connection: Connection, arrival: Arrival, method: str) -> Caller | None:
        """Who the browser's cookie stands for; None: it sent none. Raises RequestRefused, NotSignedIn."""
        text = value_of("sign-in", connection.cookies, arrival)
        if text is None:
            return None
        check_by_cookie(arrival, method)
        now = time()
        body = self.keys.opened("mldash sign-in", text, now)
        if body is None:
            raise NotSignedIn(
                "this browser's cookie has ended, or was signed by keys that are not known here (several API "
                "processes need the same MLDASH_SIGNING_KEYS): sign in again",
                is_invalid=True,
            )
        return await self._caller_of(await find_sign_in(self._mongo, body["id"], now), arrival, now)

    async def leave(self, caller: Caller) -> None:
        """Sign out: the cookie counts no longer, wherever it is."""
        if caller.sign_in_id is not None:
            await end_sign_in(self._mongo, caller.sign_in_id, time())

    def without(self, connection: Connection, about: About, path: str = ROOT) -> Cookie:
        """What takes the browser's cookie away."""
        return cookie_of(about, "", 0, arrival_of(connection, self._trusted), path)

    def _id_in(self, connection: Connection, arrival: Arrival) -> str | None:
        text = value_of("sign-in", connection.cookies, arrival)
        body = self.keys.opened("mldash sign-in", text, time()) if text else None
        return str(body["id"]) if body else None

    async def _holder_of(self, text: str, now: float) -> tuple[Way, str, str, float | None]:
        """The way, the subject, what it is made by, and when that ends. Raises NotSignedIn."""
        if is_token(text, LINK_PREFIX):
            link = await use_link(self._mongo, text, now)
            if link.opens is not None:
                return "link", _guest(link), link.id, link.expires_at
            if self._private is None:
                raise NotSignedIn("this link is for the API of a local stack", is_invalid=True)
            return "private", _PRIVATE, self._private, None
        if self._private is None:
            token = await find_token(self._mongo, text, now)
            return "token", token.subject, token.id, token.expires_at
        if not hmac.compare_digest(hash_of(text).hex(), self._private):
            raise NotSignedIn(f"the token is not that of {self._settings.private_token_file}", is_invalid=True)
        return "private", _PRIVATE, self._private, None

    async def _caller_of(self, found: SignIn, arrival: Arrival, now: float) -> Caller:
        """Raises NotSignedIn: what it was made by holds no longer, or is not the way in any more."""
        if found.way == "link":
            return _by_link(found, arrival, await link_of_id(self._mongo, found.of), now)
        grants, token_id, ended = ADMIN_OF_ALL, None, "the way in which this browser signed in is closed"
        if found.way == "token":
            token = await token_of_id(self._mongo, found.of) if self._settings.auth not in (None, "open") else None
            ended = (token.why_refused(now) if token else ended) or ""
            grants, token_id = token.grants if token else (), found.of
        elif found.way == "private":
            ended = "" if self._private and hmac.compare_digest(found.of, self._private) else ended
        elif self._settings.auth == "oidc" and found.of == self._settings.oidc_issuer:
            ended, grants = "", grants_of_groups(found.groups, self._group_rights)
        if ended:
            raise NotSignedIn(f"{ended}; sign in again", is_invalid=True)
        return Caller(
            subject=found.subject,
            grants=grants,
            is_private=arrival.is_private,
            is_somebody=found.way != "private",
            address=arrival.address,
            token_id=token_id,
            sign_in_id=found.id,
            until=found.expires_at,
        )


def _by_link(found: SignIn, arrival: Arrival, link: Link | None, now: float) -> Caller:
    """Raises NotSignedIn."""
    if link is None or link.opens is None or (reason := link.why_closed(now)):
        told = reason if link is not None and link.opens is not None else "the link is gone"
        raise NotSignedIn(f"{told}; ask who gave it to you for another", is_invalid=True)
    return Caller(
        subject=found.subject,
        grants=(),
        is_private=arrival.is_private,
        is_somebody=False,
        address=arrival.address,
        sign_in_id=found.id,
        until=found.expires_at,
        opens=link.opens,
    )


def _guest(link: Link) -> str:
    return f"guest by link {link.id}"
