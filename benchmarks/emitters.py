"""Processes that log points of four fields at a given pace, as training jobs do, and count what log() has taken."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_long
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

from mldash import Experiment

EMITTERS = 4
STREAMS = ("train", "eval", "actor", "critic")
"""All emitters write all of them, in turns."""

_TICK_S = 0.01
_LONGEST_DEBT_S = 1.0  # who fell behind for longer goes on from there
_CLOSE_TIMEOUT_S = 240.0
_spawn = get_context("spawn")


class Emitters:
    """A few emitters, all of one experiment."""

    def __init__(self, processes: Sequence[BaseProcess], pace: Any, stop: Any, counts: Sequence[Any]) -> None:
        self._processes, self._pace, self._stop, self._counts = processes, pace, stop, counts

    def set_pace(self, points_a_second: float) -> None:
        """Of all together."""
        self._pace.value = points_a_second / len(self._processes)

    def logged(self) -> int:
        """Points whose log() has returned."""
        return sum(one.value for one in self._counts)

    @property
    def pids(self) -> list[int]:
        return [one.pid for one in self._processes if one.pid is not None]

    def finish(self) -> int:
        """End the runs, which delivers everything; how many points were logged. Raises RuntimeError."""
        self._stop.set()
        for process in self._processes:
            process.join(_CLOSE_TIMEOUT_S + 30)
            if process.exitcode != 0:
                raise RuntimeError(f"{process.name} ended with {process.exitcode}")
        return self.logged()


@contextmanager
def emitting(prefix: str, remote: str, journal: str, points_a_second: float) -> Iterator[Emitters]:
    """Emitters that have begun to log. None outlives the block."""
    stop, pace = _spawn.Event(), _spawn.Value("d", points_a_second / EMITTERS)
    counts = [_spawn.RawValue(c_long, 0) for _ in range(EMITTERS)]
    processes: list[BaseProcess] = [
        _spawn.Process(target=_emit, args=(prefix, remote, journal, pace, stop, count), name=f"emitter-{number}")
        for number, count in enumerate(counts, 1)
    ]
    emitters = Emitters(processes, pace, stop, counts)
    try:
        for process in processes:
            process.start()
        while not all(count.value for count in counts):
            if not all(process.is_alive() for process in processes):
                raise RuntimeError("an emitter ended before it began to log")
            time.sleep(_TICK_S)
        yield emitters
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
            if process.pid is not None:
                process.join()


def _emit(prefix: str, remote: str, journal: str, pace: Any, stop: Any, count: Any) -> None:
    experiment = Experiment(
        prefix, remote=remote, journal=journal, echo=False, capture_context=False, close_timeout_s=_CLOSE_TIMEOUT_S
    )
    with experiment.run:
        metrics = [experiment.metrics(name) for name in STREAMS]
        due = time.monotonic()
        owed = 0.0
        while not stop.is_set():
            owed += pace.value * _TICK_S
            for _ in range(int(owed)):
                metric = metrics[count.value % len(metrics)]
                metric.log(loss=random.random(), accuracy=random.random(), norm=random.random(), rate=1e-3)
                count.value += 1
            owed -= int(owed)
            now = time.monotonic()
            due = max(due + _TICK_S, now - _LONGEST_DEBT_S)
            time.sleep(max(0.0, due - now))
