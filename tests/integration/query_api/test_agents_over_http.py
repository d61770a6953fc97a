"""docs/agents.md, Over HTTP: /mcp of the API answers as mldash mcp does, each caller with their own rights."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from mldash.process.environment import SettingError
from mldash_api.agents.http import route
from mldash_api.agents.tools import READING
from tests.world import World

from .conftest import Client, Running
from .runs import put_run, until
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

MINE, OTHERS = "ada/robots/walk", "bob/secret-project/run"


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", mcp=True, stop_timeout_s=5.0)) as made:
        for prefix, lr in ((MINE, 0.1), (OTHERS, 0.7)):
            await put_run(world, prefix, {"lr": lr}, {"train": [{"loss": 2.0 - step / 10} for step in range(10)]})
        admin = await token_for(world, ("admin", ""))
        made.http.headers.update(bearer(admin))
        await until(made, [MINE, OTHERS], sort="prefix")
        made.http.headers.pop("Authorization")
        yield made


@asynccontextmanager
async def asking(api: Client, token: str | None = None, mode: Any = "auto") -> AsyncIterator[mcp.Client]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=bearer(token) if token else {}, timeout=90))
        transport = streamable_http_client(f"{api.http.base_url}/mcp", http_client=http)
        yield await stack.enter_async_context(mcp.Client(transport, mode=mode))


async def told(asker: mcp.Client, tool: str, **arguments: Any) -> str:
    found = await asker.call_tool(tool, arguments)
    assert isinstance(found, CallToolResult)
    (content,) = found.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_each_caller_is_answered_with_what_they_may_read(world: World, guarded: Client, mode: str) -> None:
    """At once, so that one call could take another's rights."""
    mine, others = await token_for(world, ("read", "ada")), await token_for(world, ("read", "bob"))
    async with asking(guarded, mine, mode) as ada, asking(guarded, others, mode) as bob:
        assert {tool.name for tool in (await ada.list_tools()).tools} == set(READING)
        asked = [told(who, "find_runs", columns=["params.lr"]) for _ in range(6) for who in (ada, bob)]
        answers = await asyncio.gather(*asked)
        assert all(MINE in one and "0.1" in one and "bob" not in one and "0.7" not in one for one in answers[::2])
        assert all(OTHERS in one and "0.7" in one and "ada" not in one for one in answers[1::2])
        assert "secret-project" not in await told(ada, "fields", prefix="")
        calls: list[tuple[str, dict[str, Any]]] = [
            ("describe_run", {"run": OTHERS}),
            ("compare_runs", {"runs": [MINE, OTHERS]}),
            ("read_metric", {"runs": [OTHERS], "metric": "train"}),
            ("read_logs", {"run": OTHERS}),
            ("audit_run", {"run": OTHERS}),
            ("where_parted", {"one": MINE, "two": OTHERS, "metric": "train", "field": "loss"}),
        ]
        for tool, arguments in calls:
            found = await ada.call_tool(tool, arguments)
            assert found.is_error, tool
            text = str(found.content)
            assert "read" in text and "lr" not in text and "secret-project/run2" not in text, text
        text = await told(ada, "read_metric", runs=[MINE], metric="train", columns=5)
        assert "least 1.1, greatest 2.0, first 2.0, last 1.1, count 10" in text


async def test_a_condition_over_all_runs_sees_only_those_of_the_caller(world: World, guarded: Client) -> None:
    async with asking(guarded, await token_for(world, ("read", "ada"))) as ada:
        text = await told(ada, "wait_for", what="condition", filter="params.lr > 0.5", timeout_s=0)
        assert text.startswith("Not yet") and "bob" not in text


async def test_who_brings_no_token_is_told_how_to_come_back(guarded: Client) -> None:
    answer = await guarded.http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="mldash"')


async def test_no_stream_stands_without_a_call(world: World, guarded: Client) -> None:
    headers = bearer(await token_for(world, ("read", "ada"))) | {"Accept": "text/event-stream"}
    assert (await guarded.http.get("/mcp", headers=headers)).status_code == 405


async def test_without_the_setting_there_is_no_such_route(client: Client) -> None:
    answer = await client.http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 404


async def test_on_loopback_a_program_asks_and_a_page_of_another_site_may_not(world: World) -> None:
    async with Running(world.api(mcp=True, stop_timeout_s=2.0)) as api:
        await put_run(world, MINE, {"lr": 0.1})
        await until(api, [MINE])
        async with asking(api) as asker:
            assert MINE in await told(asker, "find_runs")
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            assert (await api.http.post("/mcp", json=call, headers=headers)).status_code == 403


async def test_who_waits_is_told_not_yet_when_the_api_stops(world: World) -> None:
    """A restart is told, and the call that goes on is named."""
    await put_run(world, MINE, {"lr": 0.1}, status=None)
    progress = asyncio.Event()

    async def heard(seconds: float, most: float | None, message: str | None) -> None:
        progress.set()

    async with AsyncExitStack() as stack:
        async with Running(world.api(mcp=True, stop_timeout_s=60.0)) as api:
            await until(api, [MINE])
            asker = await stack.enter_async_context(asking(api))
            await asker.list_tools()  # else the client asks for them after the call, to check its answer
            call = asker.call_tool("wait_for", {"what": "end", "runs": [MINE]}, progress_callback=heard)
            waiting = asyncio.create_task(call)
            await asyncio.wait_for(progress.wait(), 60)
        (content,) = (await waiting).content
        assert isinstance(content, TextContent) and content.text.startswith("Not yet")


async def test_without_the_extra_the_setting_names_the_line_that_installs_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"mldash\[agents\]"):
        route.check_extra(world.api(mcp=True))
