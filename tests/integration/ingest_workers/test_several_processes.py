"""`mldash worker --processes N`: all work, one that dies is replaced, one signal ends all, one port tells of all."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from mldash.process.environment import to_variables
from tests.components import free_port
from tests.plain_http import plain_http
from tests.world import World

from .emitting import emitting, eventually, points, until_stored

ONE = b"1" * 16

pytestmark = pytest.mark.integration


@contextmanager
def worker_command(world: World, processes: int, health_port: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    own = {"MLDASH_WORKER_GROUP": world.name, "MLDASH_WORKER_INSTANCE": world.name}
    own |= {"MLDASH_WORKER_HEALTH_PORT": str(health_port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "mldash", "worker", "--processes", str(processes)],
        env={**os.environ, **to_variables(world.servers, ""), **own, "MLDASH_WORKER_SESSION_TIMEOUT_MS": "6000"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def pids(process: subprocess.Popen[bytes]) -> set[int]:
    return {child.pid for child in psutil.Process(process.pid).children() if child.status() != psutil.STATUS_ZOMBIE}


async def test_one_that_is_killed_is_replaced_and_one_signal_ends_all(world: World) -> None:
    with worker_command(world, 2) as process:

        async def two() -> set[int]:
            there = pids(process)
            return there if len(there) == 2 else set()

        first = await eventually(two)
        async with emitting(world) as emitter:
            await emitter.send(ONE, 0, points(ONE, 0, 10))
            await until_stored(world, 10)
            os.kill(min(first), signal.SIGKILL)

            async def replaced() -> bool:
                return len(pids(process)) == 2 and pids(process) != first

            await eventually(replaced)
            await emitter.send(ONE, 10, points(ONE, 10, 10))
            found = await until_stored(world, 20)
        assert found == [(ONE, seq) for seq in range(20)]
        last = pids(process)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert not any(psutil.pid_exists(pid) for pid in last)


async def test_one_port_answers_for_all_processes(world: World) -> None:
    """A process that stands makes it not alive, one that is replaced not ready; none has a port of its own."""
    port = free_port()
    with worker_command(world, 2, port) as process:
        async with plain_http() as client:

            async def asked(path: str) -> httpx.Response | None:
                try:
                    return await client.get(f"http://127.0.0.1:{port}{path}")
                except httpx.ConnectError:
                    return None

            async def ready() -> bool:
                answer = await asked("/readyz")
                return answer is not None and answer.status_code == 200

            async def both_know_their_servers() -> bool:
                answer = await asked("/dependencies")
                return answer is not None and [(one["name"], one["ok"]) for one in answer.json()] == [
                    ("MongoDB", True),
                    ("Kafka", True),
                ]

            await eventually(ready)
            await eventually(both_know_their_servers)
            told = await asked("/metrics")
            assert told is not None
            for number in (0, 1):
                assert f'mldash_worker_partitions{{process="worker {number}"}}' in told.text
                assert f'mldash_worker_dependency_ok{{process="worker {number}",server="Kafka"}} 1.0' in told.text
            assert told.text.count("# TYPE mldash_worker_partitions gauge") == 1
            children = [psutil.Process(pid) for pid in pids(process)]
            listening = [one for child in children for one in child.net_connections() if one.status == "LISTEN"]
            assert not listening, "a process of its own has a port"

            children[0].suspend()
            stands = await asked("/healthz")
            assert stands is not None and stands.status_code == 503
            assert stands.text.startswith("worker ") and "does not answer within" in stands.text
            children[0].resume()

            async def alive() -> bool:
                answer = await asked("/healthz")
                return answer is not None and answer.text == "ok\n"

            await eventually(alive)
            children[0].kill()

            async def one_starts() -> bool:
                answer = await asked("/readyz")
                return answer is not None and answer.status_code == 503 and "starting" in answer.text

            await eventually(one_starts)
            assert await alive(), "what the parent replaces needs no restart of the whole"
            await eventually(ready)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0
