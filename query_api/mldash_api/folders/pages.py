"""The page, to who may look. Its files hold no data, and are open (routes/dashboard.py)."""

from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from mldash.client.kept_runs import KeptRuns
from mldash_api.errors import NotSignedIn
from mldash_api.rights.needed import OPEN
from mldash_api.routes.dashboard import SAFE, page_at, without_slash

from .access import Access
from .asking import OurRuns

OurAccess = NamedDependency[SkipValidation[Access]]
_TOKEN: Final = "token"
_NO_STORE: Final = {**SAFE, "Cache-Control": "no-store"}


@get("/", include_in_schema=False, opt=OPEN)
async def table(request: Request[Any, Any, Any], access: OurAccess, runs: OurRuns) -> Response[bytes]:
    """The table of runs. With `?token=` the way in: a cookie, and on to the same address without it."""
    token = request.query_params.get(_TOKEN)
    if token is None:
        return _shown(request, access, runs, 0)
    try:
        cookie = access.cookie_for(request, token)
    except NotSignedIn as error:
        return _shut(error)
    headers = {**_NO_STORE, "Location": "./"}
    return Response(b"", status_code=303, media_type="text/plain", headers=headers, cookies=[cookie])


@get("/charts", include_in_schema=False, opt=OPEN)
async def charts(request: Request[Any, Any, Any], access: OurAccess, runs: OurRuns) -> Response[bytes]:
    """Charts of many runs."""
    return without_slash(request) or _shown(request, access, runs, 0)


@get("/compare", include_in_schema=False, opt=OPEN)
async def comparison(request: Request[Any, Any, Any], access: OurAccess, runs: OurRuns) -> Response[bytes]:
    """Many runs side by side."""
    return without_slash(request) or _shown(request, access, runs, 0)


@get("/access", include_in_schema=False, opt=OPEN)
async def rights(request: Request[Any, Any, Any], access: OurAccess, runs: OurRuns) -> Response[bytes]:
    """That nobody signs in here."""
    return without_slash(request) or _shown(request, access, runs, 0)


@get("/status", include_in_schema=False, opt=OPEN)
async def status(request: Request[Any, Any, Any], access: OurAccess, runs: OurRuns) -> Response[bytes]:
    """That there is no pipeline here."""
    return without_slash(request) or _shown(request, access, runs, 0)


@get("/run/{path:path}", include_in_schema=False, opt=OPEN)
async def run(
    request: Request[Any, Any, Any], path: FromPath[str], access: OurAccess, runs: OurRuns
) -> Response[bytes]:
    """One run, by its prefix."""
    return without_slash(request) or _shown(request, access, runs, path.count("/"))


def _shown(request: Request[Any, Any, Any], access: Access, runs: KeptRuns, depth: int) -> Response[bytes]:
    try:
        access.check(request)
    except NotSignedIn as error:
        return _shut(error)
    return page_at(request, depth, str(runs.root))


def _shut(error: NotSignedIn) -> Response[bytes]:
    """To a person, so in words."""
    text = f"mldash view: {error}\n"
    return Response(text.encode(), status_code=401, media_type="text/plain", headers={**_NO_STORE, **error.headers()})


HANDLERS: Final = (table, charts, comparison, rights, status, run)
