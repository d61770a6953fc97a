"""A scripted client over stdio answers what people ask of a sweep: in at most three calls and 12,000 characters a call,
by the text alone, checked against what was logged."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import mcp
import pytest
from mcp import StdioServerParameters

from mldash import Experiment
from mldash_api.agents.tools import OVER_FOLDERS
from tests.protocol_clients.typescript import typescript_asker

from .asking import PythonAsker, figure, rows
from .questions import QUESTIONS
from .sweep import RUNS, Ledger

COMMAND = str(Path(sys.executable).with_name("mldash"))


@asynccontextmanager
async def asker_of(root: Path, mode: str) -> AsyncIterator[PythonAsker]:
    server = StdioServerParameters(command=COMMAND, args=["mcp", "--root", str(root)])
    async with mcp.Client(server, mode=mode, read_timeout_seconds=120) as client:  # type: ignore[arg-type]
        yield PythonAsker(client)


async def test_the_tools_are_listed_as_read_only_and_described(ledger: Ledger) -> None:
    async with asker_of(ledger.root, "legacy") as asker:
        tools = (await asker.client.list_tools()).tools
        names = "find_runs describe_run compare_runs read_metric where_parted read_logs fields wait_for"
        assert [tool.name for tool in tools] == names.split()
        for tool in tools:
            assert tool.annotations and tool.annotations.read_only_hint and tool.description
            assert "budget" in tool.input_schema["properties"] and tool.output_schema is not None
        assert f"{RUNS + 1} runs pass" in await asker.ask("find_runs")


@pytest.mark.parametrize(("mode", "first"), [("auto", 0), ("legacy", 1)])
async def test_what_people_ask_of_a_sweep_is_answered(ledger: Ledger, mode: str, first: int) -> None:
    """Every second question in each mode, the others over HTTP (tests/integration/query_api/test_agents_questions.py);
    one process for all of them."""
    async with asker_of(ledger.root, mode) as asker:
        for question in QUESTIONS[first::2]:
            await question(asker.question(), ledger)


@pytest.mark.parametrize(("library", "first"), [("sdk", 1), ("client", 0)])
async def test_what_people_ask_of_a_sweep_is_answered_to_typescript(ledger: Ledger, library: str, first: int) -> None:
    """By the protocol's own clients for TypeScript, the first version and the second; the others over HTTP."""
    server = {"command": COMMAND, "args": ["mcp", "--root", str(ledger.root)]}
    async with typescript_asker(library, server) as asker:
        assert asker.tools == [*OVER_FOLDERS]
        for question in QUESTIONS[first::2]:
            await question(asker.question(), ledger)


async def test_who_waits_for_an_accuracy_is_told_while_the_run_logs(tmp_path: Path) -> None:
    """And whether it is still ahead of another one then."""
    with (
        Experiment("alice/live/one", root=str(tmp_path), echo=False).run as one,
        Experiment("alice/live/two", root=str(tmp_path), echo=False).run as two,
    ):
        two.metrics("eval").log(acc=0.7)
        one.metrics("eval").log(acc=0.5)
        one.flush()
        two.flush()
        async with asker_of(tmp_path, "auto") as asker:
            asked = {"what": "condition", "runs": [one.prefix, two.prefix], "filter": "metrics.eval.acc.max > 0.9"}
            waiting = asyncio.create_task(asker.ask("wait_for", **asked, timeout_s=300))
            logged = 0.5
            while not waiting.done():
                logged = min(0.95, logged + 0.05)
                await asyncio.to_thread(lambda acc: one.metrics("eval").log(acc=acc).flush(), logged)
                await asyncio.sleep(0.05)  # of a training step
            (row,) = rows(await waiting, "prefix")
            assert row["prefix"] == '"alice/live/one"' and float(row["metrics.eval.acc.max"]) > 0.9
            runs = [one.prefix, two.prefix]
            text = await asker.ask("read_metric", runs=runs, metric="eval", fields=["acc"], columns=1)
            lines = [line for line in text.splitlines() if line.startswith("run ") and "least" in line]
            first, second = (float(figure(line, "last")) for line in lines)
            assert first > second == 0.7


@pytest.mark.parametrize("end", ["SIGTERM", "stdin"])
async def test_it_ends_cleanly_also_while_a_call_waits(ledger: Ledger, end: str) -> None:
    """By SIGTERM, and by the end of its stdin; nothing is said on stderr."""
    process = await asyncio.create_subprocess_exec(
        COMMAND, "mcp", "--root", str(ledger.root),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stderr
    for message in (INITIALIZE, INITIALIZED, WAIT):
        process.stdin.write(message.encode() + b"\n")
    await process.stdin.drain()
    assert b'"serverInfo"' in await asyncio.wait_for(process.stdout.readline(), 60)
    if end == "SIGTERM":
        os.kill(process.pid, signal.SIGTERM)
    else:
        process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert await process.stderr.read() == b""


INITIALIZE = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    '"clientInfo":{"name":"t","version":"1"}}}'
)
INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
WAIT = (
    '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"wait_for",'
    '"arguments":{"what":"condition","filter":"params.none exists","timeout_s":300}}}'
)
