"""Where runs of a command are: the options of `mldash ls`, `show`, `compare`, `logs` and `export`, and the client."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from mldash.client.client import Client
from mldash.client.errors import NoSuchFolder
from mldash.process.configuration import component_settings, config_option
from mldash.settings import SdkSettings

_Command = TypeVar("_Command", bound=Callable[..., object])

_OPTIONS = (
    click.option("--root", type=click.Path(path_type=Path), metavar="DIR", help="Local experiments below this folder."),
    click.option("--remote", metavar="URL", help="The API to ask (also MLDASH_REMOTE)."),
    click.option("--data", metavar="DIR", help="Use the servers of the local stack in this folder."),
    config_option,
)


def place_options(command: _Command) -> _Command:
    """--root, --remote, --data and --config."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def client_at(root: Path | None, remote: str | None, data: str | None, config: str | None) -> Client:
    """Of an API, where there is one; else, and with `root`, of local folders. Raises UsageError, SettingError."""
    settings = component_settings(SdkSettings, "sdk", config=config, data=data, flags={"remote": remote})
    try:
        return Client.of(settings, root)
    except NoSuchFolder as error:
        raise click.UsageError(f"there is no folder {error.root}: say --root DIR, or --remote URL") from None
    except ValueError as error:  # an address that is none
        raise click.UsageError(str(error)) from None
