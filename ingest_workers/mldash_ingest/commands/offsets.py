"""`mldash offsets list | reset`"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash_ingest.offsets import Position
    from mldash_ingest.settings import WorkerSettings


@click.group("offsets")
def command() -> None:
    """Show where the workers' group stands in each partition, and mend committed offsets that halt one."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs: an array of objects.")
@component_options
def list_(as_json: bool, config: str | None, data: str | None, assignments: tuple[str, ...]) -> None:
    """List all partitions: what they hold, what is committed, what waits. Exit code 3 where one halts its worker."""
    found = _positions(_settings(config, data, assignments))
    if as_json:
        print(json.dumps([_as_json(one) for one in found], indent=2))
    else:
        for one in found:
            print(_line(one))
    if any(one.fault for one in found):
        raise SystemExit(3)


@command.command("reset")
@click.argument("partitions", nargs=-1, metavar="[TOPIC/PARTITION]...")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For programs; asks nothing, so it needs --yes or --dry-run.")
@component_options
def reset(
    partitions: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Set committed offsets back to the beginning of what Kafka holds: of partitions that halt, or of those named.

    Nothing is skipped by it: workers find stored what is stored. Records that Kafka removed before they were stored are
    gone, and are counted here. All workers of the group must have ended.
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json asks nothing: say --yes or --dry-run")
    settings = _settings(config, data, assignments)
    chosen = _chosen(_positions(settings), partitions)
    if as_json:
        print(json.dumps([_as_json(one) for one in chosen], indent=2))
    else:
        for one in chosen:
            print(f"{_line(one)} -> {one.begin}")
    if not chosen or dry_run:
        _say(as_json, f"{len(chosen)} partitions to be set back, none was" if chosen else "no partition halts")
        return
    if not yes:
        click.confirm(f"Set {len(chosen)} partitions of the group {settings.group!r} back?", abort=True)
    from mldash_ingest.offsets import reset

    asyncio.run(reset(settings, chosen))
    _say(as_json, f"set back {len(chosen)} partitions; start the workers")


def _chosen(found: list[Position], names: tuple[str, ...]) -> list[Position]:
    from mldash_ingest.offsets import named

    if not names:
        return [one for one in found if one.fault]
    try:
        return named(found, names)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="TOPIC/PARTITION") from error


def _positions(settings: WorkerSettings) -> list[Position]:
    from mldash_ingest.offsets import positions

    return asyncio.run(positions(settings))


def _settings(config: str | None, data: str | None, assignments: tuple[str, ...]) -> WorkerSettings:
    from mldash.process import log_output
    from mldash_ingest.settings import WorkerSettings

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "offsets")
    return component_settings(WorkerSettings, "worker", config=config, data=data, assignments=assignments)


def _line(one: Position) -> str:
    committed = "nothing" if one.committed is None else str(one.committed)
    text = f"{one.name}  holds {one.begin} to {one.end}, committed {committed}, {one.waiting} waiting"
    if one.removed:
        text += f", {one.removed} REMOVED BEFORE THEY WERE STORED"
    return f"{text}  HALTS: {one.fault}" if one.fault else text


def _as_json(one: Position) -> dict[str, object]:
    return {
        "topic": one.topic,
        "partition": one.partition,
        "begin": one.begin,
        "end": one.end,
        "committed": one.committed,
        "waiting": one.waiting,
        "removed": one.removed,
        "fault": one.fault or None,
    }


def _say(as_json: bool, text: str) -> None:
    if not as_json:
        print(text)
