"""docs/agents.md, Waiting: over an API wait_for hears of what it waits for, and nothing of it stays behind."""

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import Any

import mcp
import pytest
from mcp_types import TextContent

from mldash import Client
from mldash_api.agents.server import make_server
from tests.integration.ingest_workers.emitting import eventually
from tests.world import World

from .conftest import Running
from .cutting import Door
from .runs import put_run
from .writing import numbered

pytestmark = pytest.mark.integration

RUN = "alice/waiting/run"
WITHIN_S = 90.0
ACCEPTED = {"Accept": "application/json, text/event-stream"}


def text_of(found: Any) -> str:
    (content,) = found.content
    assert isinstance(content, TextContent)
    return content.text


def call_of(**arguments: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "wait_for", "arguments": {**arguments, "timeout_s": 300}},
    }


async def listeners_are(running: Running, count: int) -> None:
    async def they_are() -> bool:
        live = running.api.live
        return live is not None and len(live.hub.listeners) == count

    await eventually(they_are, WITHIN_S)


async def test_a_wait_over_a_restart_of_the_api_loses_nothing_and_tells_of_it(world: World) -> None:
    chains = await put_run(world, RUN, metrics={"train": numbered(0, 5)}, status=None)
    port: int | None = None
    waits = asyncio.Event()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        waits.set()

    async with Door(lambda: port, seed=5) as door, AsyncExitStack() as first:
        door.is_calm = True
        running = Running(world.api(stop_timeout_s=0.5))
        await first.enter_async_context(running)
        port = running.api.port
        client = Client(f"http://127.0.0.1:{door.port}")
        async with mcp.Client(make_server(lambda: client)) as asker:
            asked = {"what": "points", "runs": [RUN], "metric": "train", "points": 6, "timeout_s": 300}
            waiting = asyncio.create_task(asker.call_tool("wait_for", asked, progress_callback=heard))
            await asyncio.wait_for(waits.wait(), WITHIN_S)
            port = None
            await first.aclose()
            await chains["train"].append(numbered(5, 3))
            async with Running(world.api(stop_timeout_s=2.0)) as _:
                pass  # one that comes and goes, unseen
            running = Running(world.api(stop_timeout_s=2.0))
            async with running:
                port = running.api.port
                await chains["train"].append(numbered(8, 3))
                text = text_of(await asyncio.wait_for(waiting, WITHIN_S))
                await listeners_are(running, 0)
    assert text.startswith("Points have come: the metric has 11. For ") and "the API did not answer" in text
    assert [line.split(" | ")[0] for line in text.splitlines() if line[:1].isdigit()] == ["5", "6", "7", "8", "9", "10"]


@pytest.mark.parametrize(
    "asked",
    [
        {"what": "points", "runs": [RUN], "metric": "train"},
        {"what": "end", "runs": [RUN]},
        {"what": "condition", "runs": [RUN], "filter": "metrics.train.n.max > 7"},
    ],
    ids=["points", "end", "condition"],
)
async def test_a_client_that_goes_away_frees_everything(world: World, asked: dict[str, Any]) -> None:
    """Its connection ends in the middle of a call: no listener, no thread and no request of it stays."""
    await put_run(world, RUN, metrics={"train": numbered(0, 5)}, status=None)
    running = Running(world.api(mcp=True, stop_timeout_s=60.0))
    async with running as api:
        async with api.http.stream("POST", "/mcp", json=call_of(**asked), headers=ACCEPTED) as answer:
            assert answer.status_code == 200
            await listeners_are(running, 1)
        await listeners_are(running, 0)

        async def no_thread() -> bool:
            return not any(one.name == "mldash-wait" for one in threading.enumerate())

        await eventually(no_thread, WITHIN_S)


async def test_a_condition_is_judged_by_what_is_stored_and_not_by_the_last_snapshot(world: World) -> None:
    """The index of runs has a stream's statistics as of its last snapshot, which may be ten thousand points ago."""
    chains = await put_run(world, RUN, {"lr": 0.1}, {"train": numbered(0, 5)}, status=None)
    asked = {
        "what": "condition",
        "runs": [RUN, "alice/waiting/none"],
        "filter": "params.lr < 1 and started > now - 1d and metrics.train.n.max > 7 and not metrics.none.x.max > 0",
        "timeout_s": 300,
    }
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        client = Client(f"http://127.0.0.1:{running.api.port}")
        async with mcp.Client(make_server(lambda: client)) as asker:
            waiting = asyncio.create_task(asker.call_tool("wait_for", asked))
            await listeners_are(running, 1)
            await chains["train"].append(numbered(5, 5))
            for text in (
                text_of(await asyncio.wait_for(waiting, WITHIN_S)),
                text_of(await asker.call_tool("wait_for", asked)),
            ):
                names, values = (line.split(" | ") for line in text.splitlines() if " | " in line)
                found = dict(zip(names, values, strict=True))
                assert text.startswith("It came true. 1 runs pass.")
                assert found["prefix"] == f'"{RUN}"'
                assert (found["params.lr"], found["metrics.train.n.max"]) == ("0.1", "9")


async def test_points_that_the_stream_tells_are_shown_as_they_were_logged(world: World) -> None:
    """NaN, which comes as null by the stream, is told as NaN."""
    chains = await put_run(world, RUN, metrics={"train": numbered(0, 5)}, status=None)
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        client = Client(f"http://127.0.0.1:{running.api.port}")
        async with mcp.Client(make_server(lambda: client)) as asker:
            for point in ({"n": 2**60, "loss": 0.1}, {"n": None, "loss": float("nan")}):
                first = chains["train"].end
                asked = {"what": "points", "runs": [RUN], "metric": "train", "after_index": first - 1}
                waiting = asyncio.create_task(asker.call_tool("wait_for", {**asked, "timeout_s": 300}))
                await listeners_are(running, 1)
                await chains["train"].append([point])
                await chains["train"].snapshot()
                text = text_of(await asyncio.wait_for(waiting, WITHIN_S))
                assert f"the metric has {first + 1}." in text
                index, _, *values = text.splitlines()[-1].split(" | ")
                shown = ["null", "NaN"] if point["n"] is None else [str(2**60), "0.1"]
                assert (index, values) == (str(first), shown)
                await listeners_are(running, 0)


async def test_many_wait_at_once_and_each_is_told_of_what_it_waits_for(world: World) -> None:
    """More than the threads in which reads run; all of them wait for what comes at one moment."""
    chains = await put_run(world, RUN, metrics={"train": numbered(0, 5)}, status=None)
    running = Running(world.api(mcp=True, stop_timeout_s=60.0))
    async with running as api:
        asked = call_of(what="points", runs=[RUN], metric="train", after_index=4)
        posts = [
            asyncio.create_task(api.http.post("/mcp", json=asked, headers=ACCEPTED, timeout=300)) for _ in range(40)
        ]
        await listeners_are(running, 40)
        await chains["train"].append(numbered(5, 1))
        await chains["train"].snapshot()
        answers = await asyncio.wait_for(asyncio.gather(*posts), WITHIN_S)
        assert all("Points have come: the metric has 6." in one.text for one in answers)
        await listeners_are(running, 0)
