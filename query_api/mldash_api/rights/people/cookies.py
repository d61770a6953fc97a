"""The cookie of a browser: its name, its attributes. What it holds is signed (signing_keys.py).

    __Host-mldash    over https: no other host, and no page over plain http, can set it
    __Secure-mldash  over https, below a path of its own, as behind a notebook's proxy: other paths are others'
    mldash           over http on loopback

Cookies do not know ports, so behind each name stands the port of Host, where there is one: APIs on one host keep apart.
HttpOnly: no script reads it. SameSite=Lax: pages of other sites send it along with no request but an opened link, which
a sign-in's way back from another site has to be; Strict would also show whoever follows a link as signed out.
"""

from collections.abc import Mapping
from typing import Final, Literal

from litestar.datastructures import Cookie

from mldash_api.rights.arrival import Arrival

About = Literal["sign-in", "oidc"]
"""`sign-in`: who has signed in. `oidc`: a sign-in that is under way at a provider."""

ROOT: Final = "/"
_NAMES: Final = {"sign-in": "mldash", "oidc": "mldash-oidc"}
_PREFIXES: Final = ("__Host-", "__Secure-", "")
_MOST_PATH: Final = 500


def cookie_of(about: About, value: str, lasts_s: float, arrival: Arrival, path: str = ROOT) -> Cookie:
    """The one to set; `lasts_s` 0 takes it away."""
    prefix = "" if not is_secure(arrival) else "__Host-" if path == ROOT else "__Secure-"
    return Cookie(
        key=prefix + _name(about, arrival),
        value=value,
        max_age=int(lasts_s),
        path=path,
        secure=is_secure(arrival),
        httponly=True,
        samesite="lax",
    )


def value_of(about: About, cookies: Mapping[str, str], arrival: Arrival) -> str | None:
    """What the browser sent. Over https none that could have been set over plain http."""
    prefixes = _PREFIXES[:2] if arrival.is_tls else _PREFIXES
    found = [cookies[name] for prefix in prefixes if (name := prefix + _name(about, arrival)) in cookies]
    return found[0] if found else None


def is_secure(arrival: Arrival) -> bool:
    """Whether the browser speaks https: to us, to a trusted proxy, or, as it says itself, to an unknown one."""
    return arrival.is_tls or (arrival.origin or "").lower().startswith("https://")


def is_path(text: str) -> bool:
    """Whether it can stand in a cookie as its path, and leads to no other host: `/`, `/user/ada/proxy/8700/`."""
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' ;,"\\?#')
    return is_plain and len(text) <= _MOST_PATH and text.startswith("/") and text.endswith("/") and "//" not in text


def _name(about: About, arrival: Arrival) -> str:
    port = arrival.host.rpartition(":")[2]
    return f"{_NAMES[about]}-{port}" if port.isascii() and port.isdigit() else _NAMES[about]
