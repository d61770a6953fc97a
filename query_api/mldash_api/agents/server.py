"""The tools as a server of the Model Context Protocol, made anew for each process: over stdio, or within the API
(http/).

Every call passes through one middleware: an argument that the tool has not is refused with the nearest that it has (the
library would drop it and use the default), and one whose value is none with what is allowed. Tools that change
something are listed and called where they are offered at all, and the caller may write.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from types import FrameType
from typing import Any, Final

from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from mldash.client.client import Client
from mldash.errors import MldashError

from .backing import is_api
from .changing import CHANGING, may_change
from .errors import nearest
from .texts import QUOTED_IS_LOGGED, beginning, clean, quoted
from .threads import in_thread
from .tools import OVER_FOLDERS, READING, tools_of

INSTRUCTIONS: Final = (
    "Read access to machine-learning runs: their params, metrics, logs and processes. Begin with find_runs; "
    "describe_run tells of one. Each answer fits its budget and names what it left out, with the call that brings it. "
    f"Numbers keep their digits. {QUOTED_IS_LOGGED}"
)
_MOST_ERROR: Final = 900
_MOST_FAULTS: Final = 5

Context = ServerRequestContext[Any, Any]
Next = Callable[[Context], Awaitable[HandlerResult]]


def make_server(
    client_of: Callable[[], Client], ending: asyncio.Event | None = None, names: Sequence[str] = READING
) -> MCPServer[Any]:
    """`client_of`: the client of the call in hand, by which its tools read. `ending`: set when the server is about to
    end, so that nobody waits on. `names`: of the tools that are offered."""
    tools = tools_of(client_of, ending or asyncio.Event(), names)
    known = {tool.name: tool for tool in tools}
    read = {name: tool for name, tool in known.items() if name not in CHANGING}

    async def offered() -> Mapping[str, Tool]:
        return known if len(read) == len(known) or await in_thread(_may_change, client_of()) else read

    async def check(ctx: Context, call_next: Next) -> HandlerResult:
        if ctx.method == "tools/call" and isinstance(ctx.params, Mapping):
            name = ctx.params.get("name")
            changes = isinstance(name, str) and name in known and name not in read
            if changes and name not in await offered():
                fault: str | None = f"{name} needs the right to write, which this caller has on nothing"
            else:
                fault = fault_of(known if changes else read, name, ctx.params.get("arguments"))
            if fault is not None:
                text = TextContent(type="text", text=fault)
                return CallToolResult(content=[text], is_error=True)
        result = await call_next(ctx)
        if ctx.method == "tools/list" and len(read) < len(known):
            assert isinstance(result, dict), "as it is sent"
            there = await offered()
            result = {**result, "tools": [one for one in result["tools"] if one["name"] in there]}
        return result

    return MCPServer(
        "mldash",
        instructions=INSTRUCTIONS,
        version=version("mldash"),
        tools=tools,
        log_level="WARNING",
        middleware=[check],
        subscriptions=False,
    )


def fault_of(tools: Mapping[str, Tool], name: Any, arguments: Any) -> str | None:
    """What is wrong with a call before it is made; None: nothing that can be seen from here."""
    if not isinstance(name, str) or name not in tools:
        near = nearest(str(name), tools) or [*tools]
        return f"There is no tool {quoted(str(name), 80)}. There are: {', '.join(near)}"
    given = {} if arguments is None else arguments
    if not isinstance(given, dict):
        return None  # the library says what a call looks like
    there = tools[name].parameters["properties"]
    for one in given:
        if one not in there:
            near = nearest(one, there)
            meant = f"Near to it: {', '.join(near)}. " if near else ""
            return f"{name} has no argument {quoted(one, 80)}. {meant}It takes: {', '.join(there)}"
    try:
        tools[name].fn_metadata.validate_arguments(given)
    except ValidationError as error:
        return _short(f"{name} was called with a wrong argument. " + "; ".join(_faults(error)))
    return None


def run_over_stdio(client: Client, *, changes: bool = False) -> None:
    """Until stdin ends, or SIGTERM. `changes`: offer the tools that change something, over an API."""
    # The library reads stdin in a thread that nothing wakes. A tool that changes something sends one request, which the
    # API does wholly or not at all: so there is nothing to finish.
    signal.signal(signal.SIGTERM, _leave)
    logging.basicConfig(level=logging.WARNING)  # to stderr: stdout is the protocol's
    over_api = (*READING, *CHANGING) if changes else READING
    make_server(lambda: client, names=over_api if is_api(client) else OVER_FOLDERS).run("stdio")


def _may_change(client: Client) -> bool:
    """An API that does not say so offers nothing."""
    try:
        return may_change(client)
    except MldashError:
        return False


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(0)


def _faults(error: ValidationError) -> list[str]:
    """A sentence each: which argument, what is allowed."""
    faults = list(dict.fromkeys((str(one["loc"][0]) if one["loc"] else "", one["msg"]) for one in error.errors()))
    return [f"{name}: {message}" for name, message in faults[:_MOST_FAULTS]]


def _short(text: str) -> str:
    return clean(text if len(text) <= _MOST_ERROR else beginning(text, _MOST_ERROR - 1) + "…")
