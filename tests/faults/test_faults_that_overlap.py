"""Two faults may want the same process to begin: there is one then, and the run's end finds it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from .processes import Process


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    one = Process("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path / "log")
    yield one
    await one.leave()


def _children() -> int:
    return len(psutil.Process().children(recursive=True))


async def test_a_process_that_two_faults_begin_at_once_is_there_once(process: Process) -> None:
    before = _children()
    await asyncio.gather(process.begin(), process.begin())
    assert (process.lives, _children() - before) == (1, 1)


async def test_beginning_what_runs_leaves_it_running(process: Process) -> None:
    await process.begin()
    pid = process.pid
    await process.begin()
    assert (process.pid, process.runs) == (pid, True)


async def test_what_ends_by_itself_while_a_fault_begins_it_is_there_once(process: Process) -> None:
    """The supervisor's successor, and that of the fault."""
    await process.begin()
    before = _children() - 1
    psutil.Process(process.pid).kill()
    async with asyncio.timeout(30):
        while not process.ended_by_itself:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    await process.begin()
    async with asyncio.timeout(30):
        while process.lives < 2:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    assert _children() - before == 1
