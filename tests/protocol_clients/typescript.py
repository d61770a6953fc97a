"""npm's clients of the Model Context Protocol, on the Node that pip installs, as an Asker."""

import asyncio
import json
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.node.packages import NODE, installed
from tests.unit.query_api.agents.asking import Asker

HERE: Final = Path(__file__).parent
_LONGEST_LINE: Final = 1 << 20
_PATIENCE_S: Final = 250.0


class TypeScriptAsker(Asker):
    def __init__(self, process: Process, tools: list[str]) -> None:
        """`tools`: the names that the server has listed."""
        super().__init__()
        self.tools, self._process = tools, process

    async def called(self, tool: str, arguments: dict[str, Any]) -> tuple[str, Any, bool]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"name": tool, "arguments": arguments}).encode() + b"\n")
        await self._process.stdin.drain()
        found = await _line_of(self._process)
        return found["text"], found["structured"], found["isError"]


@asynccontextmanager
async def typescript_asker(library: str, server: dict[str, Any]) -> AsyncIterator[TypeScriptAsker]:
    """`library`: "sdk" or "client"; `server`: {url}, or {command, args} of one over stdio, which ends with it."""
    folder = await asyncio.to_thread(installed, HERE)
    arguments = [str(HERE / "ask.mjs"), str(folder), library, json.dumps(server)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(str(NODE), *arguments, **pipes, limit=_LONGEST_LINE)
    assert process.stdin is not None
    try:
        yield TypeScriptAsker(process, await _line_of(process))
        process.stdin.close()
        async with asyncio.timeout(_PATIENCE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _line_of(process: Process) -> Any:
    """The next one. An end in its place says on stderr why."""
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE_S):
        line = await process.stdout.readline()
    assert line, "the client ended before its answer"
    return json.loads(line)
