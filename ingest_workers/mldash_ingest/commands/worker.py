"""`mldash worker`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash_ingest.settings import WorkerSettings

_STOP_MARGIN_S = 30.0  # over a worker's own bound: MongoDB may take that long to say that it is away


@click.command("worker")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="So many workers, each a process with the next slot; one that dies is replaced, one health port is for all.",
)
@click.option("--health-socket", type=click.Path(path_type=Path), hidden=True, help="What --processes gives to each.")
@component_options
def command(
    processes: int, health_socket: Path | None, config: str | None, data: str | None, assignments: tuple[str, ...]
) -> None:
    """Run ingest workers: read events from Kafka and store them in MongoDB, exactly once.

    Server addresses come from the environment (MLDASH_KAFKA, …) or, with --data, from a local stack.
    SIGTERM and Ctrl-C finish what is in hand and leave.
    """
    from mldash_ingest.settings import WorkerSettings

    settings = component_settings(WorkerSettings, "worker", config=config, data=data, assignments=assignments)
    # Imported only now: a wrong setting is told before the clients are loaded.
    from mldash.process import log_output
    from mldash.process.health_server import health_address

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "worker")
    health = health_address(settings.health_host, settings.health_port)
    if processes > 1:
        from mldash.process.replicas import run_replicas

        shared = _options(config, data, assignments)
        commands = [["worker", *shared, *_own_options(settings, number)] for number in range(processes)]
        run_replicas(commands, settings.stop_timeout_s + _STOP_MARGIN_S, health)
        return
    from mldash.process.service import run_service
    from mldash_ingest.worker import Worker

    run_service("worker", lambda: Worker(settings), health_socket or health)


def _options(config: str | None, data: str | None, assignments: tuple[str, ...]) -> list[str]:
    """The options of the command."""
    given = ["--config", config] if config else []
    given += ["--data", data] if data else []
    return given + [word for assignment in assignments for word in ("--set", assignment)]


def _own_options(settings: WorkerSettings, number: int) -> list[str]:
    """A slot, and where it was set a membership id, of each process's own; its health is asked by way of the parent."""
    own = [f"slot={settings.slot + number}", "health_port=0"]
    if settings.instance is not None:
        own.append(f"instance={settings.instance}-{number}")
    return [word for assignment in own for word in ("--set", assignment)]
