#!/bin/sh
# mcp's client asks for the list of tools after a call whose answer has a structured part, and fails the call where that
# can't be had.
#
# It checks the structured part against the tool's schema, and asks for the schema only once the answer is there. So a
# server that ends with its last answer, as one that is restarted, gives a whole answer that the caller never sees: what
# comes is an error of the second request, which nobody made. A client that has listed the tools before does not ask
# again. Who lists tools before the first call is safe, and saves the request.
#
# Versions: mcp 2.3.0, the client and server in one process.
# Output seen:
#
#     not listed before: tools/call tools/list
#     listed before: tools/list tools/call
#     the list fails: the call fails too
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mcp==2.3.0

cat > finding.py <<'END'
import asyncio
import dataclasses
import logging

import mcp
from mcp.server.mcpserver import MCPServer

logging.disable()


@dataclasses.dataclass
class Answer:
    number: int


def make_server(asked, refuse=""):
    async def note(ctx, call_next):
        if ctx.method.startswith("tools/"):
            asked.append(ctx.method)
            if ctx.method == refuse:
                raise ConnectionError("the server has ended")
        return await call_next(ctx)

    server = MCPServer("finding", middleware=[note])

    @server.tool()
    async def answer() -> Answer:
        return Answer(42)

    return server


async def look():
    asked = []
    async with mcp.Client(make_server(asked)) as client:
        assert (await client.call_tool("answer", {})).structured_content == {"number": 42}
    print("not listed before:", *asked)
    asked.clear()
    async with mcp.Client(make_server(asked)) as client:
        await client.list_tools()
        await client.call_tool("answer", {})
    print("listed before:", *asked)
    async with mcp.Client(make_server(asked, refuse="tools/list")) as client:
        try:
            await client.call_tool("answer", {})
            print("the list fails: the call has its answer")
        except Exception:
            print("the list fails: the call fails too")


asyncio.run(look())
END
cat > expected <<'END'
not listed before: tools/call tools/list
listed before: tools/list tools/call
the list fails: the call fails too
END
venv/bin/python finding.py > seen
diff expected seen && echo "as stated"
