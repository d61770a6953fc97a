"""A Kafka of a test's own: killed, paused and started again at the same address, with the stack's own configuration."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from mldash_deploy.stack import kafka, ports
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.settings import StackSettings

READY_S = 60.0


class Broker:
    """One broker; what it has acknowledged survives its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = DataFolder(folder)
        self._ports = ports.choose(kafka.PORTS, {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return kafka.address(self._ports)

    async def start(self, **properties: object) -> None:
        """Returns when it answers. `properties` with _ for dots, over those of the stack."""
        settings = StackSettings(kafka_heap_mb=256)
        cache = await asyncio.to_thread(kafka.fetch, settings, lambda done, total: None, threading.Event())
        self._folder.logs.mkdir(parents=True, exist_ok=True)
        command = await kafka.make_command(settings, self._folder, self._ports, cache, None)
        with (self._folder.path / kafka.NAME / "server.properties").open("a") as file:
            file.writelines(f"{name.replace('_', '.')}={value}\n" for name, value in properties.items())
        with self._folder.log_path(kafka.NAME).open("ab") as log:
            environment = {**os.environ, **command.environment}
            self._process = await asyncio.to_thread(
                lambda: subprocess.Popen(command.arguments, env=environment, stdout=log, stderr=log)
            )
        async with asyncio.timeout(READY_S):
            while not await command.is_ready():
                assert self._process.poll() is None, self._folder.last_lines(kafka.NAME)
                await asyncio.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP leaves its sockets open and answers nothing; SIGCONT goes on."""
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """As the kernel does it: nothing is written or closed in order."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None


def run_python(script: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """A user's script in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
