"""Processes that are killed, paused and begun again; each ends with the run, however that ends."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from mldash.process import die_with_parent
from mldash_deploy.stack.probe import http_status

REPOSITORY = Path(__file__).resolve().parents[2]
_READY_POLL_S = 0.1
_AGAIN_S = 0.3


class Process:
    """One process and its successors. Where it ends by itself it is begun again, as a supervisor would, and noted."""

    def __init__(
        self, name: str, arguments: list[str], environment: Mapping[str, str], log: Path, port: int | None = None
    ) -> None:
        self.name, self.log, self.port = name, log, port
        self.ended_by_itself: list[int] = []
        self.lives = 0
        self._arguments, self._environment = arguments, {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._paused = False
        self._keeper: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        """Faults overlap: what one of them begins, another that wants it to run has begun too."""

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} never began"
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._wanted and self._process is not None and self._process.returncode is None

    @property
    def is_paused(self) -> bool:
        return self._paused

    async def begin(self) -> None:
        """Nothing where it runs already."""
        async with self._beginning:
            if self.runs:
                return
            await self._spawn()
            self._wanted = True  # only now: until there is a successor, the end of the one before is no news
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    def kill(self) -> None:
        """SIGKILL; it stays gone until it begins again."""
        self._wanted = False
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        self._paused = True
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._paused = False
        self._signal(signal.SIGCONT)

    async def end(self, timeout_s: float = 60.0) -> int:
        """SIGTERM, and its exit code. AssertionError where it does not end."""
        async with self._beginning:
            self._wanted = False
        if self._process is None:
            return 0
        if self._paused:
            self.go_on()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._process.wait()
        except TimeoutError:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout_s:g} s: {self.log}") from None

    async def leave(self) -> None:
        """Kill it and forget it: the run is over."""
        self._wanted = False
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    async def until_ready(self, timeout_s: float = 60.0) -> None:
        """By /readyz."""
        async with asyncio.timeout(timeout_s):
            while await http_status(f"http://127.0.0.1:{self.port}/readyz") != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(_READY_POLL_S)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _spawn(self) -> None:
        wrapper = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *wrapper,
                *self._arguments,
                cwd=REPOSITORY,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.lives += 1

    async def _keep(self) -> None:
        while True:
            process = self._process
            assert process is not None
            code = await process.wait()
            while self._process is process:
                if self._wanted:
                    self.ended_by_itself.append(code)
                    await asyncio.sleep(_AGAIN_S)
                    async with self._beginning:
                        if self._wanted and self._process is process:
                            await self._spawn()
                    if not self._wanted:  # killed in between
                        self._signal(signal.SIGKILL)
                else:
                    await asyncio.sleep(_READY_POLL_S)  # until begin()
