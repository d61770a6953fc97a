"""`make test-openapi`: schemathesis asks every operation of the OpenAPI document, with and without rights.

It installs schemathesis (pinned here) into an environment of its own, brings a stack up, writes a little into it, and
starts an API beside it for each way to come in. No answer may be a fault of ours (500), or outside of what the document
says of it.

    python -m tests.openapi_fuzz [--examples N] [--seed N]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from benchmarks.api_process import servers_of_stack
from benchmarks.stack import mldash, running_stack
from mldash import Experiment
from mldash.process.environment import to_variables
from tests.components import free_port

PINNED: Final = "schemathesis==4.32.5"
CHECKS: Final = "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance"
RIGHTS: Final[dict[str, list[str] | None]] = {
    "nobody signs in": None,
    "admin of everything": ["--admin"],
    "a reader of something else": ["--read", "another/project"],
    "no token": [],
}
"""How a caller comes in: the grants of its token; [] is none at all, None an API that asks for none."""

_START_S: Final = 60.0
_HOOKS: Final = """
import json
import schemathesis

@schemathesis.serializer("application/msgpack")
def as_it_is(context, value):
    return value if isinstance(value, bytes) else json.dumps(value, default=str).encode()
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=50, help="of each operation (50)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(None) as data:
        work = Path(folder)
        install(work)
        write_something(mldash("env", "--data", data))
        failed = [way for way in RIGHTS if not fuzz(way, data, work, given)]
    print(f"failed: {', '.join(failed)}" if failed else "holds for each way to come in")
    return 1 if failed else 0


def install(work: Path) -> None:
    (work / "hooks.py").write_text(_HOOKS)
    subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
    pip = [str(work / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PINNED]
    subprocess.run(pip, check=True)


def write_something(exports: str) -> None:
    (remote,) = [line.partition("=")[2] for line in exports.splitlines() if "MLDASH_REMOTE=" in line]
    with (
        tempfile.TemporaryDirectory() as journal,
        Experiment("fuzz/openapi/run", remote=remote, journal=journal, echo=False) as experiment,
    ):
        for step in range(500):
            experiment.metrics("loss").log(step=step, loss=1 / (step + 1))
            experiment.tracks("pose").append(_ts=float(step), x=step * 0.1)
        experiment.params.set(lr=0.1)
        experiment.log("a line")


def fuzz(way: str, data: str, work: Path, given: argparse.Namespace) -> bool:
    """Whether every answer is as the document says."""
    grants = RIGHTS[way]
    auth = {} if grants is None else {"MLDASH_AUTH": "tokens"}
    with api({**to_variables(servers_of_stack(data), ""), **auth}) as address:
        headers = {"Origin": address}
        if grants:
            headers["Authorization"] = f"Bearer {token_of(grants, data)}"
        document = httpx.get(f"{address}/v1/openapi.json", headers=headers, trust_env=False)
        if document.status_code == 200:
            (work / "openapi.json").write_bytes(document.content)
        print(f"--- {way}", flush=True)
        command = [str(work / "venv/bin/st"), "run", str(work / "openapi.json"), "--url", address, "--checks", CHECKS]
        command += ["--phases", "fuzzing", "--continue-on-failure", "--workers", "1", "--request-timeout", "30"]
        command += ["--max-examples", str(given.examples), "--seed", str(given.seed)]
        for name, value in headers.items():
            command += ["--header", f"{name}: {value}"]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(work)}
        return subprocess.run(command, env=environment, cwd=work, check=False).returncode == 0


def token_of(grants: list[str], data: str) -> str:
    made = json.loads(mldash("token", "create", "fuzz", "--direct", "--json", "--data", data, *grants))
    return str(made["token"])


@contextmanager
def api(variables: dict[str, str]) -> Iterator[str]:
    """The address of one that runs meanwhile."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "mldash", "api"]
    process = subprocess.Popen(
        command, env={**os.environ, **variables, "MLDASH_API_PORT": str(port)}, stdout=subprocess.DEVNULL
    )
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _START_S
    try:
        while True:
            try:
                httpx.get(f"{address}/healthz", trust_env=False)
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    sys.exit(main())
