"""`mldash down`"""

from __future__ import annotations

import time

import click
import psutil

from mldash.process.configuration import component_settings, config_option
from mldash_deploy.stack.data_folder import DataFolder, State, find_process, stop_processes
from mldash_deploy.stack.errors import StopIncomplete
from mldash_deploy.stack.settings import StackSettings

# The supervisor has a deadline of its own; we wait a little longer than it.
_OVER_ITS_DEADLINE_S = 10.0
_POLL_S = 0.05


@click.command("down")
@click.option("--data", metavar="DIR", help="The stack's folder. [default: .mldash]")
@config_option
def command(data: str | None, config: str | None) -> int:
    """Stop the stack of a folder: components first, then the servers. The data stay."""
    settings = component_settings(StackSettings, "stack", config=config, flags={"data": data})
    folder = DataFolder(settings.data)
    state = folder.read_state()
    if state is None:
        print(f"no stack ever ran on {folder.path}: nothing to stop")
        return 0
    supervisor = find_process(state.supervisor_pid, state.supervisor_created) if folder.is_locked() else None
    if supervisor is not None:
        supervisor.terminate()
        _wait_until_gone(folder, supervisor, settings.stop_timeout_s + _OVER_ITS_DEADLINE_S)
    leftovers = _leftovers(folder.read_state() or state)
    killed = stop_processes(leftovers.values(), settings.stop_timeout_s)
    if killed:
        names = [name for name, process in leftovers.items() if process in killed]
        raise StopIncomplete(names, settings.stop_timeout_s)
    print("stopped" if supervisor is not None or leftovers else f"no stack runs on {folder.path}: nothing to stop")
    return 0


def _wait_until_gone(folder: DataFolder, supervisor: psutil.Process, timeout_s: float) -> None:
    """Until the supervisor has left its lock; kill it at the deadline, then its children are leftovers."""
    deadline = time.monotonic() + timeout_s
    while folder.is_locked() and supervisor.is_running():
        if time.monotonic() > deadline:
            supervisor.kill()
            supervisor.wait(5)
            return
        time.sleep(_POLL_S)


def _leftovers(state: State) -> dict[str, psutil.Process]:
    """Processes that still live though their supervisor does not."""
    found = {process.name: find_process(process.pid, process.created) for process in state.processes}
    return {name: process for name, process in found.items() if process is not None}
