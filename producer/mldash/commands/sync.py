"""`mldash sync [PATH…]`"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldash.events.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from mldash.delivery.resend import LocalExperiment, Sent
    from mldash.journal.session_folder import SessionFolder
    from mldash.settings import SdkSettings


@click.command("sync")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option("--remote", metavar="URL", help="The API to send to (also MLDASH_REMOTE). Default: the journal's own.")
@click.option("--kafka", metavar="HOST:PORT", help="Kafka's address, in place of what the API says.")
@click.option("--token", metavar="TOKEN", help="For the API (also MLDASH_TOKEN).")
@click.option(
    "--all",
    "again",
    is_flag=True,
    help="Send local files from their beginning, whatever was noted as sent: what is there already is not added.",
)
@click.option(
    "--anew",
    is_flag=True,
    help="The same, and what was deleted there (mldash rm) is sent as new events. Twice, it adds nothing twice.",
)
def command(
    paths: tuple[Path, ...], remote: str | None, kafka: str | None, token: str | None, again: bool, anew: bool
) -> None:
    """Send what processes that are gone have left in their journals, what was logged offline, and local experiments.

    A PATH is a journal's folder or one session in it; or a local experiment's folder, or one that such folders lie
    below (.dash): then all of their files are sent, also while a run is writing. Without one: the default journal of
    this user. Run twice, or interrupted and run again, it adds nothing twice, and files that have grown send what is
    new.
    """
    from mldash.delivery.resend import find_experiments, find_journals
    from mldash.journal.placement import journal_root
    from mldash.process.environment import SettingError, read_settings
    from mldash.process.log_output import keep_clients_quiet
    from mldash.settings import SdkSettings

    keep_clients_quiet()
    given = {"remote": remote, "kafka": kafka, "token": token}
    settings = read_settings(SdkSettings, "", given={key: value for key, value in given.items() if value})
    experiments = [found for path in paths for found in find_experiments(path)]
    places = [*(paths or (journal_root(settings.journal),)), *(one.folder.journal for one in experiments)]
    journals = {found.path.resolve(): found for place in places for found in find_journals(place)}
    if not journals and not experiments:
        click.echo("nothing to send")
        return
    if experiments and not (settings.remote or settings.kafka):
        raise SettingError("remote", "settings", "not set", "where local experiments are sent to: --remote URL")
    if anew and experiments and not settings.remote:
        raise click.UsageError("--anew asks an API what was deleted there: give --remote URL")
    results: list[Sent] = []
    with _progress() as bar:
        for journal in journals.values():
            results += _sync_journal(journal, settings, bar)
        for experiment in experiments:
            results += _sync_experiment(experiment, settings, bar, again=again, anew=anew)
    for result in results:
        click.echo(printable(_line(result)))
    if any(result.left for result in results):
        sys.exit(1)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _line(result: Sent) -> str:
    outcome = f"kept: {result.left}" if result.left else "sent"
    note = f"  ({result.note})" if result.note else ""
    return f"{result.prefix}  {result.event_count} events {outcome}  {result.path}{note}"


def _sync_journal(journal: SessionFolder, settings: SdkSettings, bar: Progress) -> list[Sent]:
    """One session's journal to where it belongs; nothing where a local run's own thread drains it."""
    from mldash.delivery.resend import journal_bytes

    size = journal_bytes(journal)
    task = bar.add_task(printable(journal.head.prefix), total=size)
    if journal.head.mode == "local":
        sent = _drain(journal)
    else:
        sent = _send(journal, settings, lambda taken: bar.advance(task, taken))
    bar.update(task, completed=size)
    return [] if sent is None else [sent]


def _send(journal: SessionFolder, settings: SdkSettings, progress: Callable[[int], None]) -> Sent:
    from mldash.delivery.kafka import DirectLoop
    from mldash.delivery.resend import resend
    from mldash.remote.handshake import ask_for_journal, poster

    connection = ask_for_journal(journal.head, settings)
    post = poster(settings, settings.remote or journal.head.remote)
    with asyncio.Runner(loop_factory=DirectLoop) as runner:
        sent = runner.run(resend(journal, connection, progress, settings=settings, post=post))
    _look_for_deleted(sent, settings, settings.remote or journal.head.remote, "what it logged is dropped")
    return sent


def _look_for_deleted(sent: Sent, settings: SdkSettings, remote: str | None, then: str) -> None:
    """Kafka takes what belongs to a deleted experiment like anything else; the API says so. Nothing is asked where no
    API is known, and one that does not answer now changes nothing of what was sent."""
    from mldash.errors import MldashError
    from mldash.remote.standing import ask_standing
    from mldash.remote.transport import Transport

    if remote is None or not sent.event_count:
        return
    transport = Transport.of(settings, remote)
    with contextlib.suppress(MldashError):
        if any(ask_standing(transport, sent.prefix, session) == "deleted" for session in sent.sessions):
            sent.note = "; ".join([*filter(None, [sent.note]), f"its experiment was deleted there: {then}"])


def _drain(journal: SessionFolder) -> Sent | None:
    """A local session's journal into the files of the experiment in whose folder it lies."""
    from mldash.delivery.drain import drain_session
    from mldash.delivery.resend import Sent
    from mldash.events.identity import parse_prefix
    from mldash.journal.reading.scan import StoredSource
    from mldash.journal.sessions import try_lock
    from mldash.local.folder import Folder
    from mldash.local.sink import LocalSink

    sent = Sent(journal.head.prefix, journal.path, note="drained into its experiment's files")
    if not try_lock(journal):
        return None  # its process is running, and does this itself
    try:
        sink = LocalSink(Folder(journal.path.parent.parent), parse_prefix(journal.head.prefix))
        sent.event_count = drain_session(journal, StoredSource(journal), sink)
        sink.close()
        sink.finish(journal.head.session_id)
        journal.remove()
    except OSError as error:
        sent.left = f"it can't be drained: {error.strerror or error}"
    finally:
        journal.unlock()
    return sent


def _sync_experiment(
    experiment: LocalExperiment, settings: SdkSettings, bar: Progress, *, again: bool, anew: bool
) -> list[Sent]:
    """A local experiment's files; how many are sent is said of each."""
    from mldash.delivery.kafka import DirectLoop
    from mldash.delivery.resend import send_files
    from mldash.remote.handshake import asker, poster
    from mldash.remote.standing import ask_standing
    from mldash.remote.transport import Transport

    task = bar.add_task(printable(experiment.prefix.text), total=None)

    def progress(done_bytes: int, total_bytes: int) -> None:
        bar.update(task, advance=done_bytes, total=total_bytes)

    connection = asker(settings)()
    place = settings.remote or f"kafka://{settings.kafka}"
    standing = None
    if anew and settings.remote:
        standing = partial(ask_standing, Transport.of(settings, settings.remote), experiment.prefix.text)
    sending = send_files(
        experiment,
        place,
        connection,
        progress,
        again=again or anew,
        standing=standing,
        settings=settings,
        post=poster(settings, settings.remote),
    )
    with asyncio.Runner(loop_factory=DirectLoop) as runner:
        sent = runner.run(sending)
    _look_for_deleted(sent, settings, settings.remote, "--anew sends it as new events")
    return [sent]
