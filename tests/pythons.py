"""`make test-pythons`: the SDK's tests that need no server, with each interpreter that is at hand.

make test-pythons                                         Python 3.11, 3.12, 3.13 and 3.14
make test-pythons PYTHONS="3.12 /opt/python3.14/bin/python"   these: a version, as found on PATH or by pyenv, or a path
make test-pythons PYTHONS=3.13 ARGS="tests/behaviour/test_metrics.py -x"   other tests, and what pytest takes

Each has an environment of its own in .venv-pythons, made from requirements.lock. One that is not there is skipped, and
said so in the end; where none is there, that is a failure.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ("tests/unit/producer", "tests/unit/mldash", "tests/unit/released", "tests/behaviour")
"""Of what a user's interpreter runs; the servers run on ours."""
_PASSED, _ABSENT = "passed", "SKIPPED: it is not at hand"


def main() -> int:
    parser = argparse.ArgumentParser(description="The SDK's tests with other Pythons.")
    parser.add_argument("--pythons", required=True, help='versions and paths: "3.12 /opt/python3.14/bin/python"')
    asked, more = parser.parse_known_args()
    outcomes: dict[str, str] = {}
    for name in asked.pythons.split():
        python = find(name)
        outcomes[name] = _ABSENT if python is None else check(name, python, more)
    print("\nThe SDK's tests, by interpreter:")
    for name, outcome in outcomes.items():
        print(f"  {name:8} {outcome}")
    return 0 if _PASSED in outcomes.values() and set(outcomes.values()) <= {_PASSED, _ABSENT} else 1


def find(name: str) -> Path | None:
    """The interpreter of a version ("3.12", "3.12.1") or path; None where it is not at hand."""
    if os.sep in name:
        return Path(name) if Path(name).exists() else None
    if (found := shutil.which(f"python{name}")) is not None and is_version(Path(found), name):
        return Path(found)
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    made = [path / "bin/python" for path in sorted(versions.glob(f"{name}*"), reverse=True)]
    return next((python for python in made if is_version(python, name)), None)


def is_version(python: Path, name: str) -> bool:
    """Whether it runs and is of this version: pyenv leaves names on PATH that are of none."""
    asked = [str(python), "-c", "import platform; print(platform.python_version())"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return False
    return f"{done.stdout.strip()}.".startswith(f"{name}.")


def check(name: str, python: Path, more: list[str]) -> str:
    """Make its environment, where that has not been done, and run the tests in it."""
    venv = f".venv-pythons/{name.strip(os.sep).replace(os.sep, '-')}"
    print(f"\n{name}: {python} in {venv}", flush=True)
    made = subprocess.run(["make", "--no-print-directory", "install", f"VENV={venv}", f"PYTHON={python}"], cwd=ROOT)
    if made.returncode:
        return "FAILED: its environment can't be made"
    tests = [] if any(Path(one.partition("::")[0]).exists() for one in more) else TESTS
    run = [f"{venv}/bin/python", "-m", "pytest", "-q", "-m", "not integration", *tests, *more]
    failed = subprocess.run(run, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    return f"FAILED: pytest ended with {failed}" if failed else _PASSED


if __name__ == "__main__":
    sys.exit(main())
