"""What tests of the layout and of installations share: the packages, and a Python of its own for each step."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "mldash": "producer",
    "mldash_ingest": "ingest_workers",
    "mldash_compactor": "compactor",
    "mldash_api": "query_api",
    "mldash_deploy": "deploy",
}
"""Each in the folder of its component."""


def build_requires() -> list[str]:
    """What builds a wheel, pinned."""
    requires: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    return requires


def python(*arguments: str, cwd: Path = ROOT, **environment: str) -> None:
    """AssertionError, with what it said, where it fails."""
    done = run_python(*arguments, cwd=cwd, **environment)
    assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"


def run_python(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As it ends."""
    command, env = [sys.executable, *arguments], {**os.environ, **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
