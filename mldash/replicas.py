"""Several processes of one component, kept alive together: one Ctrl-C ends all, a dead one is replaced.

Each runs in a session of its own, so that Ctrl-C reaches the supervisor alone, and the kernel ends it when the
supervisor is gone. What dies is started again after a delay that grows while it goes on dying.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence

import structlog

from mldash.deploy.stack.supervise import WRAPPER, RestartDelays

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 10.0
_HEALTHY_AFTER_S = 10.0

_log = structlog.get_logger()


def run_replicas(commands: Sequence[Sequence[str]], stop_timeout_s: float) -> None:
    """Run these commands of `python -m mldash` until told to stop; each then has `stop_timeout_s` to end."""
    asyncio.run(_run(commands, stop_timeout_s))


async def _run(commands: Sequence[Sequence[str]], stop_timeout_s: float) -> None:
    stop, replicas = asyncio.Event(), [_Replica(number, command) for number, command in enumerate(commands)]

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            _log.warning("forced to stop", signal=number.name)
            for replica in replicas:
                replica.kill()
        else:
            _log.info("stopping", signal=number.name, processes=len(replicas))
            stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    async with asyncio.TaskGroup() as tasks:
        for replica in replicas:
            tasks.create_task(replica.keep(stop, stop_timeout_s))


class _Replica:
    """One process and its successors."""

    def __init__(self, number: int, command: Sequence[str]) -> None:
        self._number, self._command = number, command
        self._process: asyncio.subprocess.Process | None = None

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def keep(self, stop: asyncio.Event, stop_timeout_s: float) -> None:
        """Until `stop` is set and the process has ended."""
        delays = RestartDelays(_FIRST_DELAY_S, _LONGEST_DELAY_S, _HEALTHY_AFTER_S)
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                begun, process = time.monotonic(), await self._spawn()
                ended = asyncio.create_task(process.wait())
                await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set():
                    await self._end(process, stop_timeout_s)
                    return
                delay_s = delays.after(time.monotonic() - begun)
                _log.warning("process ended", number=self._number, code=process.returncode, again_in_s=delay_s)
                await asyncio.wait({stopping}, timeout=delay_s)
        finally:
            stopping.cancel()

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(WRAPPER), str(os.getpid())),
            *(sys.executable, "-P", "-m", "mldash", *self._command),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        _log.info("process started", number=self._number, pid=self._process.pid)
        return self._process

    async def _end(self, process: asyncio.subprocess.Process, stop_timeout_s: float) -> None:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(stop_timeout_s):
                await process.wait()
        except TimeoutError:
            _log.warning("did not end in time: killed, which loses nothing", number=self._number)
            process.kill()
            await process.wait()
