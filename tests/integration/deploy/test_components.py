"""Workers, compactors and the API under `mldash up`, and each alone."""

from __future__ import annotations

import os
import signal
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


def test_the_api_of_a_private_stack_answers_whoever_can_read_its_token(data: Path) -> None:
    """And nobody else who reaches loopback; the file is its owner's alone."""
    run_mldash("up", "--detach", "--private", "--workers", "0", "--compactors", "0", "--data", str(data))
    token_file, api = data / "api_token", status(data)["addresses"]["api"]
    told = run_mldash("env", "--data", str(data)).stdout
    assert f"export MLDASH_TOKEN_FILE={token_file}" in told
    assert token_file.stat().st_mode & 0o777 == 0o600
    token = token_file.read_text().strip()
    assert token not in told + run_mldash("status", "--data", str(data)).stdout
    assert httpx.get(f"{api}/v1/experiments").status_code == 401
    forwarded = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9", "Host": "hub.example"}
    assert httpx.get(f"{api}/v1/experiments", headers=forwarded).status_code == 200


def test_the_user_of_a_private_stack_signs_a_browser_in_once_with_the_link_that_it_leaves(data: Path) -> None:
    """The link is in no output and no log; the cookie holds over a restart of the API."""
    up = run_mldash("up", "--detach", "--private", "--workers", "0", "--compactors", "0", "--data", str(data))
    link_file, api = data / "api_link", status(data)["addresses"]["api"]
    assert str(link_file) in up.stdout
    assert [(data / name).stat().st_mode & 0o777 for name in ("api_link", "signing_keys")] == [0o600, 0o600]
    address, _, text = link_file.read_text().strip().partition("#once=")
    assert address == f"{api}/sign-in"
    with httpx.Client(base_url=api, headers={"Origin": api}) as browser:
        assert browser.get(address).status_code == 200
        assert [browser.post("/v1/sign-in", json={"token": text}).status_code for _ in range(2)] == [200, 401]
        assert browser.get("/v1/experiments").status_code == 200
        before = process_of(data, "api")["pid"]
        os.kill(before, signal.SIGKILL)
        until(lambda: process_of(data, "api")["pid"] not in (None, before) and status(data)["ready"])
        assert browser.get("/v1/experiments").status_code == 200
    keys = (data / "signing_keys").read_text().strip()
    logs = [path.read_text(errors="replace") for path in (data / "logs").iterdir()]
    for secret in (text, link_file.read_text().strip().partition("#once=")[2], keys):
        assert not any(secret in told for told in (up.stdout, up.stderr, (data / "state.json").read_text(), *logs))


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
