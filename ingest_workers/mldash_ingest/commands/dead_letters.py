"""`mldash dead-letters list | show | replay`"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash.connections.servers import TopicSettings
    from mldash.events.letter import Letter, Place
    from mldash_ingest.dead_letters.browse import Summary, Wanted

_SHOWN_CHARACTERS = 4_096
_KINDS = ("params", "metrics", "logs", "tracks", "runs")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@click.group("dead-letters")
def command() -> None:
    """List, show and replay records that were set aside because they could not be stored.

    A letter's place is its PARTITION/OFFSET on the topic of dead letters, or its OFFSET alone.
    """


def filters(decorated: CommandT) -> CommandT:
    """Options that choose letters."""
    for option in (
        click.option("--reason", metavar="TEXT", help="Only letters whose reason has this text in it."),
        click.option("--kind", type=click.Choice(_KINDS), help="Only letters of this kind."),
        click.option("--experiment", metavar="PREFIX", help="Only letters of this experiment, or below this prefix."),
    ):
        decorated = option(decorated)
    return decorated


@command.command("list")
@filters
@click.option("--all", "everything", is_flag=True, help="Also those that were replayed.")
@click.option("--json", "as_json", is_flag=True, help="For programs: an array of objects.")
@component_options
def list_(
    experiment: str | None,
    kind: str | None,
    reason: str | None,
    everything: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """List letters that wait, oldest first: place, time, origin, what is in them, and why they were set aside."""
    settings = _settings(config, data, assignments)
    wanted = _wanted(experiment, kind, reason, replayed=None if everything else False)
    letters = asyncio.run(_list(settings, wanted))
    if as_json:
        print(json.dumps([_as_json(one) for one in letters], indent=2))
        return
    for one in letters:
        replayed = f"  (replayed {_clock(one.replayed_at)})" if one.replayed_at is not None else ""
        print(f"{one.place}  {_clock(one.time)}  {_origin(one)}  {_content(one)}{replayed}")
        print(f"    {one.reason}")
    if not letters:
        print("no letters", file=sys.stderr)


@command.command("show")
@click.argument("place")
@click.option("--json", "as_json", is_flag=True, help="For programs, all of it, with the record's bytes in base64.")
@click.option("--raw", is_flag=True, help="Only the record's bytes, as they are: into a file or a program.")
@component_options
def show(
    place: str, as_json: bool, raw: bool, config: str | None, data: str | None, assignments: tuple[str, ...]
) -> None:
    """Show the letter at PLACE: origin, reason, headers, and its record as JSON, or its bytes: the first 4 KiB."""
    if as_json and raw:
        raise click.UsageError("say --json or --raw")
    settings = _settings(config, data, assignments)
    letter = asyncio.run(_fetch(settings, _place(place)))
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        return
    document = _in_full(letter)
    if as_json:
        print(json.dumps(document, indent=2))
        return
    for name in ("place", "time", "origin", "reason", "key", "headers"):
        print(f"{name + ':':10}{document[name]}")
    print(_shortened(letter, document))


@command.command("replay")
@click.argument("places", nargs=-1, metavar="[PLACE]...")
@click.option("--all", "everything", is_flag=True, help="Every letter that waits and passes the filters.")
@filters
@click.option("--dry-run", is_flag=True, help="List what would be replayed, and replay nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For programs; asks nothing, so it needs --yes or --dry-run.")
@component_options
def replay(
    places: tuple[str, ...],
    everything: bool,
    experiment: str | None,
    kind: str | None,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Send letters back to the topic and partition that they came from, byte for byte.

    A worker stores of them what is not stored: twice replayed is once stored. What still can't be stored becomes a new
    letter. Say which: their PLACEs, or --all with filters.
    """
    if bool(places) == everything:
        raise click.UsageError("say which letters: their places, or --all")
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json asks nothing: say --yes or --dry-run")
    settings = _settings(config, data, assignments)
    chosen = [_place(place) for place in places]
    if everything:
        found = asyncio.run(_list(settings, _wanted(experiment, kind, reason, replayed=False)))
        chosen = [one.place for one in found]
        if not as_json:
            for one in found:
                print(f"{one.place}  {_origin(one)}  {_content(one)}: {one.reason}")
    if dry_run or not chosen:
        print(json.dumps([str(place) for place in chosen]) if as_json else f"{len(chosen)} letters, none replayed")
        return
    if everything and not yes:
        click.confirm(f"Replay {len(chosen)} letters?", abort=True)
    _replay_with_bar(settings, chosen)
    print(json.dumps([str(place) for place in chosen]) if as_json else f"replayed {len(chosen)} letters")


