"""Who may look: whoever has the token of this start. It is in the address that is printed, as Jupyter has it; a browser
changes it for a cookie at once, so that it stays in no address bar and no history.
"""

import hmac
from collections.abc import Collection
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler

from mldash_api.errors import NotSignedIn
from mldash_api.rights.arrival import arrival_of
from mldash_api.rights.door import check_viewer
from mldash_api.rights.needed import needed_by
from mldash_api.rights.people.cookies import cookie_of, value_of
from mldash_api.rights.token_text import hash_of, new_token

Connection = ASGIConnection[Any, Any, Any, Any]

_SIGNED_IN: Final = "sign-in"
_LASTS_S: Final = 30 * 86_400.0
_WHERE: Final = "open the address that `mldash view` has printed: it has the token of this start"


class Access:
    """Of one start. `token` is shown once, and never logged."""

    def __init__(self, names: Collection[str] | None) -> None:
        """`names`: what this host is called besides loopback; None: it can be called anything."""
        self.token = new_token()
        self._names = names
        self._cookie = hash_of(self.token).hex()

    async def admit(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """The guard of all routes. Raises RequestRefused, NotSignedIn."""
        needed = needed_by(handler)
        if needed is None or needed.right is not None:
            self.check(connection)

    def check(self, connection: Connection) -> None:
        """Raises RequestRefused, NotSignedIn."""
        arrival = arrival_of(connection, ())
        check_viewer(arrival, str(connection.scope.get("method")), self._names)
        sent = connection.headers.getall("authorization", [])
        if sent:
            if not (len(sent) == 1 and _same(sent[0].removeprefix("Bearer ").strip(), self.token)):
                raise NotSignedIn(f"the token is not that of this start: {_WHERE}", is_invalid=True)
            return
        if not _same(value_of(_SIGNED_IN, connection.cookies, arrival) or "", self._cookie):
            raise NotSignedIn(_WHERE, is_invalid=False)

    def cookie_for(self, connection: Connection, token: str) -> Cookie:
        """For who brings the token. Raises RequestRefused, NotSignedIn."""
        arrival = arrival_of(connection, ())
        check_viewer(arrival, "GET", self._names)
        if not _same(token, self.token):
            raise NotSignedIn(f"the token is not that of this start: {_WHERE}", is_invalid=True)
        # Without a path a browser takes that of the address: behind a notebook's proxy, the proxy's.
        return cookie_of(_SIGNED_IN, self._cookie, _LASTS_S, arrival, path="")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
