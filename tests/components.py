"""One worker, one compactor and one API a test session, as processes of their own on the session's stack."""

import asyncio
import http.client
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mldash.deploy.prepare import prepare
from mldash.deploy.servers import Servers

from .stack import StackAddresses

_START_S = 60.0
RUNNING: set[int] = set()
"""Pids of the session's components: no test that happens to be the first leaves them behind."""


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Pipeline(NamedTuple):
    """All components, with topics, a database and a bucket of their own."""

    api: str
    variables: dict[str, str]
    """The environment of a command that works on it."""


@pytest.fixture(scope="session")
def pipeline(stack: StackAddresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    name = f"c{uuid.uuid4().hex[:12]}"
    servers = Servers(
        kafka=stack.kafka,
        mongo=stack.mongo,
        topic_prefix=name,
        mongo_database=name,
        s3_endpoint=stack.s3_endpoint,
        s3_bucket=name,
        s3_access_key=stack.s3_access_key,
        s3_secret_key=stack.s3_secret_key,
    )
    asyncio.run(prepare(servers))
    port, health, logs = free_port(), free_port(), tmp_path_factory.mktemp("components")
    own = {"MLDASH_WORKER_GROUP": name, "MLDASH_WORKER_INSTANCE": name, "MLDASH_WORKER_HEALTH_PORT": str(health)}
    environment = {**os.environ, **_variables(servers), **own, "MLDASH_API_PORT": str(port)}
    with ExitStack() as processes:
        for component in ("api", "worker", "compactor"):
            processes.enter_context(_process(component, environment, logs / f"{component}.log"))
        _wait_until_ready(port, logs / "api.log")
        _wait_until_ready(health, logs / "worker.log")
        yield Pipeline(f"http://127.0.0.1:{port}", _variables(servers))


@pytest.fixture(scope="session")
def api_address(pipeline: Pipeline) -> str:
    """The API's URL; behind it the whole pipeline."""
    return pipeline.api


@pytest.fixture
def remote(api_address: str, tmp_path: Path) -> dict[str, Any]:
    """The keywords that make an Experiment remote, with a journal of the test's own."""
    return {"remote": api_address, "journal": str(tmp_path / "journal")}


def _variables(servers: Servers) -> dict[str, str]:
    return {
        "MLDASH_KAFKA": servers.kafka,
        "MLDASH_MONGO": servers.mongo,
        "MLDASH_TOPIC_PREFIX": servers.topic_prefix,
        "MLDASH_MONGO_DATABASE": servers.mongo_database,
        "MLDASH_S3_ENDPOINT": servers.s3_endpoint or "",
        "MLDASH_S3_BUCKET": servers.s3_bucket,
        "MLDASH_S3_ACCESS_KEY": servers.s3_access_key or "",
        "MLDASH_S3_SECRET_KEY": servers.s3_secret_key or "",
    }


@contextmanager
def _process(component: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mldash", component], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    RUNNING.add(process.pid)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0, f"{component} did not end in order:\n{log.read_text()[-2_000:]}"


def _wait_until_ready(port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)  # not listening yet; there is nothing to await
        finally:
            connection.close()
    raise AssertionError(f"not ready within {_START_S:g} s:\n{log.read_text()[-2_000:]}")
