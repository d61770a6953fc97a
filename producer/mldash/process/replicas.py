"""Several processes of one component, kept alive together: one Ctrl-C ends all, a dead one is replaced, and one port
answers for all of them (replica_health.py)."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import structlog

from .health_server import HealthAddress, HealthServer
from .kept_process import KeptProcess
from .replica_health import questions_of
from .supervision import Failure, RestartDelays

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 10.0
_HEALTHY_AFTER_S = 10.0

_log = structlog.get_logger()


def run_replicas(commands: Sequence[Sequence[str]], stop_timeout_s: float, health: HealthAddress | None = None) -> None:
    """Run these commands of `python -m mldash` until told to stop; each then has `stop_timeout_s` to end.

    Where `health` is given, each gets `--health-socket PATH`, and that address answers for all of them."""
    asyncio.run(_run_with_health(commands, stop_timeout_s, health))


async def _run_with_health(
    commands: Sequence[Sequence[str]], stop_timeout_s: float, health: HealthAddress | None
) -> None:
    async with AsyncExitStack() as resources:
        if health is not None:
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="mldash-")))
            sockets = {_name(number, command): folder / str(number) for number, command in enumerate(commands)}
            commands = [
                [*command, "--health-socket", str(socket)]
                for command, socket in zip(commands, sockets.values(), strict=True)
            ]
            await resources.enter_async_context(HealthServer(health, questions_of(sockets)))
        await _run(commands, stop_timeout_s)


async def _run(commands: Sequence[Sequence[str]], stop_timeout_s: float) -> None:
    stop, replicas = asyncio.Event(), [_replica(number, command) for number, command in enumerate(commands)]

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
            tasks.create_task(replica.keep())
        await stop.wait()
        deadline = monotonic() + stop_timeout_s
        for replica, gently in zip(
            replicas, await asyncio.gather(*(one.end(deadline) for one in replicas)), strict=True
        ):
            if not gently:
                _log.warning("did not end in time: killed, which loses nothing", process=replica.name)


def _replica(number: int, command: Sequence[str]) -> KeptProcess:
    def spawned(process: asyncio.subprocess.Process) -> None:
        _log.info("process started", number=number, pid=process.pid)

    def ended(failure: Failure) -> None:
        _log.warning("process ended", number=number, why=str(failure.error), again_in_s=failure.again_in_s)

    return KeptProcess(
        _name(number, command),
        [sys.executable, "-P", "-m", "mldash", *command],
        RestartDelays(_FIRST_DELAY_S, _LONGEST_DELAY_S, _HEALTHY_AFTER_S),
        ended,
        spawned=spawned,
    )


def _name(number: int, command: Sequence[str]) -> str:
    return f"{command[0]} {number}"
