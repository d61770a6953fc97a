"""`mldash view [FOLDER]`"""

from __future__ import annotations

import contextlib
import html
import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from mldash.process.configuration import component_settings, config_option

_PORT: Final = 8765
_MODE: Final = 0o600


@click.command("view")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[FOLDER]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help=f"The port; 0 is any free one. Else {_PORT}, where that is free."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--no-browser", is_flag=True, help="Print the address alone, for another browser.")
@config_option
def command(folder: Path | None, port: int | None, host: str, no_browser: bool, config: str | None) -> None:
    """Open the dashboard over the local runs in FOLDER and below it (.dash, or MLDASH_ROOT), live, without any server.

    The address that it prints holds a token, new with each start: whoever has it may look. Ctrl-C ends it.
    """
    from mldash.settings import SdkSettings

    settings = component_settings(SdkSettings, "sdk", config=config)
    root = (folder or Path(settings.root)).expanduser().absolute()
    if not root.is_dir():
        raise click.ClickException(f"there is no folder {root}: log a run first, or name the folder that holds runs")
    # Imported only now: that there is no such folder is told before the web server is loaded.
    from mldash_api.folders.server import Viewer

    viewer = Viewer(root, host, (_PORT, 0) if port is None else (port,))
    with _opening(viewer.address) as page:

        def started() -> None:
            click.echo(f"{root} is shown at\n\n    {viewer.address}\n\nCtrl-C ends it.")
            sys.stdout.flush()
            if not no_browser and _has_screen():
                # Some browsers are waited for until they are closed.
                threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()

        viewer.run(started)
    click.echo("ended")


@contextlib.contextmanager
def _opening(address: str) -> Iterator[Path]:
    """A page that only its owner can read and that leads to the address: what a browser is started with, every user of
    the host can list."""
    with tempfile.TemporaryDirectory(prefix="mldash-view-") as folder:
        page = Path(folder) / "open.html"
        to = html.escape(address)
        text = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={to}">'
        with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w") as file:
            file.write(f"{text}<title>ML-Dash</title>\n")
        yield page


def _has_screen() -> bool:
    """Without one, a browser in the terminal would take it over."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
