"""read_logs by rank: the newest lines, around a moment, and what a call that brings more finds."""

import asyncio
from datetime import UTC, datetime
from time import time

import mcp
import pytest
from mcp_types import TextContent

from mldash import Client
from mldash.events.identity import experiment_id
from mldash.events.schema import RunEvents, Start
from mldash_api.agents.server import make_server
from tests.world import World

from .conftest import Running
from .runs import put_run
from .writing import Chain

pytestmark = pytest.mark.integration

RUN = "alice/ranks/run"
LINES = 120
"""Of each of two ranks, in turns, a second apart: more than the first stretches of time hold."""


async def put_lines(world: World) -> float:
    """The time of the last one."""
    chains = await put_run(world, RUN, status=None)
    logs, last = await Chain(world, "logs", "", prefix=RUN).begin(), time()
    for rank in (3, 4):
        session = bytes([rank]) * 16
        own = {"exp": experiment_id(RUN), "gen": 0, "rank": rank, "heartbeat": last, "seen_at": last, "skew": 0.0}
        await world.mongo.sessions.insert_one({"_id": session, **own})
        started = Start(last - 1_000, "host-1", 7, rank, 5, "alice")
        await chains["runs"].append_runs(RunEvents([started]), session=session)
        for at in range(LINES):
            line = {"level": "info", "message": f"line {at} of {rank}"}
            await logs.append([line], times=[last - LINES + 1 + at], session=session)
    await chains["runs"].snapshot()
    return last


async def test_lines_of_a_rank_are_the_newest_ones_or_around_a_moment(world: World) -> None:
    last = await put_lines(world)
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        client = Client(f"http://127.0.0.1:{running.api.port}")

        async def told(**asked: object) -> str:
            async with mcp.Client(make_server(lambda: client)) as asker:
                (content,) = (await asker.call_tool("read_logs", {"run": RUN, **asked})).content
                assert isinstance(content, TextContent)
                return content.text

        def shown(text: str) -> list[str]:
            return [line.split('"')[1] for line in text.splitlines() if line.startswith("rank ")]

        for limit in (5, 90, LINES):
            text = await told(rank=[4], limit=limit)
            assert shown(text) == [f"line {at} of 4" for at in range(LINES - limit, LINES)]
            assert ("More lines: " in text) == (limit < LINES)
        assert shown(await told(rank=[4], text="LINE 7 of"))[0] == "line 7 of 4"
        moment = datetime.fromtimestamp(last - 50, UTC).isoformat()
        text = await told(rank=[3, 4], around=moment, limit=4)
        at = LINES - 1 - 50
        assert shown(text) == [f"line {at - 1} of 3", f"line {at - 1} of 4", f"line {at} of 3", f"line {at} of 4"]
        assert "its ranks: " in await told(rank=[9]) and "leave offset out" in await told(rank=[4], offset=3)
        assert await asyncio.to_thread(lambda: client.lines([RUN], rank=9)["lines"]) == []
