"""What `mldash status` says of a stack, and waiting until it says what one waits for."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stack import run_mldash


def status(data: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run_mldash("status", "--json", "--data", str(data), check=False).stdout)
    return document


def process_of(data: Path, name: str) -> dict[str, Any]:
    return next(process for process in status(data)["processes"] if process["name"] == name)


def until(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)
