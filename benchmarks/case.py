"""One measured figure beside the bare machine's, and running what measures in a process of its own."""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from msgspec import Struct


class Case(Struct, frozen=True, kw_only=True):
    """`ratio` is value / bare; `holds` says whether it reaches its goal, None where there is none."""

    name: str
    value: float
    unit: str
    bare: float | None = None
    ratio: float | None = None
    goal: float | None = None
    holds: bool | None = None


def at_least(name: str, value: float, unit: str, bare: float, goal: float | None) -> Case:
    """A figure whose ratio to the bare one should be `goal` or more."""
    ratio = value / bare
    holds = None if goal is None else ratio >= goal
    return Case(name=name, value=value, unit=unit, bare=bare, ratio=ratio, goal=goal, holds=holds)


def at_most(name: str, value: float, unit: str, bare: float, goal: float | None) -> Case:
    """A figure whose ratio to the bare one should be `goal` or less."""
    ratio = value / bare
    holds = None if goal is None else ratio <= goal
    return Case(name=name, value=value, unit=unit, bare=bare, ratio=ratio, goal=goal, holds=holds)


def no_less(name: str, value: float, unit: str, goal: float | None = None) -> Case:
    """A figure that should itself be `goal` or more."""
    return Case(name=name, value=value, unit=unit, goal=goal, holds=None if goal is None else value >= goal)


def no_more(name: str, value: float, unit: str, goal: float | None = None) -> Case:
    """A figure that should itself be `goal` or less."""
    return Case(name=name, value=value, unit=unit, goal=goal, holds=None if goal is None else value <= goal)


def at_rate(value: float, seen: float, wanted: float) -> float:
    """What was measured at the rate `seen`, at the rate `wanted`: by what each turn costs. A machine that is busy, or
    slow, takes fewer turns, and less for all of them together: that is no success."""
    return value / seen * wanted


def run_alone(module: str, arguments: Sequence[str], repeat: int = 1) -> dict[str, float]:
    """Medians of what `python -m module …` prints as JSON, each run in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    runs: list[dict[str, Any]] = []
    for _ in range(repeat):
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}
