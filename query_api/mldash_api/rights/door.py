"""Whether a request may come in at all, before anybody is asked who they are. Pure: headers and addresses alone.

    nobody signs in   (auth unset) loopback is not enough: a page of any site runs in a browser on this host. Its name
                      for us is another's (DNS rebinding), so Host has to be loopback or a configured name; a form of
                      it can post to us without asking, so a change has to bring the Origin of our own page; and a
                      proxy on this host would let everybody in, so nothing may have been forwarded
    private token     no page knows the token. A proxy may have renamed us, so Host is not looked at; a page that did
                      get hold of the token is still not ours, so Origin, where there is one, equals Host
    a proxy signs in  with a cookie of its own, which a browser sends along with a form of any page: a change has to
                      bring the Origin of our own page
    a cookie          a browser sends it along with what a page of another origin asks, on another port of this host
                      even. So a change has to bring the Origin of our own page, and a read may come from no other page,
                      but for an address that a person opens
    a start's token   `mldash view`: a cookie, or the token. Where nothing was forwarded, Host has to be loopback too
    tokens            a token that others can read on the way is everybody's: over TLS, or from loopback

A program that is no browser sends Origin by intent: it is the address that it asks.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from mldash.connections.loopback import is_loopback
from mldash_api.errors import RequestRefused

from .arrival import Arrival

_READING: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_SAME_ORIGIN: Final = frozenset(("same-origin", None))
_OWN_READS: Final = frozenset(("same-origin", "none", None))


def check_unguarded(arrival: Arrival, method: str, names: Collection[str]) -> None:
    """Nobody signs in. `names`: what this host is called besides loopback. Raises RequestRefused."""
    if arrival.is_forwarded:
        raise RequestRefused(
            "it was passed on by a proxy, and nobody signs in here: start the API with a token "
            "(mldash up --private) or with MLDASH_AUTH"
        )
    if not _is_named(arrival.host, names):
        raise RequestRefused(
            f"it was sent to {arrival.host[:200]!r}, which is no name of loopback: ask for 127.0.0.1, or name it in "
            "MLDASH_API_ALLOWED_HOSTS"
        )
    if arrival.origin is not None and not _is_named(_netloc(arrival.origin), names):
        raise RequestRefused(f"a page of {arrival.origin[:200]} sent it: only pages of this host may ask here")
    if method not in _READING and not (_is_own(arrival) and arrival.fetch_site in _SAME_ORIGIN):
        raise RequestRefused(
            f"a change needs the header Origin, and it must be the address that is asked: http://{arrival.host[:200]}"
        )


def check_private(arrival: Arrival) -> None:
    """A private token is asked for. Raises RequestRefused."""
    if arrival.origin is not None and not _is_own(arrival):
        raise RequestRefused(f"a page of {arrival.origin[:200]} sent it to {arrival.host[:200]!r}: it is not ours")


def check_readers_on_the_way(arrival: Arrival) -> None:
    """Tokens are asked for. Raises RequestRefused."""
    if arrival.is_private:
        return
    if arrival.is_forwarded:
        raise RequestRefused(
            "it did not come over TLS to a trusted proxy: name the proxy's address in MLDASH_API_TRUSTED_PROXIES, and "
            "let it set X-Forwarded-Proto"
        )
    raise RequestRefused(
        "tokens are taken over TLS or from loopback alone: set MLDASH_API_TLS_CERT_FILE and MLDASH_API_TLS_KEY_FILE, "
        "or put a proxy in front. The token that was sent could be read on the way: revoke it"
    )


def check_signed_by_proxy(arrival: Arrival, method: str) -> None:
    """A trusted proxy says who it is. Raises RequestRefused."""
    check_readers_on_the_way(arrival)
    check_private(arrival)
    if method not in _READING:
        check_own_page(arrival)


def check_by_cookie(arrival: Arrival, method: str) -> None:
    """A cookie says who it is. Raises RequestRefused."""
    check_private(arrival)
    if method not in _READING:
        check_own_page(arrival)
    elif arrival.fetch_site not in _OWN_READS and arrival.fetch_mode != "navigate":
        raise RequestRefused(
            f"a page of another origin ({str(arrival.fetch_site)[:20]}) asks with this browser's cookie"
        )


def check_viewer(arrival: Arrival, method: str, names: Collection[str] | None) -> None:
    """The token of a start is asked for, or its cookie. A proxy may have renamed us (a notebook's does, and says so);
    who came without one has to name this host. `names`: as check_unguarded; None: any. Raises RequestRefused."""
    check_by_cookie(arrival, method)
    if names is not None and not arrival.is_forwarded and not _is_named(arrival.host, names):
        raise RequestRefused(f"it was sent to {arrival.host[:200]!r}, which is no name of loopback: ask for 127.0.0.1")


def check_own_page(arrival: Arrival) -> None:
    """Only a page of ours, or who says so by intent, may ask for this. Raises RequestRefused."""
    if not (_is_own(arrival) and arrival.fetch_site in _SAME_ORIGIN):
        raise RequestRefused("a change needs the header Origin, and it must be the address that is asked")


def _is_own(arrival: Arrival) -> bool:
    """Whether the page that sent it is one of this API: browsers set Origin, and no page can. Who is asked over TLS has
    no pages over plain http, whatever their host: these can be anybody's on the way."""
    if arrival.origin is None or not arrival.host or _netloc(arrival.origin) != arrival.host.lower():
        return False
    return not arrival.is_tls or arrival.origin.lower().startswith("https://")


def _netloc(origin: str) -> str:
    """Host and port of an Origin; empty for "null" and for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_named(netloc: str, names: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name in names
