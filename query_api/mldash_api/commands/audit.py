"""`mldash audit PREFIX`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import click
import msgspec

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash.events.identity import Prefix
    from mldash_api.audit.findings import Report
    from mldash_api.settings import ApiSettings
    from mldash_ingest.repair import Hole, Repaired
    from mldash_ingest.settings import WorkerSettings

_EXIT_CODES: Final[Mapping[str, int]] = {"ok": 0, "not ok": 1, "set aside": 3}
"""2 is click's, for a wrong use."""


@click.command("audit")
@click.argument("prefix")
@click.option("--group", metavar="NAME", help="The workers' consumer group (also MLDASH_WORKER_GROUP).")
@click.option("--repair", is_flag=True, help="Fill holes from Kafka, where it still holds them; then audit again.")
@click.option("--quiet", is_flag=True, help="Print damage and what was set aside, no notes.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the whole report.")
@component_options
def command(
    prefix: str,
    group: str | None,
    repair: bool,
    quiet: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> int:
    """Compare what was written to the experiment PREFIX with what is stored, event by event.

    Reads everything, hot and cold: each session's claims against the stored seqs, indices without a gap, checksums,
    sources, statistics, and what is left over. Prints ok, or each hole with its place. What is still on its way or has
    an unknown end is named apart. The exit code is 1 where anything is missing, double or damaged; 3, with the words
    "set aside", where all is there but for events that lie in the dead letters. Writers may go on meanwhile.

    --repair reads the topics again from their earliest offset and stores what is missing, by the rules that workers
    follow, at the end of its stream. What the topics do not hold any more stays missing.
    """
    from mldash.events.identity import parse_prefix
    from mldash.process import log_output
    from mldash_api.settings import ApiSettings
    from mldash_ingest.settings import WorkerSettings

    try:
        parsed = parse_prefix(prefix)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="PREFIX") from error
    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "audit")
    settings = component_settings(ApiSettings, "api", config=config, data=data, assignments=assignments)
    workers = component_settings(WorkerSettings, "worker", config=config, data=data)
    group = group or workers.group
    report = asyncio.run(_with_bar(settings, group, parsed))
    if repair and (holes := _holes(report)):
        repaired = asyncio.run(_repair(settings, workers, parsed, holes))
        if not as_json:
            _tell_repair(repaired)
        report = asyncio.run(_with_bar(settings, group, parsed))
    if as_json:
        told = {"ok": report.ok, "verdict": report.verdict, **msgspec.to_builtins(report)}
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _tell(report, quiet=quiet)
    return _EXIT_CODES[report.verdict]


async def audit_experiment(
    settings: ApiSettings, group: str, prefix: Prefix, tell: Callable[[int, int], None] = lambda done, total: None
) -> Report:
    """The audit of one experiment, with all that it asks of Kafka, MongoDB and S3."""
    from mldash_api.audit.asking import ask_kafka
    from mldash_api.audit.audit import audit
    from mldash_api.errors import NotFound
    from mldash_api.stores.streams import find_experiment
    from mldash_compactor.chunks.s3 import open_store
    from mldash_ingest.documents.mongo import open_mongo

    mongo = open_mongo(settings)
    try:
        await mongo.ping()
        async with open_store(settings) as objects:
            experiment = await find_experiment(mongo, prefix)
            if experiment is None:
                raise NotFound("experiment", prefix.text)
            progress, letters = await ask_kafka(settings, group)
            return await audit(mongo, objects, experiment, progress, letters, tell)
    finally:
        await mongo.close()


async def _with_bar(settings: ApiSettings, group: str, prefix: Prefix) -> Report:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading events"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        return await audit_experiment(
            settings, group, prefix, lambda done, total: progress.update(task, completed=done, total=total)
        )


def _holes(report: Report) -> list[Hole]:
    """The holes that a repair may fill."""
    from mldash_ingest.repair import Hole

    return [
        Hole(one.kind, one.name, bytes.fromhex(one.session), one.first, one.end)
        for one in report.findings
        if one.what == "missing-events" and one.session is not None and one.first is not None and one.end is not None
    ]


async def _repair(settings: ApiSettings, workers: WorkerSettings, prefix: Prefix, holes: list[Hole]) -> Repaired:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from mldash.connections.topic_reading import reading
    from mldash_ingest.documents.mongo import open_mongo
    from mldash_ingest.repair import Repair

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("reading Kafka again: {task.completed} records"), TimeElapsedColumn())
    mongo = open_mongo(settings)
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=None)
            async with reading(settings) as consumer:
                repair = Repair(
                    mongo,
                    consumer,
                    settings.topic_prefix,
                    prefix.text,
                    idle_s=workers.idle_s,
                    snapshot_sessions=workers.snapshot_sessions,
                )
                return await repair.fill(holes, lambda records: progress.update(task, completed=records))
    finally:
        await mongo.close()


def _tell_repair(repaired: Repaired) -> None:
    print(f"repair: {repaired.event_count} missing events found in {repaired.record_count} records, and stored")
    for reason in sorted(set(repaired.refused)):
        print(f"repair: not stored: {reason}")


def _tell(report: Report, *, quiet: bool) -> None:
    for finding in report.findings:
        if finding.is_damage or finding.is_set_aside or not quiet:
            print(finding)
    damage = sum(finding.is_damage for finding in report.findings)
    sessions = len({one.session for one in report.sessions})
    what = f"{report.event_count} events in {len(report.streams)} streams by {sessions} sessions"
    if report.ok:
        print(f"ok: {report.prefix}: {what}")
    elif report.verdict == "set aside":
        letters = (
            f"{report.set_aside_count} events wait in the dead letters (mldash dead-letters list); stored are {what}"
        )
        print(f"set aside: {report.prefix}: {letters}", file=sys.stderr)
    else:
        print(f"not ok: {report.prefix}: {damage} findings of damage in {what}", file=sys.stderr)
