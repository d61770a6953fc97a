"""`mldash worker`"""

from __future__ import annotations

import click

from mldash.configuration import component_options, component_settings


@click.command("worker")
@component_options
def command(config: str | None, data: str | None, assignments: tuple[str, ...]) -> None:
    """Run one ingest worker: read events from Kafka and store them in MongoDB, exactly once.

    Server addresses come from the environment (MLDASH_KAFKA, …) or, with --data, from a local stack.
    SIGTERM finishes what is in hand and leaves.
    """
    from mldash.ingest_workers.settings import WorkerSettings

    settings = component_settings(WorkerSettings, "worker", config=config, data=data, assignments=assignments)
    # Imported only now: a wrong setting is told before the clients are loaded.
    from mldash import log_output
    from mldash.ingest_workers.worker import Worker
    from mldash.process import run_service

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "worker")
    run_service("worker", lambda: Worker(settings), settings.health_port)
