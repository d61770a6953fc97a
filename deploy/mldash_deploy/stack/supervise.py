"""One server or component of the stack, kept alive.

start   spawn, and wait until it is ready; an end before that is an error with the last log lines
keep    whenever it ends: wait a delay that grows while it goes on dying, spawn again (mldash/process/kept_process.py)
stop    SIGTERM, and SIGKILL at the deadline
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from mldash.process.kept_process import KeptProcess, ProcessEnded, name_code
from mldash.process.supervision import Failure, RestartDelays

from .data_folder import DataFolder, ProcessStage, ProcessState, created_at
from .errors import ServerDidNotStart

_READY_POLL_S = 0.03


class Command(Struct, frozen=True, kw_only=True):
    """A command to run, and the check that it is ready."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    """Over the supervisor's own."""
    is_ready: Callable[[], Awaitable[bool]]


class Supervised:
    """A process and its successors. `changed` is called after every change of `state`."""

    def __init__(
        self, command: Command, folder: DataFolder, delays: RestartDelays, changed: Callable[[str], None]
    ) -> None:
        self.command = command
        self.state = ProcessState(name=command.name)
        self._folder, self._changed = folder, changed
        self._kept = KeptProcess(
            command.name,
            command.arguments,
            delays,
            self._ended,
            environment=command.environment,
            open_output=lambda: folder.open_log(command.name),
            spawned=self._spawned,
            begun=self._begun,
        )
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, timeout_s: float) -> None:
        """Return when it is ready, and keep it alive from then on. Raises ServerDidNotStart."""
        process = await self._kept.spawn()
        try:
            async with asyncio.timeout(timeout_s):
                if not await self._until_ready(process):
                    raise self._did_not_start(f"it ended with {name_code(process.returncode)}")
        except TimeoutError:
            raise self._did_not_start(f"it was not ready within {timeout_s:g} s") from None
        self._set("running")
        self._keeper = asyncio.create_task(self._kept.keep(), name=f"keep {self.command.name}")

    async def stop(self, deadline: float) -> bool:
        """SIGTERM, wait until the monotonic `deadline`, SIGKILL; answers whether it left by itself."""
        process = self._kept.process
        if process is not None and process.returncode is None:
            self._set("stopping")
        gently = await self._kept.end(deadline)
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
        self._kept.kill()

    def _spawned(self, process: asyncio.subprocess.Process) -> None:
        self.state.pid, self.state.created = process.pid, created_at(process.pid)
        self._set("starting")

    async def _begun(self) -> None:
        """A successor: running once it is ready. One that is not yet, or has ended, is seen by who waits for it."""
        process = self._kept.process
        assert process is not None
        if await self._until_ready(process):
            self._set("running", f"{self.command.name} runs again")

    def _ended(self, failure: Failure) -> None:
        again = f"again in {failure.again_in_s:g} s"
        if not isinstance(failure.error, ProcessEnded):  # the system has no room, say, or the look at it failed
            self._changed(f"{self.command.name} can't be started: {failure.error}, {again}")
            return
        self.state.restarts += 1
        self.state.pid = None
        self._set("restarting", f"{failure.error}, {again}")

    async def _until_ready(self, process: asyncio.subprocess.Process) -> bool:
        """True when it is ready, False when it ended first."""
        while process.returncode is None:
            if await self.command.is_ready():
                return process.returncode is None
            await asyncio.sleep(_READY_POLL_S)
        return False

    def _set(self, stage: ProcessStage, note: str = "") -> None:
        self.state.state = stage
        self._changed(note)

    def _did_not_start(self, reason: str) -> ServerDidNotStart:
        name = self.command.name
        return ServerDidNotStart(name, reason, self._folder.log_path(name), self._folder.last_lines(name))
