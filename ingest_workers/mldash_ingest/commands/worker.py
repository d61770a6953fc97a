"""`mldash worker`"""

from __future__ import annotations

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
    help="So many workers, each a process with the next slot and health port; one that dies is replaced.",
)
@component_options
def command(processes: int, config: str | None, data: str | None, assignments: tuple[str, ...]) -> None:
    """Run ingest workers: read events from Kafka and store them in MongoDB, exactly once.

    Server addresses come from the environment (MLDASH_KAFKA, …) or, with --data, from a local stack.
    SIGTERM and Ctrl-C finish what is in hand and leave.
    """
    from mldash_ingest.settings import WorkerSettings

    settings = component_settings(WorkerSettings, "worker", config=config, data=data, assignments=assignments)
    # Imported only now: a wrong setting is told before the clients are loaded.
    from mldash.process import log_output

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "worker")
    if processes > 1:
        from mldash.process.replicas import run_replicas

        shared = _options(config, data, assignments)
        commands = [["worker", *shared, *_own_options(settings, number)] for number in range(processes)]
        run_replicas(commands, settings.stop_timeout_s + _STOP_MARGIN_S)
        return
    from mldash.process.service import run_service
    from mldash_ingest.worker import Worker

    run_service("worker", lambda: Worker(settings), settings.health_port)


def _options(config: str | None, data: str | None, assignments: tuple[str, ...]) -> list[str]:
    """The options of the command."""
    given = ["--config", config] if config else []
    given += ["--data", data] if data else []
    return given + [word for assignment in assignments for word in ("--set", assignment)]


def _own_options(settings: WorkerSettings, number: int) -> list[str]:
    """A slot, and where they were set a membership id and a health port, of each process's own."""
    own = [f"slot={settings.slot + number}"]
    if settings.instance is not None:
        own.append(f"instance={settings.instance}-{number}")
    if settings.health_port:
        own.append(f"health_port={settings.health_port + number}")
    return [word for assignment in own for word in ("--set", assignment)]
