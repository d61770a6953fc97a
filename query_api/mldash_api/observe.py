"""Each request counted and timed, by route and status; what was slow or failed has a line in the log."""

from time import perf_counter
from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from . import instruments

_SLOW_S: Final = 2.0
_EVENTS: Final = (b"content-type", b"text/event-stream; charset=utf-8")
_log = structlog.get_logger()


def observed(app: ASGIApp) -> ASGIApp:
    """The application with an eye on each of its requests."""

    async def watch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        status, begun, took = 0, perf_counter(), None

        async def noting(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status = message["status"]
                if _EVENTS in message["headers"]:
                    took = perf_counter() - begun  # it lasts as long as its listener likes
            await send(message)

        with instruments.in_hand.track_inprogress():
            await app(scope, receive, noting)
        took = perf_counter() - begun if took is None else took
        # The template, never the path: a label must not hold text that clients choose.
        route = scope.get("path_template") or "none"
        instruments.requests.labels(route, status).observe(took)
        if status >= 500 or took > _SLOW_S:
            _log.warning("request", route=route, status=status, seconds=round(took, 4))

    return watch
