"""Workers, compactors and the API under `mldash up`, and each alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.stack import StackAddresses, run_mldash

from .stacks import process_of, status, until

pytestmark = pytest.mark.integration


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose stack is down afterwards, whatever the test did."""
    folder = tmp_path / "data"
    yield folder
    run_mldash("down", "--data", str(folder))


def test_the_whole_stack_is_ready_within_a_minute_and_keeps_what_dies_alive(data: Path) -> None:
    """Two workers, a compactor and the API; each component is killed once and comes back."""
    began = time.monotonic()
    done = run_mldash("up", "--detach", "--workers", "2", "--data", str(data))
    assert time.monotonic() - began < 60  # 8 s on a quiet machine; other tests run beside it
    document = status(data)
    names = ["kafka", "mongo", "s3", "worker-1", "worker-2", "compactor-1", "api"]
    assert [process["name"] for process in document["processes"]] == names
    api = document["addresses"]["api"]
    assert api in done.stdout
    assert f"export MLDASH_REMOTE={api}" in run_mldash("env", "--data", str(data)).stdout
    assert httpx.get(f"{api}/healthz").status_code == 200
    assert httpx.get(f"{api}/readyz").status_code == 200
    for name in ("worker-1", "compactor-1", "api"):
        pid = process_of(data, name)["pid"]
        psutil.Process(pid).kill()
        until(lambda name=name: process_of(data, name)["restarts"] >= 1 and status(data)["ready"])  # type: ignore[misc]
    pids = [process["pid"] for process in status(data)["processes"]]
    run_mldash("down", "--data", str(data))
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    for name in ("worker-2", "compactor-1", "api"):
        assert '"event": "stopped"' in (data / "logs" / f"{name}.log").read_text(), f"{name} was not let finish"


def test_a_component_that_does_not_start_is_told_and_takes_the_stack_down(data: Path) -> None:
    done = run_mldash("up", "--detach", "--data", str(data), check=False, MLDASH_WORKER_BATCH_RECORDS="none")
    assert done.returncode == 1
    assert "mldash: up: worker-1 did not start: it ended with exit code 1" in done.stderr
    assert "MLDASH_WORKER_BATCH_RECORDS: batch_records is 'none', allowed is a whole number" in done.stderr
    assert not [process for process in status(data)["processes"] if process["pid"]]


@pytest.mark.parametrize(
    ("component", "away"),
    [
        ("worker", "MLDASH_KAFKA"),
        ("worker", "MLDASH_MONGO"),
        ("compactor", "MLDASH_MONGO"),
        ("compactor", "MLDASH_S3_ENDPOINT"),
        ("api", "MLDASH_MONGO"),
        ("api", "MLDASH_S3_ENDPOINT"),
    ],
)
def test_a_server_that_is_away_at_the_start_is_one_line(stack: StackAddresses, component: str, away: str) -> None:
    """The other servers are there; the line says which one is not, and nothing is a traceback."""
    nobody = {
        "MLDASH_KAFKA": "127.0.0.1:9",
        "MLDASH_MONGO": "mongodb://127.0.0.1:9",
        "MLDASH_S3_ENDPOINT": "http://127.0.0.1:9",
    }
    given = {
        "MLDASH_KAFKA": stack.kafka,
        "MLDASH_MONGO": stack.mongo,
        "MLDASH_S3_ENDPOINT": stack.s3_endpoint,
        "MLDASH_S3_ACCESS_KEY": stack.s3_access_key,
        "MLDASH_S3_SECRET_KEY": stack.s3_secret_key,
        "MLDASH_API_PORT": "0",
    }
    command = [sys.executable, "-m", "mldash", component]
    environment = {**os.environ, **given, away: nobody[away]}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("mldash: ")]
    assert len(told) == 1
    assert told[0].startswith(f"mldash: {component}: ")
    assert "127.0.0.1:9" in told[0]


def test_a_component_finds_the_servers_of_a_local_stack_by_its_folder(data: Path) -> None:
    run_mldash("up", "--servers-only", "--detach", "--data", str(data))
    command = [sys.executable, "-m", "mldash", "api", "--port", "0", "--data", str(data), "--set", "wait_limit_s=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as api:
        children = psutil.Process(api.pid)
        until(lambda: any(c.status == psutil.CONN_LISTEN for c in children.net_connections()))
        port = next(c.laddr.port for c in children.net_connections() if c.status == psutil.CONN_LISTEN)
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200)
        api.terminate()
        _, err = api.communicate(timeout=20)
    assert api.returncode == 0, err
