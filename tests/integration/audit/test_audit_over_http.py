"""GET /v1/audit, and the tool over it, tell what `mldash audit` tells."""

import asyncio

import mcp
import pytest
from mcp_types import TextContent

from mldash import Client, RequestRefused
from mldash_api.agents.server import make_server
from mldash_ingest.documents.buckets import CHUNK
from tests.integration.ingest_workers.emitting import PREFIX
from tests.integration.query_api.conftest import Running
from tests.world import World

from .conftest import HOT, LOSS

pytestmark = pytest.mark.integration


async def told(client: Client, run: str) -> str:
    async with mcp.Client(make_server(lambda: client)) as asker:
        (content,) = (await asker.call_tool("audit_run", {"run": run})).content
        assert isinstance(content, TextContent)
        return content.text


async def test_a_hole_is_named_over_http_and_a_sound_experiment_is_ok(experiment: World) -> None:
    running = Running(experiment.api(audit_group=experiment.name, stop_timeout_s=2.0))
    async with running:
        client = Client(f"http://127.0.0.1:{running.api.port}")
        found = await asyncio.to_thread(client.audit, PREFIX)
        assert (found["verdict"], found["findings"], found["setAside"]) == ("ok", [], 0)
        assert all(one["claimed"] == one["stored"] and one["final"] for one in found["sessions"])
        text = await told(client, PREFIX)
        assert f'Run "{PREFIX}": ok: all that was written is stored, once.' in text
        assert f'metrics "loss" | {CHUNK + HOT} | {CHUNK + HOT} | yes' in text
        first, middle, *_ = [one async for one in experiment.mongo.buckets.find({"s": LOSS}).sort("_id", 1)]
        await experiment.mongo.buckets.delete_one({"_id": middle["_id"]})
        text = await told(client, PREFIX)
        assert ": not ok: something is missing" in text and "gap 1" in text and "missing-events 1" in text
        begin, count = CHUNK + first["n"], middle["n"]
        assert f'gap | metrics "loss" | - | {begin} | {begin + count - 1} | ' in text
        assert "there is no run" in await told(client, PREFIX + "x")


async def test_an_audit_that_takes_too_long_says_how_it_can_be_had(experiment: World) -> None:
    running = Running(experiment.api(audit_group=experiment.name, audit_timeout_s=0.000_1, stop_timeout_s=2.0))
    async with running:
        client = Client(f"http://127.0.0.1:{running.api.port}")
        with pytest.raises(RequestRefused, match=f"mldash audit {PREFIX}"):
            await asyncio.to_thread(client.audit, PREFIX)
