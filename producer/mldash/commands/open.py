"""`mldash open [PREFIX]`"""

from __future__ import annotations

import webbrowser
from urllib.parse import quote

import click

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
    from mldash.remote.transport import Transport

    try:
        address = address_of(Transport.of(settings, settings.remote).address, prefix)  # without a password in it
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(address)
    if not only_print:
        webbrowser.open(address)


def address_of(remote: str, prefix: str | None) -> str:
    """The page of the run, or that of all runs."""
    base = remote.rstrip("/") + "/"
    return base if prefix is None else f"{base}run/{quote(prefix.strip('/'), safe='/')}"
