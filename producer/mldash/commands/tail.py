"""`mldash tail`"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mldash.events.identity import KINDS
from mldash.events.printable import escaped_json, printable
from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash.connections.following import Followed
    from mldash.connections.servers import TopicSettings
    from mldash.events.reading import Event


@click.command("tail")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only these kinds; may be repeated.")
@click.option("--experiment", metavar="PREFIX", help="Only this experiment, or those below this prefix.")
@click.option("--stored", is_flag=True, help="Only events that are stored, once they are.")
@click.option("--beginning", is_flag=True, help="All that the topics still keep, not only what comes from now on.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many events.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@component_options
def command(
    kinds: tuple[str, ...],
    experiment: str | None,
    stored: bool,
    beginning: bool,
    limit: int | None,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Follow the events on the topics as they come, until Ctrl-C.

    Each event is shown once, with its experiment, kind, name, session and seq, however often a record is sent. With
    --stored an event is shown when a worker has announced that it is in the store. What was set aside is not shown
    then. Reading leaves no trace: no consumer group, no commit.
    """
    from mldash.connections.servers import TopicSettings
    from mldash.process import log_output

    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "tail")
    settings = component_settings(TopicSettings, "topics", config=config, data=data, assignments=assignments)
    below = experiment.strip("/") if experiment else None
    asyncio.run(_Tail(below, limit, as_json=as_json).run(settings, kinds or KINDS, stored=stored, beginning=beginning))


class _Tail:
    def __init__(self, experiment: str | None, limit: int | None, *, as_json: bool) -> None:
        self._experiment, self._limit, self._as_json = experiment, limit, as_json

    async def run(self, settings: TopicSettings, kinds: tuple[str, ...], *, stored: bool, beginning: bool) -> None:
        from mldash.connections.following import Follower

        follower = Follower(settings, kinds, stored=stored, beginning=beginning)
        async with follower:
            if not self._as_json and sys.stderr.isatty():
                print("following; Ctrl-C ends it", file=sys.stderr)
            async for followed in follower:
                if self._is_wanted(followed.record.prefix) and self._show_all(followed):
                    return

    def _is_wanted(self, prefix: str) -> bool:
        below = self._experiment
        return below is None or prefix == below or prefix.startswith(f"{below}/")

    def _show_all(self, followed: Followed) -> bool:
        """Whether that was the last one asked for."""
        for event in followed.events:
            print(_as_json(followed, event) if self._as_json else _as_line(followed, event))
            if self._limit is not None:
                self._limit -= 1
                if self._limit == 0:
                    return True
        sys.stdout.flush()
        return False


def _as_json(followed: Followed, event: Event) -> str:
    from mldash.events.encoding import exact_to_json

    record = followed.record
    text = json.dumps(
        {
            "experiment": record.prefix,
            "kind": record.kind,
            "name": record.name,
            "session": record.session.hex(),
            "seq": event.seq,
            "time": event.time,
            "data": {key: exact_to_json(value) for key, value in event.data.items()},
            "topic": followed.origin.topic,
            "partition": followed.origin.partition,
            "offset": followed.origin.offset,
        },
        ensure_ascii=False,
    )
    return escaped_json(text)


def _as_line(followed: Followed, event: Event) -> str:
    record = followed.record
    when = _clock(event.time)
    of = f"{record.kind} {record.name!r}" if record.name else record.kind
    fields = "  ".join(f"{key}={_short(value)}" for key, value in event.data.items())
    return printable(f"{when}  {record.prefix}  {of}  {fields}").replace("\n", "\\n")


def _clock(time: float) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S.%fZ")
    except (ValueError, OverflowError, OSError):
        return f"{time:g}"  # a track's timestamps may be any numbers


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    return text if len(text) <= 200 else f"{text[:197]}…"