def _replay_with_bar(settings: TopicSettings, places: list[Place]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("replaying", total=len(places))
        asyncio.run(_replay(settings, places, lambda: progress.advance(task)))


async def _replay(settings: TopicSettings, places: list[Place], advance: Callable[[], None]) -> None:
    from mldash.connections.kafka_access import Needs, start
    from mldash.connections.topic_reading import reading, stop_quietly
    from mldash.events.topics import event_topics
    from mldash_ingest.dead_letters.replay import replay
    from mldash_ingest.kafka import make_producer

    async with reading(settings) as consumer:
        producer = make_producer(settings, "mldash-dead-letters")
        try:
            await start(settings, producer, Needs(writes=list(event_topics(settings.topic_prefix))))
            await replay(consumer, producer, settings.topic_prefix, places, lambda place: advance())
        finally:
            await stop_quietly(producer)


async def _list(settings: TopicSettings, wanted: Wanted) -> list[Summary]:
    from mldash.connections.topic_reading import reading
    from mldash_ingest.dead_letters.browse import list_letters

    async with reading(settings) as consumer:
        return [one for one in await list_letters(consumer, settings.topic_prefix) if wanted.admits(one)]


async def _fetch(settings: TopicSettings, place: Place) -> Letter:
    from mldash.connections.topic_reading import reading
    from mldash_ingest.dead_letters.browse import fetch_letters

    async with reading(settings) as consumer:
        (letter,) = await fetch_letters(consumer, settings.topic_prefix, [place])
        return letter


def _settings(config: str | None, data: str | None, assignments: tuple[str, ...]) -> TopicSettings:
    from mldash.connections.servers import TopicSettings
    from mldash.process import log_output

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "dead-letters")
    return component_settings(TopicSettings, "topics", config=config, data=data, assignments=assignments)


def _wanted(experiment: str | None, kind: str | None, reason: str | None, *, replayed: bool | None) -> Wanted:
    from mldash_ingest.dead_letters.browse import Wanted

    return Wanted(experiment=experiment.strip("/") if experiment else None, kind=kind, reason=reason, replayed=replayed)


def _place(text: str) -> Place:
    from mldash.events.letter import parse_place

    try:
        return parse_place(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="PLACE") from error


def _as_json(letter: Summary) -> dict[str, Any]:
    return {
        "place": str(letter.place),
        "time": letter.time,
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.reason,
        "bytes": letter.size_bytes,
        "replayed_at": letter.replayed_at,
        "experiment": letter.prefix,
        "kind": letter.kind,
        "name": letter.name,
        "session": letter.session.hex() if letter.session is not None else None,
        "first_seq": letter.first_seq,
        "count": letter.count,
    }


def _in_full(letter: Letter) -> dict[str, Any]:
    import base64

    from mldash.events.encoding import JSON, encode_record
    from mldash_ingest.dead_letters.browse import decoded

    record = decoded(letter)
    return {
        "place": str(letter.place),
        "time": letter.time,
        "origin": f"{letter.origin.topic}/{letter.origin.partition} offset {letter.origin.offset}",
        "reason": letter.reason,
        "key": letter.key.hex() if letter.key is not None else None,
        "headers": {name: (value or b"").decode(errors="replace") for name, value in letter.headers},
        "value": base64.b64encode(letter.value or b"").decode(),
        "record": json.loads(encode_record(record, JSON)) if record is not None else None,
    }


def _shortened(letter: Letter, document: dict[str, Any]) -> str:
    """The record as JSON, or its bytes where it is none; what is long ends with how to get all of it."""
    is_record = document["record"] is not None
    shown = json.dumps(document["record"], indent=2) if is_record else f"base64: {document['value']}"
    if len(shown) <= _SHOWN_CHARACTERS:
        return shown
    size = len(letter.value or b"")
    return f"{shown[:_SHOWN_CHARACTERS]}…\n({size} bytes in all: --json shows them, --raw writes them)"


def _origin(letter: Summary) -> str:
    return f"{letter.origin.topic}/{letter.origin.partition}@{letter.origin.offset}"


def _content(letter: Summary) -> str:
    if letter.prefix is None:
        return f"{letter.size_bytes} bytes that can't be decoded"
    of = f" {letter.name!r}" if letter.name else ""
    return f"{letter.count} {letter.kind}{of} of {letter.prefix} from seq {letter.first_seq}"


def _clock(time: float | None) -> str:
    return datetime.fromtimestamp(time or 0.0, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
