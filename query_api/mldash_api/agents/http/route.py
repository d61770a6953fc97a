"""/mcp: tools for programs that reason (docs/agents.md), with the rights of whoever calls."""

import contextlib
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from litestar import asgi
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler

from mldash.process.environment import SettingError
from mldash_api.rights.needed import needs
from mldash_api.settings import ApiSettings

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

    from .tools_over_http import ToolsOverHttp


def check_extra(settings: ApiSettings) -> None:
    """Raises SettingError where the setting asks for what is not installed."""
    if settings.mcp and find_spec("mcp") is None:
        allowed = "true where the extra agents is: pip install 'mldash[agents]'"
        raise SettingError("mcp", "MLDASH_API_MCP", "true", allowed)


@contextlib.asynccontextmanager
async def tools_of(settings: ApiSettings) -> "AsyncIterator[ToolsOverHttp | None]":
    """While the API runs; None where the setting does not ask for them. Raises SettingError."""
    if not settings.mcp:
        yield None
        return
    check_extra(settings)
    # The library takes half a second and 60 MB: only where it is asked for.
    from .tools_over_http import ToolsOverHttp

    tools = ToolsOverHttp(changes=settings.mcp_changes)
    async with tools.running():
        yield tools


def tools_route(tools: "ToolsOverHttp") -> ASGIRouteHandler:
    """What a call may read, or change, is decided anew by each route that it asks."""

    @asgi("/mcp", copy_scope=True, opt=needs("read", "shown", only_reads=True))
    async def called(scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope.get("method") != "POST":  # a stream without a call would stand for as long as its client likes
            raise MethodNotAllowedException(detail="a call is a POST, and its answer comes with it")
        await tools(scope, receive, send)

    return called
