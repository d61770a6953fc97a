"""Bodies that a route reads by itself: Litestar does not describe these, so the route says what they are."""

from typing import Any, Final

from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import RequestBody

_KEY: Final = "body"


def takes(body: RequestBody) -> dict[str, Any]:
    """A route's `opt`."""
    return {_KEY: body}


def body_of(handler: BaseRouteHandler) -> RequestBody | None:
    """What the route says of its body; None: nothing."""
    body = handler.opt.get(_KEY)
    return body if isinstance(body, RequestBody) else None
