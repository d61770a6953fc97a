"""GET /v1/sign-in/oidc, /v1/sign-in/oidc/back: off to the OpenID provider, and back from it."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from mldash_api.errors import NotFound
from mldash_api.oidc.errors import ProviderAway
from mldash_api.oidc.flow import BACK, UNDER_WAY_S, Flow
from mldash_api.rights.needed import OPEN
from mldash_api.rights.people.browsers import Browsers
from mldash_api.rights.people.cookies import cookie_of, value_of
from mldash_api.routes.parameters import TAKES_UNKNOWN

from .sign_in import NO_STORE

OurFlow = NamedDependency[SkipValidation[Flow | None]]
OurBrowsers = NamedDependency[SkipValidation[Browsers]]

_Text = Annotated[str | None, QueryParameter()]


@get("/sign-in/oidc", tags=["sign-in"], opt=OPEN, status_code=303)
async def off_to_provider(
    request: Request[Any, Any, Any],
    flow: OurFlow,
    browsers: OurBrowsers,
    next: Annotated[str, QueryParameter(description="A path of this API, to go to afterwards.")] = "/sign-in",
) -> Response[bytes]:
    """Send the browser to the OpenID provider. 404 where people do not sign in by one."""
    if flow is None:
        raise NotFound("way to sign in", "oidc")
    arrival = browsers.arrive(request)
    address, kept = await flow.begin(next)
    answer = _to(address)
    answer.set_cookie(cookie_of("oidc", kept, UNDER_WAY_S, arrival))
    return answer


@get(BACK.removeprefix("/v1"), tags=["sign-in"], opt={**OPEN, **TAKES_UNKNOWN}, status_code=303)
async def back_from_provider(
    request: Request[Any, Any, Any],
    flow: OurFlow,
    browsers: OurBrowsers,
    code: _Text = None,
    returned: Annotated[str | None, QueryParameter(name="state")] = None,
    iss: _Text = None,
    error: _Text = None,
    error_description: _Text = None,
) -> Response[bytes]:
    """Where the provider sends the browser back to: it is signed in, and sent on to where it wanted to go."""
    if flow is None:
        raise NotFound("way to sign in", "oidc")
    arrival = browsers.arrive(request)
    asked = {"code": code, "state": returned, "iss": iss, "error": error, "error_description": error_description}
    kept = value_of("oidc", request.cookies, arrival)
    if kept:  # else nothing was begun in this browser, and a page elsewhere may have it ask: that uses up no attempt
        browsers.count_attempt(arrival)
    try:
        person = await flow.finish({name: value for name, value in asked.items() if value is not None}, kept)
    except ProviderAway:
        browsers.forget_attempt(arrival)
        raise
    browsers.forget_attempt(arrival)
    _, cookie = await browsers.begin(
        request, arrival, "oidc", person.subject, flow.provider.issuer, groups=person.groups
    )
    answer = _to(flow.address_of(person.next))
    answer.set_cookie(cookie)
    answer.set_cookie(browsers.without(request, "oidc"))
    return answer


def _to(address: str) -> Response[bytes]:
    return Response(b"", status_code=303, headers={"Location": address, "Referrer-Policy": "no-referrer", **NO_STORE})
