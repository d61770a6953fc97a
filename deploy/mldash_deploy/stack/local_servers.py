"""Real servers for a test session or a script: `with LocalServers(folder) as servers: …`.

It is `mldash up --servers-only --detach` and `mldash down`, called as a user would: tests run on the servers that users
run. The usual topics, database and bucket are there; fresh ones are the caller's to make (mldash_deploy/prepare.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mldash.connections.servers import Servers

from .data_folder import DataFolder
from .errors import NotRunning, StackError


class CommandFailed(StackError):
    """`mldash up` or `mldash down` said no; `told` is what it said."""

    def __init__(self, arguments: list[str], told: str) -> None:
        super().__init__(arguments, told)
        self.arguments, self.told = arguments, told

    def __str__(self) -> str:
        return f"mldash {' '.join(self.arguments)}: {self.told}"


class LocalServers:
    """Kafka, MongoDB and S3 on a data folder, up inside the `with` block; with `--servers-only`, no components."""

    def __init__(self, data: str | Path) -> None:
        self.folder = DataFolder(data)

    def __enter__(self) -> Servers:
        """Raises CommandFailed with what `mldash up` said. Addresses of servers of one's own are taken as given."""
        self._call("up", "--servers-only", "--detach", "--data", str(self.folder.path))
        return read_servers(self.folder.path)

    def __exit__(self, *_: object) -> None:
        self._call("down", "--data", str(self.folder.path))

    def _call(self, *arguments: str) -> None:
        command = [sys.executable, "-P", "-m", "mldash", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        if done.returncode != 0:
            raise CommandFailed(list(arguments), done.stderr.strip())


def read_servers(data: str | Path) -> Servers:
    """Addresses and keys of the stack that runs on a folder. Raises NotRunning."""
    folder = DataFolder(data)
    state = folder.read_state()
    if state is None or state.servers is None or not folder.is_locked():
        raise NotRunning(folder.path)
    return state.servers
