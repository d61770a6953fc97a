"""The guard in front of every route: who calls, and whether what they ask is theirs. Nothing of a body is read before.

    auth     who is the caller
    unset    loopback alone: whoever reaches it is admin of everything; with a private token, who sends it
    tokens   who the token of the Authorization header was made for; or without one, who has signed in with the browser
    oidc     the same; people sign in at an OpenID provider
    proxy    whom a trusted proxy has signed in; with an Authorization header, as tokens
    open     anybody, who is admin of everything

Who came by a link gets what it opens, of the routes that say so. A route that states no right is refused to everybody
(needed.py).
"""

import hmac
from collections.abc import Sequence
from time import time
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from mldash_api.errors import NotAllowed, NotSignedIn, RequestRefused, WrongParameter
from mldash_api.settings import ApiSettings
from mldash_ingest.documents.mongo import Mongo

from .arrival import Arrival, arrival_of, networks_of
from .caller import ADMIN_OF_ALL, EVERYTHING, Caller, Right, allows, parse_scope
from .door import check_private, check_readers_on_the_way, check_signed_by_proxy, check_unguarded
from .needed import Needed, needed_by
from .opened import asks_for_more
from .people.browsers import Browsers
from .private_token import read_private_token
from .proxy_user import group_rights_of, proxy_caller
from .rates import Rates
from .refusals import LinkOpensLess
from .tokens import find_token

Connection = ASGIConnection[Any, Any, Any, Any]

_SCHEME: Final = "bearer"


class Admission:
    """One an API. `admit` is the guard of the whole application."""

    def __init__(self, settings: ApiSettings, mongo: Mongo) -> None:
        """Raises TokenFileUnusable, SigningKeysUnusable."""
        self._settings, self._mongo = settings, mongo
        self._trusted = networks_of(settings.trusted_proxies)
        self._names = frozenset(name.lower() for name in settings.allowed_hosts)
        self._group_rights = group_rights_of(settings.group_rights)
        self._rates = Rates(settings.requests_per_s)
        self._private = read_private_token(settings.private_token_file) if settings.private_token_file else None
        self.browsers = Browsers(settings, mongo, self._private)

    @property
    def is_guarded(self) -> bool:
        """Whether callers have to sign in."""
        return self._settings.auth in ("tokens", "proxy", "oidc") or self._private is not None

    async def admit(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Leaves the Caller in the scope, where the dependency `caller` finds it.

        Raises RequestRefused, NotSignedIn, NotAllowed, LinkOpensLess, TooManyRequests, WrongParameter (a prefix that is
        none).
        """
        needed, method = needed_by(handler), str(connection.scope.get("method"))
        if needed is not None and needed.right is None:
            return
        if needed is not None and needed.only_reads and method == "POST":
            method = "GET"
        caller = await self._caller(connection, arrival_of(connection, self._trusted), method)
        connection.scope["user"] = caller
        if self._settings.auth is not None:
            self._rates.take(caller.token_id or caller.sign_in_id or caller.address or "")
        if method == "OPTIONS":  # Litestar's own: which methods there are
            return
        if needed is None or needed.right is None:
            raise RequestRefused(f"{connection.url.path} states no right, so nobody may call it")
        if caller.opens is not None:
            query = {name: connection.query_params.getall(name) for name in connection.query_params}
            named = query if needed.of in ("prefix", "prefixes") else None
            if asked := asks_for_more(caller.opens, needed.links, named, needed.of):
                raise LinkOpensLess(str(caller.opens), asked)
            return
        for scope in _scopes(needed, connection):
            demand(caller, needed.right, scope)

    async def _caller(self, connection: Connection, arrival: Arrival, method: str) -> Caller:
        sent = connection.headers.getall("authorization", [])
        if self._settings.auth == "open":
            return _whoever("anyone", arrival)
        if self._settings.auth == "proxy" and arrival.is_from_proxy and not sent:
            check_signed_by_proxy(arrival, method)
            headers = self._settings.proxy_user_header, self._settings.proxy_groups_header
            return proxy_caller(connection, arrival, *headers, self._group_rights)
        if self._settings.auth is not None:
            check_readers_on_the_way(arrival)
            return await self._holder(connection, arrival, method, sent)
        if self._private is None:
            check_unguarded(arrival, method, self._names)
            return _whoever("local", arrival)
        check_private(arrival)
        if not sent and (found := await self.browsers.caller(connection, arrival, method)):
            return found
        if not hmac.compare_digest(bearer_of(sent).encode(), self._private.encode()):
            raise NotSignedIn(f"the token is not that of {self._settings.private_token_file}", is_invalid=True)
        return _whoever("local", arrival)

    async def _holder(self, connection: Connection, arrival: Arrival, method: str, sent: Sequence[str]) -> Caller:
        """Of the token; where none was sent, of the browser's cookie."""
        if not sent and (found := await self.browsers.caller(connection, arrival, method)):
            return found
        token = await find_token(self._mongo, bearer_of(sent), time())
        return Caller(
            subject=token.subject,
            grants=token.grants,
            is_private=arrival.is_private,
            address=arrival.address,
            token_id=token.id,
            until=token.expires_at,
        )


def demand(caller: Caller, right: Right, scope: str) -> None:
    """For what a handler has to look at by itself. Raises NotAllowed."""
    if not allows(caller, right, scope):
        raise NotAllowed(caller.subject, right, scope)


def bearer_of(headers: Sequence[str]) -> str:
    """The token of the Authorization header. Raises NotSignedIn."""
    if not headers:
        raise NotSignedIn(
            "this API wants a token, and none was sent: set MLDASH_TOKEN, or sign in at /sign-in", is_invalid=False
        )
    scheme, _, text = headers[0].strip().partition(" ")
    if len(headers) > 1 or scheme.lower() != _SCHEME or not text.strip():
        raise NotSignedIn("the header is no 'Authorization: Bearer mld_…'", is_invalid=True)
    return text.strip()


def _whoever(subject: str, arrival: Arrival) -> Caller:
    return Caller(
        subject=subject, grants=ADMIN_OF_ALL, is_private=arrival.is_private, is_somebody=False, address=arrival.address
    )


def _scopes(needed: Needed, connection: Connection) -> list[str]:
    """On what the route's right has to hold for this request."""
    if needed.of == "everything":
        return [EVERYTHING]
    if needed.of == "shown":
        return []
    texts = connection.query_params.getall(needed.of, [])
    if not texts:
        raise WrongParameter(needed.of, "it is required")
    if needed.of == "prefix" and len(texts) > 1:  # which of them the handler would take is not for a guess
        raise WrongParameter(needed.of, "give it once")
    try:
        return [parse_scope(text) for text in texts]
    except ValueError as error:
        raise WrongParameter(needed.of, str(error)) from None
