"""GET /, /charts, /compare, /access, /status, /run/{path}: the page. GET /dashboard/{version}/{path}: its files.

Open to all: they hold no data. What the page shows comes from the other routes, with the rights of who looks at it.
"""

import hashlib
from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath

from mldash_api.dashboard.files import File, read_page
from mldash_api.dashboard.libraries import LINE
from mldash_api.errors import NotFound
from mldash_api.rights.needed import OPEN

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
SAFE: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_HTML: Final = "text/html"


@get("/", include_in_schema=False, opt=OPEN)
async def dashboard(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The table of runs."""
    return page_at(request, 0)


@get("/charts", include_in_schema=False, opt=OPEN)
async def dashboard_of_charts(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Charts of many runs."""
    return without_slash(request) or page_at(request, 0)


@get("/compare", include_in_schema=False, opt=OPEN)
async def dashboard_of_comparison(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Many runs side by side."""
    return without_slash(request) or page_at(request, 0)


@get("/access", include_in_schema=False, opt=OPEN)
async def dashboard_of_access(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Tokens, links, and who changed what."""
    return without_slash(request) or page_at(request, 0)


@get("/status", include_in_schema=False, opt=OPEN)
async def dashboard_of_status(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How the API and its servers are."""
    return without_slash(request) or page_at(request, 0)


@get("/run/{path:path}", include_in_schema=False, opt=OPEN)
async def dashboard_of_run(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """One run, by its prefix."""
    return without_slash(request) or page_at(request, path.count("/"))


@get("/dashboard/{version:str}/{path:path}", include_in_schema=False, opt=OPEN)
async def dashboard_file(
    request: Request[Any, Any, Any], version: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """A module, the styles, a picture. Of another version there is none: a page that is older loads itself anew."""
    page = read_page()
    name = path.lstrip("/")
    if page is None or version != page.version or name not in page.files:
        raise NotFound("file", f"{version}/{name}")
    headers = {"Cache-Control": _FOR_EVER, "X-Content-Type-Options": "nosniff"}
    return _sent(request, page.files[name], f'"{version}"', headers)


def without_slash(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """From an address that ends in a slash to the same without, which is the same route: what the page names is
    relative to its address. So is where it leads, whatever path a proxy has put in front."""
    sent: bytes = request.scope.get("raw_path") or b""
    bare = sent.rstrip(b"/")
    if bare == sent:
        return None
    query = request.scope["query_string"]
    there = b"../" * (len(sent) - len(bare)) + bare.rpartition(b"/")[2] + (b"?" + query if query else b"")
    headers = {**SAFE, "Location": there.decode("latin-1"), "Cache-Control": "no-cache"}
    return Response(b"", status_code=307, media_type="text/plain", headers=headers)


def page_at(request: Request[Any, Any, Any], depth: int, local: str | None = None) -> Response[bytes]:
    """`local`: the folder that is shown (mldash_api/folders/)."""
    page = read_page()
    if page is None:
        told = (
            "The dashboard's libraries are not installed here. On the host of this API, run\n\n"
            f"    {LINE}\n\nand start the API again. Everything else that it answers works without them: /v1/…\n"
        )
        headers = {**SAFE, "Cache-Control": "no-store"}
        return Response(told.encode(), status_code=503, media_type="text/plain", headers=headers)
    html = page.html(depth, local)
    headers = {**SAFE, "Cache-Control": "no-cache"}
    of = "" if local is None else f"-{hashlib.sha256(local.encode()).hexdigest()[:16]}"
    tag = f'"{page.version}-{depth}{of}"'
    return _sent(request, File(html, html, _HTML), tag, headers)


def _sent(request: Request[Any, Any, Any], file: File, tag: str, headers: dict[str, str]) -> Response[bytes]:
    headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, media_type=file.media_type, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", "") or file.compressed is file.content:
        return Response(file.content, media_type=file.media_type, headers=headers)
    return Response(file.compressed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})


HANDLERS: Final = (
    dashboard,
    dashboard_of_charts,
    dashboard_of_comparison,
    dashboard_of_access,
    dashboard_of_status,
    dashboard_of_run,
    dashboard_file,
)
