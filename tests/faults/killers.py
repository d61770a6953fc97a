"""Who makes each fault of the schedule happen, and sees that it did."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from time import time

import structlog

from .letters import LetterWriter
from .proxy import Hold
from .reader import Reader
from .schedule import Fault
from .sequences import EMITTERS, REMADE
from .statements import Statements
from .system import SESSION_TIMEOUT_S, System

_PATIENCE_S = 10.0
"""For a worker's next insert."""

_TAKEN_OVER_S = 15.0
"""Within so long others have a paused worker's partitions, and have stored of each. A held insert waits less than the
30 s after which the worker's client gives an answer up."""

_RUNS_WITHIN_S = 60.0
"""All workers may be gone for a moment: killed, or paused."""

_JOIN_PATIENCE_S = 20.0
"""For a compactor to declare that it joins chunks."""

_WRITTEN_S = 0.2
"""Within so long an insert is done."""

_log = structlog.get_logger()


class Killers:
    """The faults of one run; `hits` counts those that truly happened."""

    def __init__(self, system: System, statements: Statements, letters: LetterWriter, reader: Reader) -> None:
        self.hits: Counter[str] = Counter()
        self.removed_at: list[tuple[int, float]] = []
        """The new generation, and when it was there at the latest."""
        self._system, self._statements, self._letters, self._reader = system, statements, letters, reader
        self._in_hand = [asyncio.Lock() for _ in range(EMITTERS)]
        """Of each emitter: two faults that begin it anew take turns."""
        self._faults: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "kill a worker": self._kill_worker,
            "pause a worker": self._pause_worker,
            "kill mongod": self._kill_mongod,
            "restart the broker": lambda fault: self._kill_server("kafka", signal.SIGTERM),
            "kill the broker": lambda fault: self._kill_server("kafka", signal.SIGKILL),
            "kill an emitter": self._kill_emitter,
            "set letters aside": lambda fault: self._letters.set_aside(fault.chance),
            "replay letters": self._replay,
            "remove an experiment": self._remove,
            "kill the compactor": self._kill_compactor,
            "kill the api": self._kill_api,
            "grow to three workers": self._grow,
            "shrink to one worker": self._shrink,
        }

    async def run(self, faults: list[Fault], told: Callable[[Fault], None]) -> None:
        """The whole schedule. A fault may still go on when the next one begins."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(fault.after_s)
                told(fault)
                group.create_task(self._happen(fault), name=fault.kind)

    async def _happen(self, fault: Fault) -> None:
        await self._faults[fault.kind](fault)
        self.hits[fault.kind] += 1

    async def _kill_worker(self, fault: Fault) -> None:
        """Half of the time after a write that was done, and before it heard of it."""
        slot = await self._slot(fault)
        worker = self._system.workers[slot]
        if _coin(fault):
            with self._system.proxies.workers[slot].holding("answers") as hold:
                if await hold.caught(_PATIENCE_S):
                    await asyncio.sleep(_WRITTEN_S)
                worker.kill()
        else:
            worker.kill()
        await asyncio.sleep(fault.chance * SESSION_TIMEOUT_S * 1.5)  # back before its partitions went to others, or not
        await worker.begin()

    async def _pause_worker(self, fault: Fault) -> None:
        """Past the session timeout, so that its partitions go to others; then it goes on as if nothing had been.

        What it was about to write lands late: when others have written in its place.
        """
        await self._slot(fault)
        held = {slot: ExitStack() for slot in self._running_slots()}
        try:
            holds = {
                slot: stack.enter_context(self._system.proxies.workers[slot].holding("asked"))
                for slot, stack in held.items()
            }
            slot = await first_caught(holds, _PATIENCE_S)
            for other in held.keys() - {slot}:
                held[other].close()
            worker, active = self._system.workers[slot], self._statements.active()
            worker.pause()
            await asyncio.sleep(SESSION_TIMEOUT_S * (1.0 + fault.chance))
            await self._statements.until_stored_again(active, _TAKEN_OVER_S)
        finally:
            for stack in held.values():
                stack.close()
        worker.go_on()

    async def _slot(self, fault: Fault) -> int:
        """Of a worker that runs, once there is one."""
        async with asyncio.timeout(_RUNS_WITHIN_S):
            while not (running := self._running_slots()):  # noqa: ASYNC110 - processes have no event
                await asyncio.sleep(0.1)
        return running[int(fault.chance * len(running))]

    def _running_slots(self) -> list[int]:
        return [slot for slot, one in enumerate(self._system.workers) if one.runs and not one.is_paused]

    async def _kill_mongod(self, fault: Fault) -> None:
        """While a worker waits for an answer: what it wrote is done, and nobody tells it."""
        with self._system.proxies.workers[await self._slot(fault)].holding("answers") as hold:
            if await hold.caught(_PATIENCE_S):
                await asyncio.sleep(_WRITTEN_S)
            await self._kill_server("mongo", signal.SIGKILL)

    async def _kill_server(self, name: str, number: signal.Signals) -> None:
        pid = self._system.server_pid(name)
        if pid is None:  # the fault before has not passed yet
            await self._system.until_server_runs(name, other_than=0)
            pid = self._system.server_pid(name)
            assert pid is not None
        os.kill(pid, number)
        await self._system.until_server_runs(name, other_than=pid)

    async def _kill_emitter(self, fault: Fault) -> None:
        """Its journal is sent by `mldash sync`, or by its next life."""
        number = int(fault.chance * EMITTERS)
        async with self._in_hand[number]:
            emitter = self._system.emitters[number]
            emitter.kill()
            await asyncio.sleep(0.5)
            if _coin(fault):
                await self._sync(number)
            await emitter.leave()
            await self._system.new_emitter(number).begin()

    async def _sync(self, number: int) -> None:
        """Where the broker is away for longer than the command waits, the next one does it."""
        try:
            await self._system.mldash("sync", str(self._system.journal_of(number)))
        except AssertionError as error:
            _log.info("a journal is kept for later", error=str(error)[-300:])

    async def _replay(self, fault: Fault) -> None:
        await self._letters.replay(self._statements)

    async def _remove(self, fault: Fault) -> None:
        """Then, a little later, its emitters begin again: their new sessions are of the new generation."""
        await self._system.persistently("rm", REMADE, "--yes")
        self.removed_at.append((await self._reader.read_generation(REMADE), time()))
        for number in (EMITTERS - 2, EMITTERS - 1):
            await asyncio.sleep(fault.chance)
            async with self._in_hand[number]:
                emitter = self._system.emitters[number]
                await emitter.end()
                await emitter.leave()
                await self._system.new_emitter(number).begin()

    async def _kill_compactor(self, fault: Fault) -> None:
        """Half of the time while it joins chunks, where it does so before long."""
        if _coin(fault) and await self._reader.until_joining(_JOIN_PATIENCE_S):
            self.hits["killed amid a join"] += 1
        self._system.compactor.kill()
        await asyncio.sleep(fault.chance * 3)
        await self._system.compactor.begin()

    async def _kill_api(self, fault: Fault) -> None:
        """With whatever records are on their way through it."""
        self._system.api.kill()
        await asyncio.sleep(fault.chance * 3)
        await self._system.api.begin()

    async def _grow(self, fault: Fault) -> None:
        for worker in self._system.workers:
            if not worker.runs:
                await worker.begin()

    async def _shrink(self, fault: Fault) -> None:
        for worker in self._system.workers[1:]:
            await worker.end()


async def first_caught(holds: Mapping[int, Hold], timeout_s: float) -> int:
    """The slot whose worker was the first to insert; any where none does in time."""
    caught = {asyncio.create_task(hold.caught(timeout_s)): slot for slot, hold in holds.items()}
    done, rest = await asyncio.wait(caught, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    return min((caught[task] for task in done), key=lambda slot: (not holds[slot].has_caught, slot))


def _coin(fault: Fault) -> bool:
    return fault.chance * 1_000 % 1 < 0.5
