"""`mldash status`"""

from __future__ import annotations

import json
import sys

import click

from mldash.process.configuration import component_settings, config_option
from mldash_deploy.stack.data_folder import DataFolder, State
from mldash_deploy.stack.errors import NotRunning
from mldash_deploy.stack.settings import StackSettings
from mldash_deploy.terminal import print_addresses, print_processes


@click.command("status")
@click.option("--data", metavar="DIR", help="The stack's folder. [default: .mldash]")
@click.option("--json", "as_json", is_flag=True, help="For programs; with the S3 keys and MongoDB's password.")
@config_option
def command(data: str | None, as_json: bool, config: str | None) -> int:
    """Show what runs, and at which addresses. The exit code is 0 only when all of it is ready."""
    settings = component_settings(StackSettings, "stack", config=config, flags={"data": data})
    folder = DataFolder(settings.data)
    state = folder.read_state()
    if state is not None and not folder.is_locked():
        _mark_stopped(state)
    if as_json:
        print(json.dumps(as_document(state), indent=2))
    elif state is None:
        raise NotRunning(folder.path)
    else:
        print_addresses(state)
        print_processes(state)
        if not state.ready:
            why = state.failure or ("it is starting" if folder.is_locked() else "it is not running")
            print(f"mldash: status: not ready: {why}", file=sys.stderr)
    return 0 if state is not None and state.ready else 1


def as_document(state: State | None) -> dict[str, object]:
    """The documented JSON; addresses are null and there are no processes where no stack ever ran."""
    servers = state.servers if state else None
    return {
        "ready": bool(state and state.ready),
        "addresses": {
            "api": state.api if state else None,
            "kafka": servers.kafka if servers else None,
            "mongo": servers.mongo if servers else None,
            "s3": {
                "endpoint": servers.s3_endpoint if servers else None,
                "bucket": servers.s3_bucket if servers else None,
                "access_key": servers.s3_access_key if servers else None,
                "secret_key": servers.s3_secret_key if servers else None,
            },
        },
        "processes": [
            {"name": process.name, "pid": process.pid, "state": process.state, "restarts": process.restarts}
            for process in (state.processes if state else [])
        ],
    }


def _mark_stopped(state: State) -> None:
    """The supervisor was killed before it could write its end down."""
    state.ready = False
    for process in state.processes:
        process.state, process.pid = "stopped", None
