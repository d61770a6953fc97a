"""One service in one process: its loop, its signals, its exit code.

SIGTERM and SIGINT set `stop`; the service then finishes what it has in hand and returns. A second signal ends the
process at once, which no component minds: a crash anywhere is a replay.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import structlog
import uvloop

from .dependencies import Dependencies
from .health_server import HealthAddress, HealthServer, Questions


class Service(Protocol):
    """A worker, a compactor, an API."""

    dependencies: Dependencies
    """The servers that it works with."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, finish the batch in hand, return."""

    async def health(self) -> str | None:
        """None when it can do its own work now, else why not."""


def run_service(name: str, make: Callable[[], Service], health: HealthAddress | Path | None = None) -> None:
    """Run one service until it is told to stop; what it raises goes on, for command_line.py to tell in a line.

    `make` is called inside the loop: clients bind to the loop that is running when they are made.
    `health` is where it answers what runs it (health_server.py); None: nowhere.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(name, make, health))


async def _run(name: str, make: Callable[[], Service], health: HealthAddress | Path | None) -> None:
    stop = asyncio.Event()
    log = structlog.get_logger()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            log.warning("forced to stop", signal=number.name)
            os._exit(128 + number)
        log.info("stopping", signal=number.name)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    service = make()
    log.info("starting", pid=os.getpid())
    async with AsyncExitStack() as resources:
        if health is not None:
            questions = Questions(service.health, dependencies=service.dependencies.list)
            await resources.enter_async_context(HealthServer(health, questions))
        await service.run(stop)
    log.info("stopped")
