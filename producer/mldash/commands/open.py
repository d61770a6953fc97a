"""`mldash open [PREFIX]`"""

from __future__ import annotations

import webbrowser

import click

from mldash.connections.api_address import bare_address, page_of
from mldash.process.configuration import component_settings, config_option


@click.command("open")
@click.argument("prefix", required=False, metavar="[PREFIX]")
@click.option("--remote", metavar="URL", help="The API whose page it is (also MLDASH_REMOTE).")
@click.option("--data", metavar="DIR", help="Use the local stack in this folder.")
@click.option("--print", "only_print", is_flag=True, help="Print the address alone, for another machine's browser.")
@config_option
def command(prefix: str | None, remote: str | None, data: str | None, only_print: bool, config: str | None) -> None:
    """Open the dashboard in a browser: the table of runs, or the run PREFIX.

    The address is printed too, for hosts that have no browser.
    """
    from mldash.settings import SdkSettings

    settings = component_settings(SdkSettings, "sdk", config=config, data=data, flags={"remote": remote})
    if settings.remote is None:
        raise click.UsageError("say whose page: --remote URL or MLDASH_REMOTE, or --data DIR for a local stack")
    try:
        address = page_of(bare_address(settings.remote), prefix)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(address)
    if not only_print:
        webbrowser.open(address)
