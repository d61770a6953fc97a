"""GET /sign-in, /sign-in.js, /sign-in.css: the page on which people sign in. Open to everybody: it holds nothing.

What stands behind the # of its address (a link's text) reaches no server: the script takes it out of the address, and
sends it in the body of POST /v1/sign-in.
"""

from pathlib import Path
from typing import Final

from litestar import Response, get

from mldash_api.rights.needed import OPEN

_PAGES: Final = Path(__file__).parent / "pages"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@get("/sign-in", include_in_schema=False, opt=OPEN)
async def sign_in_page() -> Response[bytes]:
    """Asking for it uses nothing up, whoever does: a preview of a link too."""
    return _file("sign_in.html", "text/html")


@get("/sign-in.js", include_in_schema=False, opt=OPEN)
async def sign_in_script() -> Response[bytes]:
    """The page's script."""
    return _file("sign_in.js", "text/javascript")


@get("/sign-in.css", include_in_schema=False, opt=OPEN)
async def sign_in_style() -> Response[bytes]:
    """The page's looks."""
    return _file("sign_in.css", "text/css")


def _file(name: str, media_type: str) -> Response[bytes]:
    return Response((_PAGES / name).read_bytes(), media_type=media_type, headers=_HEADERS)
