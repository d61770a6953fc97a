"""`mldash mcp`"""

from __future__ import annotations

from pathlib import Path

import click

from mldash.process.configuration import component_settings, config_option


@click.command("mcp")
@click.option("--api", metavar="URL", help="The API to read from (also MLDASH_REMOTE).")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Holds the token for the API (also MLDASH_TOKEN, MLDASH_TOKEN_FILE).",
)
@click.option("--root", type=click.Path(path_type=Path), metavar="DIR", help="Local experiments below this folder.")
@click.option("--changes", is_flag=True, help="Offer note and tag too, over an API, where the token may write.")
@config_option
def command(api: str | None, token_file: Path | None, root: Path | None, changes: bool, config: str | None) -> None:
    """Serve runs to a program that reasons, over stdin and stdout (the Model Context Protocol).

    Of an API, where there is one (--api, MLDASH_REMOTE); else, and with --root, of local folders without any server.
    Its tools only read, but for those of --changes. It ends with its stdin, and by SIGTERM. docs/agents.md says how
    clients are set up.
    """
    from mldash.client.client import Client
    from mldash.client.errors import NoSuchFolder
    from mldash.settings import SdkSettings

    if api is not None and root is not None:
        raise click.UsageError("one place: --api URL or --root DIR, not both")
    token = None if token_file is None else token_file.read_text().removesuffix("\n")
    settings = component_settings(SdkSettings, "sdk", config=config, flags={"remote": api, "token": token})
    try:
        client = Client.of(settings, root)
    except NoSuchFolder as error:
        raise click.UsageError(f"there is no folder {error.root}: say --root DIR, or --api URL") from None
    if changes and not client.where.startswith("http"):
        raise click.UsageError("--changes is for an API (--api): notes and tags of local folders have no history")
    # Imported only now: a wrong setting is told before the protocol's library is loaded.
    from mldash_api.agents.server import run_over_stdio

    run_over_stdio(client, changes=changes)
