"""What a call through a front costs, beside our own log() and beside the tracker whose front it is, where installed.

    python -m benchmarks.fronts

Each case is its own loop of 50,000 calls in files of this machine; the median and the 99th percentile of a call are
printed, in microseconds. wandb itself runs offline.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import mldash.wandb as front
from mldash import Experiment

_CALLS = 50_000
_CALLS_OF_WANDB = 5_000


def main() -> None:
    """Print a line a case."""
    with _folder():
        for name, fields in (("one field", 1), ("four fields", 4)):
            keys = [f"train/field{number}" for number in range(fields)]
            with front.init(project="speed"):
                times = _measured(lambda i, keys=keys: front.log(dict.fromkeys(keys, 0.5 + i)), _CALLS)  # type: ignore[misc]
                _print(f"mldash.wandb.log, {name}", times)
            with Experiment("me/speed/own").run as experiment:
                metric = experiment.metrics("train")
                own = [key.partition("/")[2] for key in keys]
                times = _measured(lambda i, log=metric, own=own: log.log(step=i, **dict.fromkeys(own, 0.5 + i)), _CALLS)  # type: ignore[misc]
                _print(f"our own log, {name}", times)
        if find_spec("wandb") is None:
            print("wandb is not installed: pip install wandb")
            return
        _measure_wandb(keys)


def _measure_wandb(keys: list[str]) -> None:
    import wandb

    os.environ["WANDB_SILENT"] = "true"
    run = wandb.init(project="speed", mode="offline")
    _print("wandb.log, four fields", _measured(lambda i: run.log(dict.fromkeys(keys, 0.5 + i)), _CALLS_OF_WANDB))
    run.finish()


def _measured(call: Callable[[int], object], count: int) -> list[int]:
    """Nanoseconds of each call, sorted."""
    clock, times = time.perf_counter_ns, []
    for number in range(count):
        began = clock()
        call(number)
        times.append(clock() - began)
    return sorted(times)


def _print(name: str, times: list[int]) -> None:
    median, late = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"{name:34} median {median / 1000:7.2f} µs   p99 {late / 1000:8.2f} µs")
    sys.stdout.flush()


@contextmanager
def _folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
