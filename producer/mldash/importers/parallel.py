"""Several runs at once, each taken by a process of its own: reading is what costs.

The processes are forked before anything is read, so that they know the runs. Each has a pipe to this one, over which it
is given the number of a run and tells of bytes and, in the end, of the outcome. Where a process ends by itself, that is
the problem of the run it had, and the others go on. With the end of this process, whatever ends it, the pipes end too,
and with them the processes.
"""

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Final

from msgspec import Struct

from mldash.events.identity import Prefix
from mldash.settings import SdkSettings

from .events import FoundRun, LeftOut
from .taking import Outcome, Tell, take
from .writing import Counts

Target = tuple[FoundRun, Prefix]

_TOLD_BYTES: Final = 131_072
_STOP_WAIT_S: Final = 30.0
_OBJECTS: Final = 50_000
"""Made before Python looks for cycles: an import makes many objects, and hardly a cycle."""


class _Taken(Struct, frozen=True):
    """What a process says of a run."""

    counts: Counts
    left: LeftOut
    problem: str | None
    size_bytes: int
    """Read and not told yet."""


class _Worker(Struct):
    """A process. `run` is the number of the one that it takes."""

    process: ForkProcess
    pipe: Connection
    run: int = -1


def default_processes(runs: int, *, sends: bool) -> int:
    """One a core that this process may use, at most one a run; one where there are threads, which a fork would lose.

    `sends`: runs go to servers. On macOS that is done by one too, as its system libraries, by which a name or a proxy
    is found, may end a process that was forked.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork") or (sends and sys.platform == "darwin"):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, runs))


def take_all(
    targets: Sequence[Target], settings: SdkSettings, *, is_dry: bool, processes: int
) -> Callable[[Tell], list[Outcome]]:
    """Begins the processes, and gives what lets them take all runs; that gives the outcomes in the runs' order, and
    must be called. In between the caller may begin threads."""
    if processes <= 1:
        return lambda tell: _one_by_one(targets, settings, tell, is_dry=is_dry)
    workers = _begin(targets, settings, is_dry=is_dry, processes=processes)
    return lambda tell: _by_workers(targets, workers, tell)


def _one_by_one(targets: Sequence[Target], settings: SdkSettings, tell: Tell, *, is_dry: bool) -> list[Outcome]:
    with _seldom_collecting():
        return [_outcome_of(target, settings, tell, is_dry=is_dry) for target in targets]


def _begin(targets: Sequence[Target], settings: SdkSettings, *, is_dry: bool, processes: int) -> list[_Worker]:
    context = get_context("fork")
    workers: list[_Worker] = []
    ours: list[Connection] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until a process can take it
    try:
        for _ in range(processes):
            pipe, theirs = context.Pipe()
            ours.append(pipe)
            arguments = (targets, settings, is_dry, theirs, [*ours])
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            theirs.close()
            workers.append(_Worker(process, pipe))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return workers


def _by_workers(targets: Sequence[Target], workers: list[_Worker], tell: Tell) -> list[Outcome]:
    outcomes = [Outcome(run, prefix.text) for run, prefix in targets]
    # The largest first: none of these is then what all wait for.
    waiting = deque(sorted(range(len(targets)), key=lambda number: -targets[number][0].size_bytes))
    busy = {worker.pipe: worker for worker in workers}
    try:
        for worker in workers:
            _give(worker, waiting, busy)
        while busy:
            for pipe in wait([*busy]):
                assert isinstance(pipe, Connection)
                _hear(busy[pipe], outcomes, waiting, busy, tell)
        for number in waiting:
            outcomes[number].problem = "no process is left to take it: import again"
    except BaseException:
        for worker in workers:
            _interrupt(worker.process)
        raise
    finally:
        for worker in workers:
            worker.process.join(_STOP_WAIT_S)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
    return outcomes


def _give(worker: _Worker, waiting: deque[int], busy: dict[Connection, _Worker]) -> None:
    """The next run, or the word that there is none."""
    number = waiting.popleft() if waiting else None
    try:
        worker.pipe.send(number)
    except OSError:  # it has ended between two runs: another one takes this
        if number is not None:
            waiting.appendleft(number)
        number = None
    if number is None:
        del busy[worker.pipe]
    else:
        worker.run = number


def _hear(
    worker: _Worker, outcomes: list[Outcome], waiting: deque[int], busy: dict[Connection, _Worker], tell: Tell
) -> None:
    try:
        said = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        outcomes[worker.run].problem = f"its process has ended ({_ending(worker.process)}): import again"
        del busy[worker.pipe]
        return
    if isinstance(said, _Taken):
        outcome = outcomes[worker.run]
        outcome.counts, outcome.left, outcome.problem = said.counts, said.left, said.problem
        tell(said.size_bytes)
        _give(worker, waiting, busy)
    else:
        tell(said)


def _ending(process: ForkProcess) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _interrupt(process: ForkProcess) -> None:
    if process.pid is not None and process.is_alive():
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGINT)


def _work(
    targets: Sequence[Target], settings: SdkSettings, is_dry: bool, pipe: Connection, others: Sequence[Connection]
) -> None:
    """A process's whole life."""
    for other in others:  # else no end of a pipe would ever be seen
        other.close()
    told = [0]

    def tell(size: int) -> None:
        told[0] += size
        if abs(told[0]) >= _TOLD_BYTES:
            pipe.send(told[0])
            told[0] = 0

    with _seldom_collecting(), suppress(KeyboardInterrupt, EOFError, ConnectionError):
        signal.signal(signal.SIGINT, _interrupt_once)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        while (number := pipe.recv()) is not None:
            pipe.send(_taken(targets[number], settings, tell, told, is_dry=is_dry))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends anyhow


def _taken(target: Target, settings: SdkSettings, tell: Tell, told: list[int], *, is_dry: bool) -> _Taken:
    outcome = _outcome_of(target, settings, tell, is_dry=is_dry)
    size, told[0] = told[0], 0
    return _Taken(outcome.counts, outcome.left, outcome.problem, size)


def _outcome_of(target: Target, settings: SdkSettings, tell: Tell, *, is_dry: bool) -> Outcome:
    """A fault of one run is told as its problem, in one line, and the others are taken."""
    run, prefix = target
    try:
        return take(run, prefix, settings, tell, is_dry=is_dry)
    except Exception as error:
        return Outcome(run, prefix.text, problem=" ".join(f"{type(error).__name__}: {error}".split()))


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """What is open is closed undisturbed: a terminal's Ctrl-C comes from it, and once more from the one that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
