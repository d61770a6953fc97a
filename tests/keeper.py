"""What all processes of a test run share, in a process of its own that ends with the run, however that ends.

    python -m tests.keeper servers FOLDER PID      Kafka, MongoDB and S3; PID is the process that controls the run
    python -m tests.keeper components FOLDER PID   a worker, a compactor and an API on them

It returns when they are ready (0; what to know of them is in FOLDER/NAME.json) or can't be (1; FOLDER/NAME.failed says
why), and leaves a process behind, in a session of its own so that Ctrl-C does not reach it. That one waits until PID is
gone, or SIGTERM, and takes down what it started: components first, then the servers under them. Each child is told by
the kernel when this process is gone, so even its SIGKILL leaves nothing.
"""

import asyncio
import fcntl
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil

from mldash.connections.servers import Servers
from mldash.process import die_with_parent
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.local_servers import read_servers
from mldash_deploy.stack.ports import choose

from . import leftovers

_START_S = 120.0
_STOP_S = 60.0
_POLL_S = 0.05


class Started:
    """Children of this process, and how to end them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._processes = folder, list[tuple[str, subprocess.Popen[bytes]]]()

    def start(self, name: str, *arguments: str, **environment: str) -> Callable[[], bool]:
        """`python ARGUMENTS…`; the answer says whether it still runs."""
        wrapper = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
        with self.log(name).open("wb") as output:
            process = subprocess.Popen(
                [*wrapper, sys.executable, *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._processes.append((name, process))
        return lambda: process.poll() is None

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def until(self, name: str, is_ready: Callable[[], bool], runs: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_S
        while not is_ready():
            if not runs() or time.monotonic() > deadline:
                raise NotReady(name, self.log(name))
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """All are told at once. Raises NotReady for one that did not end in order."""
        for _, process in self._processes:
            process.terminate()
        for name, process in self._processes:
            try:
                code = process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            if code != 0:
                raise NotReady(f"at its end, with exit code {code}, {name}", self.log(name))


class NotReady(Exception):
    """`name` did not do as it should; `log` has its output."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(name, log)
        self.name, self.log = name, log

    def __str__(self) -> str:
        return f"{self.name}: not in order:\n{self.log.read_text(errors='replace')[-4_000:]}"


def start_servers(started: Started, folder: Path) -> dict[str, object]:
    data = DataFolder(folder / "stack")
    runs = started.start("servers", "-m", "mldash", "up", "--servers-only", "--data", str(data.path))

    def is_ready() -> bool:
        state = data.read_state()
        return state is not None and state.ready

    started.until("servers", is_ready, runs)
    return {"data": str(data.path)}


def start_components(started: Started, folder: Path) -> dict[str, object]:
    from mldash_deploy.prepare import prepare  # all clients: a second that the servers need not wait

    data = json.loads((folder / "servers.json").read_text())["data"]
    name = f"c{uuid.uuid4().hex[:12]}"
    servers = msgspec.structs.replace(read_servers(data), topic_prefix=name, mongo_database=name, s3_bucket=name)
    asyncio.run(prepare(servers))
    variables = variables_of(servers)
    port, health = choose(("api", "worker"), {}).values()
    own = {
        "MLDASH_API_PORT": str(port),
        "MLDASH_WORKER_GROUP": name,
        "MLDASH_WORKER_INSTANCE": name,
        "MLDASH_WORKER_HEALTH_PORT": str(health),
    }
    running = {
        one: started.start(one, "-m", "mldash", one, **variables, **own) for one in ("api", "worker", "compactor")
    }
    for one, where in (("api", port), ("worker", health)):
        started.until(one, lambda where=where: _is_ready(where), running[one])  # type: ignore[misc]
    return {"api": f"http://127.0.0.1:{port}", "variables": variables}


def variables_of(servers: Servers) -> dict[str, str]:
    """The environment of a command that works on them."""
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


KINDS = {"servers": start_servers, "components": start_components}


def main(arguments: Sequence[str]) -> int:
    """Fork, and return when the child says that all is ready, or has gone."""
    kind, folder, controller = arguments[0], Path(arguments[1]), int(arguments[2])
    ready, told = os.pipe()
    if os.fork():
        os.close(told)
        said = os.read(ready, 1)
        return 0 if said else 1
    os.close(ready)
    os.setsid()
    quiet = os.open(folder / f"keeper of {kind}.log", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held until the end: that is how others see it
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            _keep(kind, folder, controller, told)
        except BaseException:
            (folder / f"{kind}.failed").write_text(traceback.format_exc())
            raise
    return 0


def _keep(kind: str, folder: Path, controller: int, told: int) -> None:
    started = Started(folder)
    asked_to_stop, wakes = socket.socketpair()
    asked_to_stop.setblocking(False)
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)
    over = os.pidfd_open(controller)
    try:
        known = KINDS[kind](started, folder)
        (folder / f"{kind}.json").write_text(json.dumps(known))
        os.write(told, b"1")
        os.close(told)
        select.select([over, asked_to_stop], [], [])
    finally:
        if kind == "servers":
            _wait_for(folder / "components.lock")
        started.stop()
        if kind == "servers" and not psutil.pid_exists(controller):  # it was killed, and could not look itself
            leftovers.end(str(folder))


def _wait_for(lock: Path) -> None:
    """Until nobody holds it, if anybody does; not for ever."""
    deadline = time.monotonic() + _STOP_S
    while is_held(lock) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def is_held(lock: Path) -> bool:
    """Whether a keeper lives that has this lock."""
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False  # not listening yet
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
