"""Components as an operator runs them, on the secured servers: settings by variables, secrets by files."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mldash.connections.servers import Servers
from mldash.process.environment import OF_FILE, list_settings, to_variables
from tests.components import free_port
from tests.secret_scan import write_secret

from .servers import SecuredServers

_READY_S = 60.0
_STOP_S = 40.0


def variables(servers: Servers, folder: Path) -> dict[str, str]:
    """The environment of a component: each secret in a file of its own."""
    found = to_variables(servers, "")
    for setting in list_settings(Servers, ""):
        if setting.secret and setting.variable in found:
            file = folder / f"{setting.name}.secret"
            write_secret(file, found.pop(setting.variable) + "\n")
            found[setting.variable + OF_FILE] = str(file)
    return found


class Component:
    """A running `mldash worker`, `api` or `compactor`."""

    def __init__(self, name: str, port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.name, self.port, self._log, self._process = name, port, log, process

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> tuple[bool, str]:
        """Whether it is, and what it says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status == 200, answer.read().decode()
        except OSError as error:
            return False, str(error)
        finally:
            connection.close()

    def until_ready(self, wanted: bool = True, limit_s: float = _READY_S) -> str:
        """What it says when it is, or, if that is wanted, is no more."""
        deadline = time.monotonic() + limit_s
        while True:
            is_ready, said = self.ready()
            if is_ready == wanted:
                return said
            assert self.is_running, f"{self.name} has ended:\n{self.output[-4_000:]}"
            assert time.monotonic() < deadline, f"{self.name} after {limit_s:g} s: {said}\n{self.output[-4_000:]}"
            time.sleep(0.1)

    def ended(self, limit_s: float) -> int:
        return self._process.wait(limit_s)

    def stop(self) -> None:
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            finally:
                self._process.kill()


@contextmanager
def running(secured: SecuredServers, name: str, folder: Path, environ: Mapping[str, str]) -> Iterator[Component]:
    """Not waited for. Afterwards no secret stands in its output."""
    port, log = free_port(), folder / f"{name}-{time.monotonic_ns()}.log"
    own = "MLDASH_API_PORT" if name == "api" else f"MLDASH_{name.upper()}_HEALTH_PORT"
    whole = {**os.environ, **environ, own: str(port), "MLDASH_LOG_LEVEL": "debug"}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "mldash", name]
        process = subprocess.Popen(command, env=whole, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    component = Component(name, port, log, process)
    try:
        yield component
    finally:
        component.stop()
    secured.assert_kept(component.output)


def status_of(component: Component, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", component.port, timeout=30)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
