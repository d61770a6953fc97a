"""`mldash api`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash_api.settings import ApiSettings

_STOP_MARGIN_S = 5.0


@click.command("api")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port; 0 is any free one.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="So many on the same port; one that dies is replaced, one health port is for all.",
)
@click.option("--shares-port", is_flag=True, hidden=True, help="What --processes gives to each, as the next one.")
@click.option("--health-socket", type=click.Path(path_type=Path), hidden=True)
@component_options
def command(
    host: str | None,
    port: int | None,
    processes: int,
    shares_port: bool,
    health_socket: Path | None,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
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
    from mldash.process.health_server import health_address
    from mldash_api.agents.http.route import check_extra

    check_extra(settings)
    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "api")
    health = health_address(settings.health_host, settings.health_port)
    if processes > 1:
        from mldash.process.replicas import run_replicas

        _check_many(settings, processes)
        shared = ["--host", settings.host, "--port", str(settings.port), *_options(config, data, assignments)]
        own = ["--set", "health_port=0", "--shares-port"]
        run_replicas([["api", *shared, *own]] * processes, settings.stop_timeout_s + _STOP_MARGIN_S, health)
        return
    from mldash.process.service import run_service
    from mldash_api.app import Api

    run_service("api", lambda: Api(settings, shares_port=shares_port), health_socket or health)


def _check_many(settings: ApiSettings, processes: int) -> None:
    """Said once, before any of them starts. Raises SettingError, SigningKeysUnusable, PortTaken."""
    from mldash.process.environment import SettingError
    from mldash_api.listening import listen
    from mldash_api.rights.people.signing_keys import check_shared

    if settings.port == 0:
        raise SettingError("port", "--port", "0", "a port that all processes listen on")
    check_shared(settings, processes)
    listen(settings.host, settings.port).close()  # who shares a port would not see that it is another's


def _options(config: str | None, data: str | None, assignments: tuple[str, ...]) -> list[str]:
    """The options of the command."""
    given = ["--config", config] if config else []
    given += ["--data", data] if data else []
    return given + [word for assignment in assignments for word in ("--set", assignment)]
