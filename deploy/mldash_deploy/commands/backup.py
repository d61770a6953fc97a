"""`mldash backup FOLDER`"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from mldash.process.configuration import component_options, component_settings


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--objects", "with_objects", is_flag=True, help="Copy the objects on S3 too; else they are listed.")
@click.option(
    "--history",
    "history_s",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Have MongoDB remember for so long meanwhile (needs the right to set parameters).",
)
@component_options
def command(
    folder: Path,
    with_objects: bool,
    history_s: int | None,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Save MongoDB's documents and the manifest of S3, as they are at one moment, into FOLDER.

    Writers, workers and compactors go on meanwhile; no object is deleted until it ends. FOLDER must be empty, or not be
    there; interrupted, nothing is left in it. It holds hashes of tokens, and everything that was logged: keep it as
    you keep the database.
    """
    from mldash.connections.servers import StoreServers
    from mldash.process import log_output

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "backup")
    settings = component_settings(StoreServers, "servers", config=config, data=data, assignments=assignments)
    from mldash_deploy.backups.taking import take_backup
    from mldash_deploy.terminal import byte_bars

    with byte_bars() as tell:
        taken = asyncio.run(take_backup(settings, folder, with_objects=with_objects, history_s=history_s, tell=tell))
    moment = datetime.fromtimestamp(taken.taken_at, UTC).isoformat(timespec="seconds")
    documents = f"{taken.document_count} documents in {len(taken.collections)} collections"
    print(f"{folder}: {documents}, {taken.document_bytes / 1e6:.1f} MB, as of {moment}")
    what = "copied" if with_objects else "listed in objects.jsonl, not copied"
    print(f"{taken.object_count} objects, {taken.object_bytes / 1e6:.1f} MB, {what}")
