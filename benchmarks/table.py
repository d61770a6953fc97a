"""The table of a benchmark, and its JSON under benchmarks/results/."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec

from .case import Case

RESULTS = Path(__file__).parent / "results"


def line(case: Case) -> str:
    """One row of the table."""
    ratio = "" if case.ratio is None else f"{case.ratio:.2f} × bare"
    goal = "" if case.goal is None else f"goal {case.goal:,g}  {'holds' if case.holds else 'MISSED'}"
    digits = 0 if abs(case.value) >= 100 else 2
    return f"{case.name:<46}{case.value:>14,.{digits}f} {case.unit:<10}{ratio:>14}  {goal}"


def write(name: str, cases: Sequence[Case]) -> None:
    """Print all, and keep what was measured in results/{name}.json; cases that were not run this time stay."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    kept = json.loads(path.read_text())["cases"] if path.exists() else []
    measured = {case.name for case in cases}
    rows = [one for one in kept if one["name"] not in measured] + [msgspec.to_builtins(case) for case in cases]
    path.write_text(json.dumps({"machine": machine, "cases": rows}, indent=2) + "\n")
    for case in cases:
        print(line(case))
