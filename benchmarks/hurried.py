"""How late a point comes that is logged far away, with and without somebody who listens: `make bench-hurried`.

On a whole stack of this machine 100 points a second go into a metric of one experiment, beside 12,000 of another one. A
live stream of its project, which hurries no process, tells when each has come.

  alone     nobody else listens
  listened  a live stream of the experiment itself is open too. Points count from the second on in which the process has
            heard of it: it asks within its first, and hears within one
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from mldash import Client, Experiment
from mldash.client.live.events import Points, UpToDate

from .case import Case, no_more, run_alone
from .emitters import emitting
from .stack import running_stack
from .table import write
from .whole_stack import look_at

PACE: Final = 12_000
_PROJECT: Final = "bench/hurried"
_STEP_S: Final = 0.01
_WARM_UP_S: Final = 10.0
_HEARS_S: Final = 2.0
_LAST_S: Final = 60.0
_GOALS: Final[Mapping[str, tuple[int, int]]] = {"alone": (300, 800), "listened": (80, 200)}
"""Milliseconds: the median, and the 99th percentile."""


@contextmanager
def _listening(
    remote: str, told: Callable[[Points], None], prefixes: str | tuple[()], scopes: str | tuple[()]
) -> Iterator[None]:
    live, ready = Client(remote).live(prefixes, scopes=scopes, kinds="points"), threading.Event()

    def hear() -> None:
        for event in live:
            if isinstance(event, UpToDate):
                ready.set()
            elif isinstance(event, Points):
                told(event)

    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    ready.wait(_LAST_S)
    with live:
        yield
    thread.join(_LAST_S)


def _nothing(points: Points) -> None:
    """Who listens for it to be hurried."""


def measure(stack_data: str, name: str, seconds: float) -> dict[str, float]:
    """Milliseconds from the end of `log()`."""
    remote, journal = look_at(stack_data).api, str(Path(stack_data, "journal").absolute())
    prefix, count = f"{_PROJECT}/{name}", int(seconds / _STEP_S)
    ended, came, whole = list[float](), dict[int, float](), threading.Event()

    def told(points: Points) -> None:
        now = time.monotonic()
        if points.prefix == prefix:
            came.update((points.first_index + at, now) for at in range(len(points.points)))
            if len(came) == count:
                whole.set()

    with emitting("bench/load/run", remote, journal, PACE) as emitters:
        time.sleep(_WARM_UP_S)
        beside = prefix if name == "listened" else f"{prefix}-that-is-none"
        with _listening(remote, told, (), _PROJECT), _listening(remote, _nothing, beside, ()):
            with Experiment(
                prefix, remote=remote, journal=journal, echo=False, capture_context=False
            ).run as experiment:
                log, due = partial(experiment.metrics("train").log, loss=0.5), time.monotonic()
                for _ in range(count):
                    log()
                    ended.append(time.monotonic())
                    due += _STEP_S
                    time.sleep(max(0.0, due - time.monotonic()))
            if not whole.wait(_LAST_S):
                raise RuntimeError(f"{len(came)} of {count} points came")
        emitters.finish()
    late = [came[at] - one for at, one in enumerate(ended) if one >= ended[0] + _HEARS_S]
    percentiles = statistics.quantiles(late, n=100, method="inclusive")
    return {"p50": percentiles[49] * 1e3, "p99": percentiles[98] * 1e3}


def cases_of(name: str, found: dict[str, float]) -> list[Case]:
    who = "somebody listens" if name == "listened" else "nobody listens"
    goals = dict(zip(("p50", "p99"), _GOALS[name], strict=True))
    return [no_more(f"log() to the live stream, {who}, {one}", found[one], "ms", goal) for one, goal in goals.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each case")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(given.data, given.case, given.seconds)))
        return
    with running_stack(given.data) as data:
        for name in _GOALS:
            print(name, file=sys.stderr)
            found = run_alone("benchmarks.hurried", ["--case", name, "--data", data, "--seconds", str(given.seconds)])
            write("hurried", cases_of(name, found))


if __name__ == "__main__":
    main()
