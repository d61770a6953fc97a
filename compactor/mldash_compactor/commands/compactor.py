"""`mldash compactor`"""

from __future__ import annotations

import click

from mldash.process.configuration import component_options, component_settings


@click.command("compactor")
@component_options
def command(config: str | None, data: str | None, assignments: tuple[str, ...]) -> None:
    """Run one compactor: move cold ranges from MongoDB to Parquet on S3.

    Server addresses come from the environment (MLDASH_KAFKA, …) or, with --data, from a local stack.
    SIGTERM finishes what is in hand and leaves.
    """
    from mldash_compactor.settings import CompactorSettings

    settings = component_settings(CompactorSettings, "compactor", config=config, data=data, assignments=assignments)
    # Imported only now: a wrong setting is told before the clients are loaded.
    from mldash.process import log_output
    from mldash.process.health_server import health_address
    from mldash.process.service import run_service
    from mldash_compactor.compactor import Compactor

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "compactor")
    run_service("compactor", lambda: Compactor(settings), health_address(settings.health_host, settings.health_port))
