"""`mldash prepare`"""

from __future__ import annotations

import asyncio

import click

from mldash.process.configuration import component_options, component_settings


@click.command("prepare")
@click.option("--dry-run", is_flag=True, help="Show what differs; change nothing.")
@click.option(
    "--acls",
    multiple=True,
    metavar="USER=ROLE",
    help="Give a user of Kafka the rights of a role: producer, worker, reader, lag, api, prepare. Repeatable.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="NAME=FILE",
    help="Make a user of Kafka (SCRAM-SHA-512), its password in FILE, made where it is missing. Repeatable.",
)
@click.option("--new-passwords", is_flag=True, help="Set the passwords of users that are there, too.")
@component_options
def command(
    dry_run: bool,
    acls: tuple[str, ...],
    users: tuple[str, ...],
    new_passwords: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Make servers ready: topics, indexes, the bucket; users and rights of Kafka where asked.

    What is there is compared and changed where a setting says otherwise (--set metrics_partitions=16); nothing shrinks.
    Run again, it changes nothing. Server addresses come from the environment (MLDASH_KAFKA, …) or, with --data, from a
    local stack.
    """
    from mldash_deploy.preparing.settings import PrepareSettings

    settings = component_settings(PrepareSettings, "prepare", config=config, data=data, assignments=assignments)
    # Imported only now: a wrong setting is told before the clients are loaded.
    from mldash.process import log_output
    from mldash_deploy.prepare import Access, prepare_all
    from mldash_deploy.preparing.users import read_granted, read_signing

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "prepare")
    access = Access([read_granted(one) for one in acls], [read_signing(one) for one in users], new_passwords)
    plan = asyncio.run(prepare_all(settings, access, dry_run=dry_run))
    for change in plan.changes:
        print(change)
    for note in plan.notes:
        print(f"note: {note}")
    if not plan.changes:
        print("everything is as it should be")
    elif dry_run:
        print(f"{len(plan.changes)} differences; nothing was changed")
    else:
        print(f"{len(plan.changes)} changes made")
