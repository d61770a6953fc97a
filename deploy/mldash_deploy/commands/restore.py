"""`mldash restore FOLDER`"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from mldash.process.configuration import component_options, component_settings


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--check", "only_check", is_flag=True, help="Check the backup, and restore nothing.")
@component_options
def command(folder: Path, only_check: bool, config: str | None, data: str | None, assignments: tuple[str, ...]) -> None:
    """Restore a backup from FOLDER into an empty database and, where it has objects, an empty bucket.

    First run `mldash prepare`, and let no worker, compactor or API run. The whole backup is checked before anything is
    touched, and what was stored is read again and compared. Workers then read Kafka again from the beginning of what
    it holds: what is stored they skip. At the end run `mldash audit PREFIX`.
    """
    from mldash.process import log_output
    from mldash_deploy.backups.restoring import check_backup, restore
    from mldash_deploy.preparing.settings import PrepareSettings
    from mldash_deploy.terminal import byte_bars

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "restore")
    if only_check:
        with byte_bars() as tell:
            contents = check_backup(folder, tell)
        print(f"{folder} is whole: {contents.document_count} documents, {contents.object_count} objects")
        return
    settings = component_settings(PrepareSettings, "prepare", config=config, data=data, assignments=assignments)
    with byte_bars() as tell:
        contents = check_backup(folder, tell)
        partitions = asyncio.run(restore(settings, folder, contents, tell))
    print(f"restored {contents.document_count} documents into {settings.mongo_database!r}, and read them again")
    where = f"in the bucket {settings.s3_bucket!r}"
    print(f"{contents.object_count} objects {'put' if contents.has_objects else 'are'} {where}")
    print(f"workers begin {partitions} partitions of Kafka anew; then run mldash audit for each experiment")
