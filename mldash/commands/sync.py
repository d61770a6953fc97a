"""`mldash sync [PATH…]`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mldash.producer.journal.session_folder import SessionFolder
    from mldash.producer.publishing.resend import Sent
    from mldash.producer.settings import SdkSettings


@click.command("sync")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option("--remote", metavar="URL", help="The API to send to (also MLDASH_REMOTE). Default: the journal's own.")
@click.option("--kafka", metavar="HOST:PORT", help="Kafka's address, in place of what the API says.")
@click.option("--token", metavar="TOKEN", help="For the API (also MLDASH_TOKEN).")
def command(paths: tuple[Path, ...], remote: str | None, kafka: str | None, token: str | None) -> None:
    """Send what processes that are gone have left in their journals, and what was logged offline.

    A PATH is a journal's folder, one session in it, or a local experiment's folder, whose journal is drained into its
    files. Without one: the default journal of this user. Run twice, or interrupted and run again, it adds nothing
    twice.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from mldash.producer.environment import read_settings
    from mldash.producer.journal.placement import journal_root
    from mldash.producer.publishing.resend import find_journals, journal_bytes
    from mldash.producer.settings import SdkSettings

    given = {"remote": remote, "kafka": kafka, "token": token}
    settings = read_settings(SdkSettings, "", given={key: value for key, value in given.items() if value})
    journals = [found for path in paths or (journal_root(settings.journal),) for found in find_journals(path)]
    if not journals:
        click.echo("nothing to send")
        return
    results: list[Sent] = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("sending", total=sum(journal_bytes(journal) for journal in journals))
        done = 0
        for journal in journals:
            size = journal_bytes(journal)
            bar.update(task, description=journal.head.prefix)
            results.append(_send(journal, settings, lambda taken: bar.advance(task, taken)))
            done += size
            bar.update(task, completed=done)
    for result in results:
        outcome = f"kept: {result.left}" if result.left else "sent"
        click.echo(f"{result.folder.head.prefix}  {result.event_count} events {outcome}  {result.folder.path}")
    if any(result.left for result in results):
        sys.exit(1)


def _send(journal: SessionFolder, settings: SdkSettings, progress: Callable[[int], None]) -> Sent:
    """One session's journal to where it belongs."""
    from mldash.producer.publishing.kafka import DirectLoop
    from mldash.producer.publishing.resend import resend
    from mldash.producer.remote.handshake import ask_for_journal

    if journal.head.mode == "local":
        return _drain(journal)
    connection = ask_for_journal(journal.head, settings)
    with asyncio.Runner(loop_factory=DirectLoop) as runner:
        return runner.run(resend(journal, connection, progress))


def _drain(journal: SessionFolder) -> Sent:
    """A local session's journal into the files of the experiment in whose folder it lies."""
    from mldash.producer.events.identity import parse_prefix
    from mldash.producer.journal.drain import drain_session
    from mldash.producer.journal.scan import StoredSource
    from mldash.producer.local.folder import Folder
    from mldash.producer.local.sink import LocalSink
    from mldash.producer.publishing.resend import Sent

    sent = Sent(journal)
    if not journal.try_lock():
        sent.left = "its process is running, or another one drains it"
        return sent
    try:
        sink = LocalSink(Folder(journal.path.parent.parent), parse_prefix(journal.head.prefix))
        sent.event_count = drain_session(journal, StoredSource(journal), sink)
        sink.close()
        journal.remove()
    finally:
        journal.unlock()
    return sent
