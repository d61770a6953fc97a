"""What logging costs the process that logs, all its threads together: `make bench-cost`.

A loop logs at a set pace, in a process of its own; the same loop without logging runs before and after it in the same
process, and is taken off. Figures are percent of one core: a training step in pure Python is slowed by about as much.
Kafka and an API are real and on the same machine; no worker runs. Cases take turns, `--repeat` times; medians.

  local      into local files
  kafka      remote mode, straight to Kafka
  http       remote mode by way of the API (transport="http")
  steps      50 metrics of one float, a log() each, 20 times a second
  before     the same in turn with another checkout: `--before PYTHON`, the interpreter of its environment. It is "bare"
             in the table
  trackers   the same loop with other trackers, where `--trackers PYTHON` (an environment) has them; of those that
             write by a process of their own, as wandb does, this is the user's process alone
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from .api_process import api, servers_of_stack
from .case import Case, at_most, no_more
from .stack import mldash, running_stack
from .table import write

_TRACKERS: Final = ("wandb", "tensorboardX", "trackio")
_CAN_TELL: Final = 0.05
"""Percent; less can't be told from nothing."""


class _Pace(NamedTuple):
    """Calls a second, to how many metrics, and the most that it should cost locally and to Kafka; and over HTTP."""

    name: str
    rate: int
    metrics: int
    goal: float | None
    goal_over_http: float | None


_PACES: Final = (
    _Pace("100 points/s", 100, 1, 1.0, 1.5),
    _Pace("1,000 points/s", 1_000, 1, 2.5, None),
    _Pace("10,000 points/s", 10_000, 1, 6.0, None),
    _Pace("50 metrics, 20 steps/s", 1_000, 50, 3.0, None),
)


def _run(python: str, way: str, address: str, pace: _Pace, seconds: float) -> float | None:
    """None where the tracker is missing, or can't keep the pace."""
    command = [python, "-m", "benchmarks.cost_loop", "--way", way, "--address", address, "--rate", str(pace.rate)]
    command += ["--names", str(pace.metrics), "--seconds", str(seconds)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return float(found["percent"])


def _in_turn(pythons: list[str], way: str, address: str, pace: _Pace, given: argparse.Namespace) -> list[float | None]:
    """The medians, one an interpreter."""
    found: list[list[float]] = [[] for _ in pythons]
    for _ in range(given.repeat):
        for python, values in zip(pythons, found, strict=True):
            percent = _run(python, way, address, pace, given.seconds)
            if percent is not None:
                values.append(percent)
    return [statistics.median(values) if values else None for values in found]


def _cases(way: str, address: str, given: argparse.Namespace) -> list[Case]:
    pythons = [sys.executable, *([given.before] if given.before else [])]
    cases = []
    for pace in _PACES:
        now, *before = _in_turn(pythons, way, address, pace, given)
        assert now is not None, "our own loop keeps its pace"
        goal = pace.goal_over_http if way == "http" else pace.goal
        name = f"{way}, {pace.name}"
        if before and before[0] is not None:
            cases.append(at_most(f"{name}, of the build before", now, "% of a core", max(before[0], _CAN_TELL), None))
        cases.append(no_more(name, now, "% of a core", goal))
    return cases


def _cases_of_trackers(given: argparse.Namespace) -> list[Case]:
    cases = []
    for tracker in _TRACKERS:
        for pace in _PACES[:3]:
            (percent,) = _in_turn([given.trackers], tracker, "", pace, given)
            if percent is not None:
                cases.append(no_more(f"{tracker}, {pace.name}", percent, "% of a core"))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--before", help="the interpreter of another checkout's environment")
    parser.add_argument("--trackers", help="the interpreter of an environment with other trackers")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", default="local,kafka,http", help="ways, by comma")
    given = parser.parse_args()
    ways = given.only.split(",")
    if "local" in ways:
        write("cost", _cases("local", "", given))
    if given.trackers:
        write("cost", _cases_of_trackers(given))
    if not {"kafka", "http"} & {*ways}:
        return
    with running_stack(given.data, "--servers-only") as data, api(servers_of_stack(data)) as server:
        kafka = json.loads(mldash("status", "--json", "--data", data))["addresses"]["kafka"]
        for way, address in ("kafka", kafka), ("http", server.address):
            if way in ways:
                write("cost", _cases(way, address, given))


if __name__ == "__main__":
    main()
