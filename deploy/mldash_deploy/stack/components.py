"""Our own processes of a stack: `mldash worker`, `compactor` and `api`, told where to look by variables."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Mapping

from mldash.connections.servers import Servers
from mldash.process.environment import to_variables

from .addresses import variables_that_count
from .data_folder import DataFolder
from .ports import HOST
from .probe import http_status
from .settings import StackSettings
from .supervise import Command


def names(settings: StackSettings) -> list[str]:
    """Which components run: `worker-1` …, `compactor-1` …, `api`."""
    if settings.servers_only:
        return []
    workers = [f"worker-{number}" for number in range(1, settings.workers + 1)]
    compactors = [f"compactor-{number}" for number in range(1, settings.compactors + 1)]
    return [*workers, *compactors, "api"]


def api_address(ports: dict[str, int]) -> str:
    """The value of MLDASH_REMOTE."""
    return f"http://{HOST}:{ports['api']}"


def private_variables(folder: DataFolder) -> dict[str, str]:
    """What the API of a private stack is told; the others do not look at it."""
    return {
        "MLDASH_API_PRIVATE_TOKEN_FILE": str(folder.api_token_path),
        "MLDASH_API_LINK_FILE": str(folder.api_link_path),
        "MLDASH_SIGNING_KEYS_FILE": str(folder.signing_keys_path()),
    }


def make_command(
    name: str, folder: DataFolder, ports: dict[str, int], servers: Servers, environment: Mapping[str, str]
) -> Command:
    """One component; its port is the API's own, or where it answers whether it is ready."""
    port = ports[name]
    kind, _, number = name.partition("-")
    # An empty variable counts as not set: what the shell holds of other servers does not go together with these.
    variables = dict.fromkeys(variables_that_count(), "") | to_variables(servers, "")
    if kind == "api":
        variables |= {"MLDASH_API_HOST": HOST, "MLDASH_API_PORT": str(port)}
    elif kind == "compactor":
        variables |= {"MLDASH_COMPACTOR_HEALTH_PORT": str(port)}
    else:
        variables |= {
            "MLDASH_WORKER_HEALTH_PORT": str(port),
            "MLDASH_WORKER_SLOT": number,
            "MLDASH_WORKER_INSTANCE": _instance(folder, number),
        }
    return Command(
        name=name,
        # -P: never import a mldash/ or a json.py from the folder where `mldash up` was called.
        arguments=[sys.executable, "-P", "-m", "mldash", kind],
        environment={**environment, **variables, "PYTHONUNBUFFERED": "1"},
        is_ready=lambda: _is_ready(f"http://{HOST}:{port}/readyz"),
    )


def _instance(folder: DataFolder, slot: str) -> str:
    """The same at every start, so that a restarted worker gets its partitions back; another in any other stack."""
    data = hashlib.sha256(str(folder.path).encode()).hexdigest()[:12]
    host = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in socket.gethostname())
    return f"{host[:100]}-{data}-{slot}"


async def _is_ready(url: str) -> bool:
    return await http_status(url) == 200
