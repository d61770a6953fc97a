"""`mldash api`"""

from __future__ import annotations

import click

from mldash.process.configuration import component_options, component_settings


@click.command("api")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port; 0 is any free one.")
@component_options
def command(
    host: str | None, port: int | None, config: str | None, data: str | None, assignments: tuple[str, ...]
) -> None:
    """Run the query API: hot and cold data as one, over HTTP.

    Server addresses come from the environment (MLDASH_KAFKA, …) or, with --data, from a local stack.
    SIGTERM finishes the requests in hand and leaves.
    """
    from mldash_api.settings import ApiSettings

    flags = {"host": host, "port": port}
    settings = component_settings(ApiSettings, "api", config=config, data=data, flags=flags, assignments=assignments)
    # Imported only now: a wrong setting is told before the clients are loaded.
    from mldash.process import log_output
    from mldash.process.service import run_service
    from mldash_api.app import Api

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "api")
    run_service("api", lambda: Api(settings))
