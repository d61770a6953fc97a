"""`make test-adapters`: adapters and fronts with the frameworks themselves, and what came of it.

make test-adapters                                  all of them; tests/adapters/results.json is written anew
make test-adapters ARGS="-k lightning -x"           these; nothing is written

`make docs` makes docs/generated/adapters.md of that file.
"""

import json
import platform
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree import ElementTree

import pytest

RESULTS = Path(__file__).with_name("results.json")
PLACES = ("tests/adapters", "tests/unit/producer/test_values.py")
FRAMEWORKS = {
    "test_accelerate": ("accelerate", "torch"),
    "test_examples": ("lightning", "stable-baselines3", "pytorch-ignite", "ray"),
    "test_hydra": ("hydra-core",),
    "test_ignite": ("pytorch-ignite", "torch"),
    "test_keras": ("keras", "jax"),
    "test_launchers": ("torch",),
    "test_lightning": ("lightning", "pytorch-lightning", "torch"),
    "test_optuna": ("optuna",),
    "test_ray_tune": ("ray",),
    "test_sb3": ("stable-baselines3", "gymnasium", "torch"),
    "test_trackio": ("trackio",),
    "test_transformers": ("transformers", "torch"),
    "test_values": ("torch", "tensorflow-cpu", "jax", "keras"),
}
"""What the tests of a file drive, by the names that pip knows."""


def main(arguments: list[str]) -> int:
    """pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        code = int(pytest.main([*PLACES, f"--junitxml={report}", *arguments]))
        if not arguments and report.exists():
            RESULTS.write_text(json.dumps(results(report), indent=2) + "\n")
    return code


def results(report: Path) -> dict[str, object]:
    """The day, the interpreter, and a row a file: versions, and how many tests passed, failed and were skipped."""
    rows: dict[str, dict[str, int]] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = next(part for part in case.get("classname", "").split(".") if part.startswith("test_"))
        row = rows.setdefault(name, {"passed": 0, "failed": 0, "skipped": 0})
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        row[outcome] += 1
    return {
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "files": [{"file": name, "versions": _versions(name), **row} for name, row in sorted(rows.items())],
    }


def _versions(name: str) -> dict[str, str]:
    found = {}
    for package in FRAMEWORKS.get(name, ()):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
