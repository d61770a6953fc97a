"""A process and its successors: the one that dies is replaced, after a delay that grows while it goes on dying.

    spawn    in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone, which then ends all
             in order; and told by the kernel when the supervisor is gone (mldash/process/die_with_parent.py)
    keep     one life after another, each a step of Supervision (supervision.py)
    end      SIGTERM, and SIGKILL at the deadline

Without psutil: a host that runs workers alone has the extra `server` and no more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from . import die_with_parent
from .supervision import Failure, RestartDelays, Supervision

_WRAPPER: Final = Path(die_with_parent.__file__)
_LAST_END_S: Final = 5.0


class ProcessEnded(Exception):
    """It ended by itself."""

    def __init__(self, name: str, code: int | None) -> None:
        super().__init__(name, code)
        self.name, self.code = name, code

    def __str__(self) -> str:
        return f"{self.name} ended with {name_code(self.code)}"


async def _nothing() -> None:
    return None


class KeptProcess:
    """`name` is what it is called in logs; `tell` hears of each life that ended, or could not begin."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        delays: RestartDelays,
        tell: Callable[[Failure], None],
        *,
        environment: Mapping[str, str] | None = None,
        open_output: Callable[[], int] | None = None,
        spawned: Callable[[asyncio.subprocess.Process], None] = lambda process: None,
        begun: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        """`spawned` is called with each new process; `begun` is awaited at the beginning of each life but the first."""
        self.name = name
        self._arguments, self._environment = arguments, environment
        self._open_output, self._spawned, self._begun = open_output, spawned, begun
        self._delays, self._stop = delays, asyncio.Event()
        self._supervision = Supervision(self._stop, tell=tell)
        self._is_adopted = False
        self.process: asyncio.subprocess.Process | None = None

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    async def spawn(self) -> asyncio.subprocess.Process:
        """One more process. Raises OSError where the system has no room for it."""
        output = self._open_output() if self._open_output else None
        try:
            spawning = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", str(_WRAPPER), str(os.getpid())),
                    *self._arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **self._environment} if self._environment is not None else None,
                    start_new_session=True,
                )
            )
            try:
                self.process = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                self.process = await spawning  # so that end() knows what has been born meanwhile
                raise
        finally:
            if output is not None:
                os.close(output)
        self._spawned(self.process)
        return self.process

    async def keep(self) -> None:
        """Until `end`; whoever has spawned one already hands it over."""
        self._is_adopted = self.process is not None
        await self._supervision.supervised(self.name, self._live, delays=self._delays)

    async def _live(self) -> None:
        """One life: of the process that is there, or of one more. Raises ProcessEnded."""
        process = self.process
        if not self._is_adopted:
            if process is None or process.returncode is not None:
                process = await self.spawn()
            # Between the last look at `stop` and the spawn someone may have ended us, who did not know this process.
            if self._stop.is_set():
                await self._terminate(process, monotonic() + _LAST_END_S)
                return
            await self._begun()
        self._is_adopted = False
        assert process is not None
        code = await process.wait()
        if not self._stop.is_set():
            raise ProcessEnded(self.name, code)

    async def end(self, deadline: float) -> bool:
        """SIGTERM, wait until the monotonic `deadline`, SIGKILL; answers whether it left by itself."""
        self._stop.set()
        process = self.process
        if process is None or process.returncode is not None:
            return True
        return await self._terminate(process, deadline)

    def kill(self) -> None:
        """At once: the user asked a second time."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def _terminate(self, process: asyncio.subprocess.Process, deadline: float) -> bool:
        process.terminate()
        try:
            async with asyncio.timeout(max(0.0, deadline - monotonic())):
                await process.wait()
            return True
        except TimeoutError:
            process.kill()
            await process.wait()
            return False


def name_code(code: int | None) -> str:
    """As people say it."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
