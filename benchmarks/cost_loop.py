"""One process that logs at a set pace, and the CPU that it takes with all its threads: for benchmarks/cost.py.

It may run with the interpreter of another checkout, or of an environment with other trackers, so it imports nothing of
ours before it is told what to measure.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .trackers import TRACKERS, Finish, Log

TICKS = 1_000
"""A second at most: what is more than these is logged several at a time."""
_WARM_S = 1.5
"""Of the same pace before anything counts: connections, first files and their folders."""


def _ml_dash(way: str, names: list[str], address: str, folder: Path) -> tuple[Log, Finish]:
    from mldash import Experiment

    where: dict[str, Any] = {"root": str(folder)}
    if way == "kafka":
        where = {"mode": "remote", "kafka": address, "journal": str(folder)}
    elif way == "http":
        where = {"remote": address, "transport": "http", "journal": str(folder)}
    experiment = Experiment(f"bench/cost/run-{time.time_ns()}", echo=False, capture_context=False, **where)
    experiment.run.start()
    calls = [experiment.metrics(name).log for name in names]
    if len(names) > 1:
        return lambda i: calls[i % len(calls)](value=i * 0.1), experiment.run.complete
    log = calls[0]
    return lambda i: log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4), experiment.run.complete


def _paced(log: Log, ticks_a_second: float, calls: int, seconds: float, *, is_strict: bool = True) -> float:
    """CPU seconds of the process over so many seconds. Raises RuntimeError where it can't keep the pace."""
    before, begun = time.process_time(), time.perf_counter()
    number = 0
    for tick in range(round(seconds * ticks_a_second)):
        ahead = begun + tick / ticks_a_second - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        for _ in range(calls):
            log(number)
            number += 1
    rest = begun + seconds - time.perf_counter()
    if rest > 0:
        time.sleep(rest)
    took = time.perf_counter() - begun
    if is_strict and took > 1.1 * seconds:
        raise RuntimeError(f"it can't keep this pace: {took:.1f} s for what should take {seconds:g} s")
    return time.process_time() - before


def _nothing(number: int) -> None:
    """The same loop with a call, without logging."""


def measure(make: Callable[[Path], tuple[Log, Finish]], rate: float, calls: int, seconds: float) -> dict[str, float]:
    """Percent of a core, above the same loop without logging before it and after it."""
    ticks = rate / calls
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        empty = _paced(_nothing, ticks, calls, seconds / 2)
        log, finish = make(Path(folder))
        _paced(log, ticks, calls, _WARM_S, is_strict=False)
        used = _paced(log, ticks, calls, seconds)
        finish()
        empty += _paced(_nothing, ticks, calls, seconds / 2)
    return {"percent": (used - empty) / seconds * 100}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--way", required=True, help="local, kafka, http, or another tracker's name")
    parser.add_argument("--address", default="", help="of Kafka, or of the API")
    parser.add_argument("--rate", type=float, required=True, help="calls a second")
    parser.add_argument("--names", type=int, default=1, help="metrics that are logged to in turn")
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    os.environ.pop("MLDASH_REMOTE", None)
    calls = given.names if given.names > 1 else max(1, round(given.rate / TICKS))
    names = [f"layer/{number}" for number in range(given.names)] if given.names > 1 else ["train"]

    def make(folder: Path) -> tuple[Log, Finish]:
        if given.way in TRACKERS:
            return TRACKERS[given.way](folder)
        return _ml_dash(given.way, names, given.address, folder)

    print(json.dumps(measure(make, given.rate, calls, given.seconds)))


if __name__ == "__main__":
    main()
