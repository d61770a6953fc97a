"""`mldash worker --processes N`: all work, one that dies is replaced, one signal ends all."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from mldash.process.environment import to_variables
from tests.world import World

from .emitting import emitting, eventually, points, until_stored

ONE = b"1" * 16

pytestmark = pytest.mark.integration


@contextmanager
def worker_command(world: World, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    own = {"MLDASH_WORKER_GROUP": world.name, "MLDASH_WORKER_INSTANCE": world.name}
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
