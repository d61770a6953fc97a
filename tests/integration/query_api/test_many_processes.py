"""`mldash api --processes N`: one port, one health port, and browsers that all of them know."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from mldash.process.environment import to_variables
from tests.components import free_port
from tests.plain_http import plain_http
from tests.stack import run_mldash
from tests.world import World

from .browser import Browser
from .test_tokens import token_for

pytestmark = pytest.mark.integration

START_S, STOP_S = 60.0, 30.0


class Many:
    """Three of them."""

    def __init__(self, port: int, health_port: int, process: asyncio.subprocess.Process) -> None:
        self.address, self.health = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{health_port}"
        self.process = process

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    async def until_ready(self, count: int, but: int | None = None) -> None:
        """All of them, without the process `but`."""
        async with asyncio.timeout(START_S), plain_http() as http:
            while True:
                pids = [one.pid for one in self.children()]
                try:
                    is_ready = (await http.get(f"{self.health}/readyz")).status_code == 200
                except httpx.TransportError:
                    is_ready = False
                if is_ready and len(pids) == count and but not in pids:
                    return
                await asyncio.sleep(0.1)


@pytest.fixture
async def many(world: World, tmp_path: Path) -> AsyncIterator[Many]:
    keys = tmp_path / "keys"
    keys.write_text("k" * 43)
    port, health_port = free_port(), free_port()
    own = {
        "MLDASH_AUTH": "tokens",
        "MLDASH_SIGNING_KEYS_FILE": str(keys),
        "MLDASH_API_HEALTH_PORT": str(health_port),
    }
    environment = {**os.environ, **to_variables(world.servers, ""), **own}
    command = [sys.executable, "-m", "mldash", "api", "--processes", "3", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        made = Many(port, health_port, process)
        await made.until_ready(3)
        yield made
    finally:
        process.terminate()
        async with asyncio.timeout(STOP_S):
            assert await process.wait() == 0


async def test_a_browser_that_one_process_has_signed_in_is_known_to_all(world: World, many: Many) -> None:
    """Each request comes over a connection of its own; one that dies is replaced."""
    async with plain_http(base_url=many.address) as http:
        browser = Browser(http)
        await browser.sign_in(await token_for(world, ("read", "")))
        cookies = dict(http.cookies)
    killed = many.children()[0]
    for _ in range(2):
        for _ in range(24):
            async with plain_http(base_url=many.address, cookies=cookies) as one:
                assert (await one.get("/v1/me")).status_code == 200
        if killed.is_running():
            killed.kill()
            await many.until_ready(3, but=killed.pid)


def test_without_keys_that_all_have_they_do_not_start(world: World) -> None:
    more = {"MLDASH_AUTH": "tokens", **to_variables(world.servers, "")}
    done = run_mldash("api", "--processes", "2", "--port", str(free_port()), check=False, **more)
    assert done.returncode == 1
    assert "2 API processes need the same ones" in done.stderr and "Traceback" not in done.stderr
    done = run_mldash("api", "--processes", "2", "--port", "0", check=False, **more)
    assert (done.returncode, "a port that all processes listen on" in done.stderr) == (1, True)
