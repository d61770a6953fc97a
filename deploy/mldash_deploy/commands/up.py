"""`mldash up`: a stack in the foreground, or, with --detach, under a supervisor of its own."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from mldash.process.configuration import component_settings, config_option
from mldash_deploy.stack.data_folder import DataFolder, State
from mldash_deploy.stack.settings import StackSettings
from mldash_deploy.terminal import StackProgress, print_addresses

_POLL_S = 0.05


@click.command("up")
@click.option("--data", metavar="DIR", help="The stack's folder, kept over restarts. [default: .mldash]")
@click.option("--workers", type=int, metavar="N", help="Ingest workers to run. [default: 1]")
@click.option("--compactors", type=int, metavar="N", help="Compactors to run. [default: 1]")
@click.option("--secure", is_flag=True, help="With TLS and passwords, and --private; a folder that began so stays so.")
@click.option("--servers-only", is_flag=True, help="Kafka, MongoDB and S3, without components.")
@click.option(
    "--private",
    is_flag=True,
    help="Every call of the API needs a token, in a file only you can read; beside it a link that signs a browser in.",
)
@click.option("--detach", is_flag=True, help="Return when it is ready; `mldash down` stops it.")
@click.option("--supervise", is_flag=True, hidden=True, help="What --detach runs.")
@config_option
def command(
    data: str | None,
    workers: int | None,
    compactors: int | None,
    secure: bool,
    servers_only: bool,
    private: bool,
    detach: bool,
    supervise: bool,
    config: str | None,
) -> int:
    """Start Kafka, MongoDB, S3 and all components on this machine, and keep them running.

    Where MLDASH_KAFKA, MLDASH_MONGO or MLDASH_S3_ENDPOINT is set, that server is used and none is started.
    Ctrl-C takes everything down; the data stay in the folder.
    """
    flags: dict[str, object] = {"data": data, "workers": workers, "compactors": compactors}
    flags |= {"secure": secure or None, "servers_only": servers_only or None, "private": private or None}
    settings = component_settings(StackSettings, "stack", config=config, flags=flags)
    if detach:
        return _detach(settings, config)
    environment = {"MLDASH_CONFIG": str(Path(config).absolute())} if config else {}
    return asyncio.run(_foreground(settings, environment, quiet=supervise))


async def _foreground(settings: StackSettings, environment: dict[str, str], *, quiet: bool) -> int:
    from mldash.process import log_output
    from mldash_deploy.stack.stack import Stack

    log_output.set_up(log_output.LogSettings(level="warning", format="readable"), "up")
    stop = asyncio.Event()
    with StackProgress() as progress:
        stack = Stack(settings, progress, environment)

        def on_signal() -> None:
            if stop.is_set():
                stack.kill()
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, on_signal)

        def on_ready() -> None:
            progress.settle()
            if not quiet:
                print_addresses(stack.state)
                print("Ctrl-C stops it; the data stay.", flush=True)

        await stack.run(stop, on_ready)
    return 0


def _detach(settings: StackSettings, config: str | None) -> int:
    """Start the supervisor in a session of its own, and show its state until it is ready or gone."""
    folder = DataFolder(settings.data)
    folder.make()
    arguments = [sys.executable, "-P", "-m", "mldash", "up", "--supervise", "--data", str(folder.path)]
    arguments += ["--workers", str(settings.workers), "--compactors", str(settings.compactors)]
    arguments += ["--secure"] if settings.secure else []
    arguments += ["--servers-only"] if settings.servers_only else []
    arguments += ["--private"] if settings.private else []
    arguments += ["--config", config] if config else []
    log_start = _size(folder.log_path("supervisor"))
    log = folder.open_log("supervisor")
    try:
        supervisor = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    finally:
        os.close(log)
    try:
        state = _watch(supervisor, folder)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise
    if state is None:
        print(_last_words(folder.log_path("supervisor"), log_start), file=sys.stderr)
        return 1
    print_addresses(state)
    print(f"`mldash down --data {shlex.quote(settings.data)}` stops it; the data stay.")
    return 0


def _watch(supervisor: subprocess.Popen[bytes], folder: DataFolder) -> State | None:
    """The state once it is ready, or None when the supervisor has gone."""
    with StackProgress() as progress:
        while supervisor.poll() is None:
            state = folder.read_state()
            if state is not None and state.supervisor_pid == supervisor.pid:
                progress.changed(state)
                if state.ready:
                    supervisor.returncode = 0  # it goes on without us: keeps Popen from warning
                    return state
            time.sleep(_POLL_S)
    return None


def _last_words(log: Path, start: int) -> str:
    """The supervisor's message when it gave up: from its last line that begins with our name."""
    if _size(log) < start:
        start = 0
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
    told = [number for number, line in enumerate(lines) if line.startswith("mldash: ")]
    return "\n".join(lines[told[-1] :] if told else [f"mldash: up: the supervisor ended; see {log}", *lines[-5:]])


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
