"""`make mixed`: an SDK of 0.1.0 with this version's workers, compactor and API, and the reverse.

make mixed                          installs 0.1.0 in a temporary folder: needs the network, some minutes
make mixed ARGS="--old /tmp/v010"   a folder that holds its tree with a .venv already

Every kind of call is logged by the one version and stored by the other; what either SDK reads of it, hot and then cold,
is what was logged; and the audit of the servers' version is content.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

COMMIT = "c100c97"
"""Of the tag v0.1.0, which a shallow clone may lack."""
ROOT = Path(__file__).parents[2]
CONTENT = Path(__file__).parent / "v0_1_0"
PREFIX = "mixed/versions/run"
_START_S = 300.0

EMIT = """
import sys, time; sys.path.insert(0, sys.argv[1])
import content
from mldash import Experiment
keywords = {"remote": sys.argv[3], "journal": sys.argv[4], "echo": False, "heartbeat_s": 0.3, **content.ABOUT}
with Experiment(sys.argv[2], **keywords).run as run:
    content.log_all(run)
    time.sleep(1)  # some heartbeats
"""
READ = """
import sys, time; sys.path.insert(0, sys.argv[1])
import content
from mldash import Experiment
there = Experiment(sys.argv[2], remote=sys.argv[3], echo=False)
deadline = time.monotonic() + 120
expected = repr(content.ordered(content.everything()))  # a repr tells 1, 1.0, True, NaN and the zeros apart
while (found := repr(content.ordered(content.read_all(there)))) != expected or (
    sys.argv[4] == "cold" and not there.metrics("train").stats()["chunkedDataPoints"]
):
    assert time.monotonic() < deadline, f"read:\\n{found}\\nlogged:\\n{expected}"
    time.sleep(0.2)
assert there.run.status == "COMPLETED", there.run.status
"""
PREPARE = """
import asyncio, os
try:
    from mldash_deploy.prepare import prepare
    from mldash.connections.servers import Servers
except ImportError:  # 0.1.0
    from mldash.deploy.prepare import prepare
    from mldash.deploy.servers import Servers
of = os.environ
asyncio.run(prepare(Servers(
    kafka=of["MLDASH_KAFKA"], mongo=of["MLDASH_MONGO"], topic_prefix=of["MLDASH_TOPIC_PREFIX"],
    mongo_database=of["MLDASH_MONGO_DATABASE"], s3_endpoint=of["MLDASH_S3_ENDPOINT"], s3_bucket=of["MLDASH_S3_BUCKET"],
    s3_access_key=of["MLDASH_S3_ACCESS_KEY"], s3_secret_key=of["MLDASH_S3_SECRET_KEY"],
)))
"""


class Version:
    """A tree with its interpreter."""

    def __init__(self, name: str, tree: Path, python: Path) -> None:
        self.name, self._tree, self.python = name, tree, python

    def run(self, script: str, *arguments: str, **environment: str) -> None:
        subprocess.run(
            [str(self.python), "-c", script, *arguments], check=True, cwd=self._tree, env={**_clean(), **environment}
        )

    def command(self, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [str(self.python), "-m", "mldash", *arguments], cwd=self._tree, env={**_clean(), **environment}
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mixed", description="Version 0.1.0 and this one, one with the other.")
    parser.add_argument("--old", type=Path, help="the tree of 0.1.0, with its .venv")
    given = parser.parse_args()
    new = Version("this version", ROOT, Path(sys.executable))
    with tempfile.TemporaryDirectory(prefix="mldash-mixed-") as folder:
        tree = given.old or install(Path(folder) / "v0.1.0")
        old = Version("0.1.0", tree.absolute(), tree.absolute() / ".venv/bin/python")
        with servers(Path(folder) / "stack") as addresses:
            for sdk, rest in ((old, new), (new, old)):
                mixed(sdk, rest, {**addresses, **_names(f"mixed-{sdk.name[-5:].replace('.', '-')}")}, Path(folder))
                print(f"ok: the SDK of {sdk.name} with the servers of {rest.name}", flush=True)
    return 0


def mixed(sdk: Version, rest: Version, environment: dict[str, str], folder: Path) -> None:
    from tests.components import free_port

    rest.run(PREPARE, **environment)
    port = free_port()
    remote = f"http://127.0.0.1:{port}"
    with ExitStack() as running:
        for name in ("worker", "compactor", "api"):
            running.enter_context(component(rest, name, {**environment, "MLDASH_API_PORT": str(port)}))
        _wait_for(port)
        sdk.run(EMIT, str(CONTENT), PREFIX, remote, str(folder / f"journal-{sdk.name}"))
        for reader in (sdk, rest):
            for temperature in ("hot", "cold"):
                reader.run(READ, str(CONTENT), PREFIX, remote, temperature)
        assert rest.command("audit", PREFIX, **environment).wait(120) == 0


def install(folder: Path) -> Path:
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", COMMIT], check=True, cwd=ROOT, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=archive)
    subprocess.run(["make", "install", f"PYTHON={sys.executable}", "VENV=.venv"], check=True, cwd=folder)
    return folder


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    from tests.stack import run_mldash

    running = os.environ.get("MLDASH_TEST_DATA")
    data = running or str(folder)
    if not running:
        run_mldash("up", "--servers-only", "--detach", "--data", data)
    try:
        at = json.loads(run_mldash("status", "--json", "--data", data).stdout)["addresses"]
        yield {
            "MLDASH_KAFKA": at["kafka"],
            "MLDASH_MONGO": at["mongo"],
            "MLDASH_S3_ENDPOINT": at["s3"]["endpoint"],
            "MLDASH_S3_ACCESS_KEY": at["s3"]["access_key"],
            "MLDASH_S3_SECRET_KEY": at["s3"]["secret_key"],
        }
    finally:
        if not running:
            run_mldash("down", "--data", data)


@contextmanager
def component(version: Version, name: str, environment: dict[str, str]) -> Iterator[None]:
    process = version.command(name, **environment)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0, f"{name} of {version.name} did not end in order"


def _names(name: str) -> dict[str, str]:
    name = f"{name}-{os.getpid()}"
    return {
        "MLDASH_TOPIC_PREFIX": name,
        "MLDASH_MONGO_DATABASE": name,
        "MLDASH_S3_BUCKET": name,
        "MLDASH_WORKER_GROUP": name,
        "MLDASH_WORKER_INSTANCE": name,
        "MLDASH_WORKER_IDLE_S": "1",
        "MLDASH_COMPACTOR_IDLE_S": "2",
        "MLDASH_COMPACTOR_POLL_S": "0.2",
    }


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLDASH_", "PYTHONPATH"))}


def _wait_for(port: int) -> None:
    import http.client

    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)  # not listening yet
        finally:
            connection.close()
    raise AssertionError(f"the API is not ready within {_START_S:g} s")


if __name__ == "__main__":
    sys.exit(main())
