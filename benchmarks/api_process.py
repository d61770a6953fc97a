"""`mldash api` in a process of its own, on the servers of a stack, and one connection to it."""

import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psutil

from mldash.connections.servers import Servers
from mldash.process.configuration import addresses_of_stack
from mldash.process.environment import to_variables

from .pipeline import free_ports
from .read_streams import SHORT

NAMES: Final = "mldashbenchread"
_WITHIN_S: Final = 120.0

Query = dict[str, Any]


class Api:
    """`mldash api` on these servers, and one connection to it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = psutil.Process(process.pid)
        self.address = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, query: Query) -> float:
        """Seconds to the answer's last byte."""
        begun = time.perf_counter()
        target = f"{path}?{urlencode(query, doseq=True)}"
        self._connection.request("GET", target, headers={"Accept": "application/msgpack"})
        answer = self._connection.getresponse()
        while answer.read(1 << 20):
            pass
        seconds = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"{path} {query}: {answer.status}")
        return seconds

    def peak_bytes(self) -> int:
        """The most memory that the process has held since it began."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def hang_up(self) -> None:
        """The next request opens the connection anew."""
        self._connection.close()

    def several(self, path: str, query: Callable[[], Query], repeat: int) -> float:
        return statistics.median(self.ask(path, query()) for _ in range(repeat))


@contextmanager
def api(servers: Servers) -> Iterator[Api]:
    """Ready: it answers, and the modules that it loads when first used are loaded."""
    (port,) = free_ports(1)
    command = [sys.executable, "-P", "-m", "mldash", "api"]
    variables = {**os.environ, **to_variables(servers, ""), "MLDASH_API_PORT": str(port)}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        made = Api(process, port)
        deadline = time.monotonic() + _WITHIN_S
        while True:
            try:
                made.ask("/v1/metrics/points", {"prefix": SHORT, "name": "train", "limit": 10})
                break
            except OSError:
                made.hang_up()
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        made.ask("/v1/metrics/view", {"prefix": SHORT, "name": "train", "start": 0, "end": 2_000})
        yield made
    finally:
        process.terminate()
        process.wait(_WITHIN_S)


def servers_of_stack(data: str) -> Servers:
    """With the names that the stack itself uses."""
    known: dict[str, Any] = addresses_of_stack(Servers, "servers", data)
    return Servers(**known)


def servers_of(data: str) -> Servers:
    known: dict[str, Any] = addresses_of_stack(Servers, "servers", data)
    return Servers(**{**known, "topic_prefix": NAMES, "mongo_database": NAMES, "s3_bucket": NAMES})
