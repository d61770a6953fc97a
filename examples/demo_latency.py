"""How long it takes from log() until somebody else reads the point, measured while the ranks run.

One process logs a point every PERIOD_S, whether or not the ones before have arrived. Another, which has logged nothing
and so waits for nothing, asks the API for what is new, again and again. Both read the machine's monotonic clock: one
before its call of log(), the other when an answer that holds the point has come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_long
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from train_digits import start_all

from mldash import Experiment

PERIOD_S = 0.05
POLL_S = 0.01
LAST_WAIT_S = 60.0
METRIC = "probe"
_spawn = get_context("spawn")


@contextmanager
def probing(prefix: str) -> Iterator[Callable[[], list[float]]]:
    """Measure until the function is called: it stops the probes and answers with the seconds of each, in order."""
    stop, count = _spawn.Event(), _spawn.RawValue(c_long, -1)
    answers: list[Connection] = []
    processes: list[BaseProcess] = []
    for body in (_write, _poll):
        answer, told = _spawn.Pipe(duplex=False)
        answers.append(answer)
        processes.append(_spawn.Process(target=body, args=(prefix, stop, count, told), name=body.__name__.strip("_")))

    def finish() -> list[float]:
        stop.set()
        try:
            written, readable = (answer.recv() for answer in answers)
        except EOFError:
            raise SystemExit("a process that measures ended before it was done") from None
        if len(readable) != len(written):
            raise SystemExit(f"{len(written) - len(readable)} of {len(written)} probes were not readable in time")
        return [there - begun for begun, there in zip(written, readable, strict=True)]

    try:
        start_all(processes)
        yield finish
    finally:
        stop.set()
        for process in processes:
            if process.pid is not None:
                process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _write(prefix: str, stop: Any, count: Any, answer: Connection) -> None:
    """Log until told to stop; answers with when each call began, and tells the other how many there were."""
    begun: list[float] = []
    with Experiment(prefix, echo=False).run as experiment:
        probe = experiment.metrics(METRIC)
        due = time.monotonic()
        while not stop.is_set():
            begun.append(time.monotonic())
            probe.log(number=len(begun) - 1)
            due += PERIOD_S
            time.sleep(max(0.0, due - time.monotonic()))
    count.value = len(begun)
    answer.send(begun)


def _poll(prefix: str, stop: Any, count: Any, answer: Connection) -> None:
    """Read until all is there, or a long while after the stop; answers with when each index was first there."""
    readable: list[float] = []
    probe = Experiment(prefix).metrics(METRIC)
    deadline = float("inf")
    while len(readable) != count.value and time.monotonic() < deadline:
        page = probe.read(len(readable), 10_000, wait=0)
        readable += [time.monotonic()] * len(page["data"])
        if stop.is_set() and deadline == float("inf"):
            deadline = time.monotonic() + LAST_WAIT_S
        time.sleep(POLL_S)
    answer.send(readable)
