"""What may keep an answer: nothing, where the answer does not say otherwise.

A cache on the way must not keep what came for an Authorization header (RFC 9111, 3.5). Of a cookie it knows nothing:
another person's browser could get the answer.
"""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_NAME: Final = b"cache-control"


def kept_nowhere(app: ASGIApp) -> ASGIApp:
    """The application, whose answers say `Cache-Control: no-store`, but those that say what may be done with them."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def saying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                if all(name.lower() != _NAME for name, _ in headers):
                    message["headers"] = [*headers, (_NAME, b"no-store")]
            await send(message)

        await app(scope, receive, saying if scope["type"] == ScopeType.HTTP else send)

    return answer
