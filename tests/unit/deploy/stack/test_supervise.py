"""One process kept alive: small Python programs stand for the servers here, as real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from mldash.process.supervision import RestartDelays
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.errors import ServerDidNotStart
from mldash_deploy.stack.supervise import Command, Supervised


def test_delays_double_from_the_first_to_the_longest() -> None:
    delays = RestartDelays(0.1, 1.0, 10.0)
    assert [delays.after(0.0) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_stretch_of_health_makes_the_next_delay_the_first_again() -> None:
    delays = RestartDelays(0.1, 1.0, 10.0)
    for _ in range(5):
        delays.after(9.9)
    assert delays.after(10.0) == 0.1
    assert delays.after(0.0) == 0.2


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


@asynccontextmanager
async def supervised(tmp_path: Path, script: str, notes: list[str] | None = None) -> AsyncIterator[Supervised]:
    """A program that is ready once it has made the file `ready`."""
    folder = DataFolder(tmp_path / "data")
    folder.make()
    ready = tmp_path / "ready"

    async def is_ready() -> bool:
        return ready.exists()

    command = Command(
        name="program",
        arguments=[sys.executable, "-c", script],
        environment={"READY": str(ready), "WHO": "program"},
        is_ready=is_ready,
    )
    seen: list[str] = [] if notes is None else notes
    one = Supervised(command, folder, RestartDelays(0.02, 0.1, 60), lambda note: seen.append(note) if note else None)
    try:
        yield one
    finally:
        await one.stop(time.monotonic() + 5)


GOOD = "import os, pathlib, time; print(os.environ['WHO'], flush=True); pathlib.Path(os.environ['READY']).touch(); "


async def test_start_returns_when_the_program_is_ready(tmp_path: Path) -> None:
    async with supervised(tmp_path, GOOD + "time.sleep(60)") as one:
        await one.start(10)
        pid = one.state.pid or 0
        assert (one.state.state, psutil.pid_exists(pid)) == ("running", True)
    assert (one.state.state, one.state.pid, psutil.pid_exists(pid)) == ("stopped", None, False)
    assert (tmp_path / "data/logs/program.log").read_text() == "program\n"


async def test_a_program_that_ends_before_it_is_ready_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    async with supervised(tmp_path, "print('no room'); raise SystemExit(3)") as one:
        with pytest.raises(ServerDidNotStart) as caught:
            await one.start(10)
    assert caught.value.last_lines == ["no room"]
    assert "exit code 3" in str(caught.value)
    assert "program.log" in str(caught.value)


async def test_a_program_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.make()

    async def never() -> bool:
        return False

    command = Command(name="program", arguments=["/no/such/program"], environment={}, is_ready=never)
    one = Supervised(command, folder, RestartDelays(0.02, 0.1, 60), lambda _: None)
    with pytest.raises(ServerDidNotStart, match="/no/such/program: No such file"):
        await one.start(10)
    await one.stop(time.monotonic() + 5)


async def test_a_program_that_is_never_ready_is_an_error_after_the_timeout(tmp_path: Path) -> None:
    async with supervised(tmp_path, "import time; time.sleep(60)") as one:
        with pytest.raises(ServerDidNotStart, match=r"not ready within 0\.3 s"):
            await one.start(0.3)


async def test_what_dies_is_started_again_and_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    async with supervised(tmp_path, GOOD + "time.sleep(60)", notes) as one:
        await one.start(10)
        for restarts in (1, 2):
            pid = one.state.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda count=restarts: one.state.restarts == count and one.state.state == "running")  # type: ignore[misc]
            assert one.state.pid != pid
    assert notes[0] == "program ended with signal 9, again in 0.02 s"
    assert notes[2] == "program ended with signal 9, again in 0.04 s"


async def test_a_program_that_ignores_sigterm_is_killed_at_the_deadline(tmp_path: Path) -> None:
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + GOOD + "time.sleep(60)"
    async with supervised(tmp_path, script) as one:
        await one.start(10)
        pid = one.state.pid or 0
        assert not await one.stop(time.monotonic() + 0.2)
        assert not psutil.pid_exists(pid)


async def test_stopping_while_a_restart_is_waited_for_leaves_nothing_running(tmp_path: Path) -> None:
    async with supervised(tmp_path, GOOD + "time.sleep(0.1)") as one:
        await one.start(10)
        await until(lambda: one.state.restarts >= 2)
        assert await one.stop(time.monotonic() + 5)
        assert one.state.pid is None


def test_a_program_gets_no_ctrl_c_of_the_terminal_and_dies_with_a_killed_supervisor(tmp_path: Path) -> None:
    """A supervisor of its own is killed by SIGKILL: its program is told by the kernel."""
    supervisor = f"""
import asyncio, sys
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.supervise import Command, Supervised
from mldash.process.supervision import RestartDelays

async def ready():
    return True

async def main():
    folder = DataFolder({str(tmp_path)!r})
    folder.make()
    command = Command(name="p", arguments=[sys.executable, "-c", "import time; time.sleep(60)"], environment={{}},
                      is_ready=ready)
    one = Supervised(command, folder, RestartDelays(1, 1, 1), lambda _: None)
    await one.start(10)
    print(one.state.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", supervisor], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert os.getsid(child.pid) != os.getsid(parent.pid)
        parent.kill()
    child.wait(10)
