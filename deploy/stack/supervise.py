"""One process kept alive.

    start   spawn, and wait until it is ready; an end before that is an error with the last log lines
    keep    whenever it ends: wait a delay that grows while it goes on dying, spawn again
    stop    SIGTERM, and SIGKILL at the deadline

Each runs in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone, which then takes all
down in order; and each is told by the kernel when the supervisor is gone (die_with_parent.py).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from mldash.deploy.stack.data_folder import DataFolder, ProcessStage, ProcessState, created_at
from mldash.deploy.stack.errors import ServerDidNotStart

_READY_POLL_S = 0.03
WRAPPER = Path(__file__).with_name("die_with_parent.py")


class Command(Struct, frozen=True, kw_only=True):
    """What to run, and how one sees that it is ready."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    """Over the supervisor's own."""
    is_ready: Callable[[], Awaitable[bool]]


class RestartDelays:
    """How long to wait before a process that died is started again: doubling, and the first again after health."""

    def __init__(self, first_s: float, longest_s: float, healthy_after_s: float) -> None:
        self._first_s, self._longest_s, self._healthy_after_s = first_s, longest_s, healthy_after_s
        self._next_s = first_s

    def after(self, lived_s: float) -> float:
        """The delay for a process that lived so long."""
        if lived_s >= self._healthy_after_s:
            self._next_s = self._first_s
        delay_s = min(self._next_s, self._longest_s)
        self._next_s = min(self._next_s * 2, self._longest_s)
        return delay_s


class Supervised:
    """A process and its successors. `changed` is called after every change of `state`."""

    def __init__(
        self, command: Command, folder: DataFolder, delays: RestartDelays, changed: Callable[[str], None]
    ) -> None:
        self.command = command
        self.state = ProcessState(name=command.name)
        self._folder, self._delays, self._changed = folder, delays, changed
        self._process: asyncio.subprocess.Process | None = None
        self._spawned_at = 0.0
        self._stopping = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, timeout_s: float) -> None:
        """Return when it is ready, and keep it alive from then on. Raises ServerDidNotStart."""
        process = await self._spawn()
        try:
            async with asyncio.timeout(timeout_s):
                if not await self._until_ready(process):
                    raise self._did_not_start(f"it ended with {_name_code(process.returncode)}")
        except TimeoutError:
            raise self._did_not_start(f"it was not ready within {timeout_s:g} s") from None
        self._set("running")
        self._keeper = asyncio.create_task(self._keep(process), name=f"keep {self.command.name}")

    async def stop(self, deadline: float) -> bool:
        """SIGTERM, wait until the monotonic `deadline`, SIGKILL; answers whether it left by itself."""
        self._stopping.set()
        process = self._process
        gently = True
        if process is not None and process.returncode is None:
            self._set("stopping")
            gently = await self._terminate(process, deadline)
        if self._keeper is not None:
            await self._keeper
        self.state.pid = None
        self._set("stopped")
        return gently

    @property
    def keeper(self) -> asyncio.Task[None] | None:
        """The task that keeps it alive; whoever owns this object must see it end."""
        return self._keeper

    def kill(self) -> None:
        """At once: the user asked a second time."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        while True:
            code = await process.wait()
            if self._stopping.is_set():
                return
            delay_s = self._delays.after(time.monotonic() - self._spawned_at)
            self.state.restarts += 1
            self.state.pid = None
            self._set("restarting", f"{self.command.name} ended with {_name_code(code)}, again in {delay_s:g} s")
            try:
                async with asyncio.timeout(delay_s):
                    await self._stopping.wait()
                return
            except TimeoutError:
                pass  # the delay is over and nobody asked us to stop
            process = await self._spawn_again()
            # Between our look at `stopping` and the spawn someone may have asked: then nobody else knows this process.
            if self._stopping.is_set():
                await self._terminate(process, time.monotonic() + 5)
                return
            if await self._until_ready(process):
                self._set("running", f"{self.command.name} runs again")

    async def _spawn_again(self) -> asyncio.subprocess.Process:
        """Spawn, however long the system has no room for one more process."""
        while True:
            try:
                return await self._spawn()
            except OSError as error:
                delay_s = self._delays.after(0)
                self._changed(f"{self.command.name} can't be started: {error}, again in {delay_s:g} s")
                await asyncio.sleep(delay_s)

    async def _spawn(self) -> asyncio.subprocess.Process:
        log = self._folder.open_log(self.command.name)
        wrapper = (sys.executable, "-I", "-S", str(WRAPPER), str(os.getpid()))
        try:
            spawning = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *wrapper,
                    *self.command.arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **self.command.environment},
                    start_new_session=True,
                )
            )
            try:
                self._process = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                self._process = await spawning  # so that stop() knows what has been born meanwhile
                raise
        finally:
            os.close(log)
        self._spawned_at = time.monotonic()
        self.state.pid, self.state.created = self._process.pid, created_at(self._process.pid)
        self._set("starting")
        return self._process

    async def _until_ready(self, process: asyncio.subprocess.Process) -> bool:
        """True when it is ready, False when it ended first."""
        while process.returncode is None:
            if await self.command.is_ready():
                return process.returncode is None
            await asyncio.sleep(_READY_POLL_S)
        return False

    async def _terminate(self, process: asyncio.subprocess.Process, deadline: float) -> bool:
        process.terminate()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await process.wait()
            return True
        except TimeoutError:
            process.kill()
            await process.wait()
            return False

    def _set(self, stage: ProcessStage, note: str = "") -> None:
        self.state.state = stage
        self._changed(note)

    def _did_not_start(self, reason: str) -> ServerDidNotStart:
        name = self.command.name
        return ServerDidNotStart(name, reason, self._folder.log_path(name), self._folder.last_lines(name))


def _name_code(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
