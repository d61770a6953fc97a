"""One real stack a test run, for all its processes: Kafka, MongoDB and S3, ready in seconds (run_servers.py)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from .run_servers import Shared


class StackAddresses(Struct, frozen=True):
    """Where the run's servers are."""

    kafka: str
    mongo: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str


def run_mldash(*arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line as a user calls it, in a process of its own."""
    command = [sys.executable, "-m", "mldash", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


@pytest.fixture(scope="session")
def stack(shared: Shared) -> StackAddresses:
    """The servers of this run."""
    return _addresses(Path(shared.get("servers")["data"]))


@pytest.fixture(scope="session")
def kafka_address(stack: StackAddresses) -> str:
    return stack.kafka


def _addresses(folder: Path) -> StackAddresses:
    status: dict[str, Any] = json.loads(run_mldash("status", "--json", "--data", str(folder)).stdout)
    addresses = status["addresses"]
    s3 = addresses["s3"]
    return StackAddresses(addresses["kafka"], addresses["mongo"], s3["endpoint"], s3["access_key"], s3["secret_key"])
