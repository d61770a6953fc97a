"""`mldash retention [OWNER[/PROJECT]]`"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from time import time
from typing import TYPE_CHECKING, Any

import click

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash_compactor.settings import CompactorSettings
    from mldash_compactor.upkeep.retention import Policy
    from mldash_ingest.documents.mongo import Mongo

_KINDS = ("logs", "metrics", "tracks")
_UNITS = {"d": 1.0, "w": 7.0, "y": 365.0}
_FOREVER = "forever"
_DEFAULT = "default"

Said = dict[str, float | str | None]


class _Days(click.ParamType):  # type: ignore[type-arg]
    """30, 30d, 8w, 2y → days; `forever` → None; `default` → as it is."""

    name = "DAYS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value).strip().lower()
        if text in (_FOREVER, _DEFAULT):
            return text
        number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "d")
        try:
            days = float(number) * _UNITS[unit]
        except ValueError:
            days = -1.0
        if not 0 < days < 1e6:
            self.fail(f"{value!r} is no time to keep things: 30d, 8w, 2y, {_FOREVER} or {_DEFAULT}", param, ctx)
        return days


@click.command("retention")
@click.argument("subject", required=False, metavar="[OWNER[/PROJECT]]")
@click.option("--logs", type=_Days(), help="How long log lines are kept: 30d, 8w, 2y, forever, default.")
@click.option("--metrics", type=_Days(), help="How long chunks of metrics are kept after they became cold.")
@click.option("--tracks", type=_Days(), help="The same of tracks; their newest events, which are hot, always stay.")
@click.option("--dry-run", is_flag=True, help="Count what would expire now, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@component_options
def command(
    subject: str | None,
    logs: Any,
    metrics: Any,
    tracks: Any,
    dry_run: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Show how long logs, metrics and tracks are kept, or say so for an owner or one of their projects.

    Without options it shows. `default` takes a word back: then the owner's word holds for a project, and without one
    everything is kept for ever. Compactors delete what has expired, within an hour or so, for good. With --dry-run and
    a time it counts what that policy would take.
    """
    from mldash_compactor.settings import CompactorSettings

    said: Said = {
        kind: value for kind, value in (("logs", logs), ("metrics", metrics), ("tracks", tracks)) if value is not None
    }
    if said and subject is None:
        raise click.UsageError("whose? say OWNER or OWNER/PROJECT")
    if subject is not None:
        subject = _checked(subject)
    settings = component_settings(CompactorSettings, "compactor", config=config, data=data, assignments=assignments)
    asyncio.run(_run(settings, subject, said, dry_run=dry_run, as_json=as_json))


def _checked(subject: str) -> str:
    parts = subject.strip("/").split("/")
    if len(parts) > 2 or not all(parts):
        raise click.BadParameter(f"{subject!r} is neither OWNER nor OWNER/PROJECT", param_hint="OWNER[/PROJECT]")
    return "/".join(parts)


async def _run(settings: CompactorSettings, subject: str | None, said: Said, *, dry_run: bool, as_json: bool) -> None:
    from mldash_compactor.upkeep.retention import read_policies, set_policy
    from mldash_ingest.documents.changes import record_change, who_runs_this
    from mldash_ingest.documents.mongo import open_mongo

    mongo = open_mongo(settings)
    try:
        await mongo.ping()
        if said and not dry_run and subject is not None:
            changes = {kind: _days(days) for kind, days in said.items() if days != _DEFAULT}
            told = {kind: str(days) for kind, days in said.items()}
            await record_change(mongo, who_runs_this(), "set retention", subject, **told)
            await set_policy(mongo, subject, changes, [kind for kind, days in said.items() if days == _DEFAULT])
        policies = await read_policies(mongo)
        if dry_run:
            await _dry_run(mongo, _with(policies, subject, said), subject, as_json=as_json)
        else:
            _show([policy for policy in policies if _concerns(policy, subject)], subject, as_json=as_json)
    finally:
        await mongo.close()


def _days(days: float | str | None) -> float | None:
    return None if isinstance(days, str) else days


def _concerns(policy: Policy, subject: str | None) -> bool:
    """The subject's own word, and those of its owner and projects."""
    if subject is None or policy.subject == subject:
        return True
    return subject.startswith(policy.subject + "/") or policy.subject.startswith(subject + "/")


def _with(policies: list[Policy], subject: str | None, said: Said) -> list[Policy]:
    """As they would be if this were said."""
    from mldash_compactor.upkeep.retention import Policy

    if subject is None or not said:
        return policies
    before = next((policy for policy in policies if policy.subject == subject), Policy(subject, {}))
    kept = {kind: days for kind, days in before.keep_days.items() if kind not in said}
    kept |= {kind: _days(days) for kind, days in said.items() if days != _DEFAULT}
    return [*(policy for policy in policies if policy.subject != subject), Policy(subject, kept)]


def _show(policies: list[Policy], subject: str | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({policy.subject: policy.keep_days for policy in policies}, indent=2))
        return
    if not policies:
        print(f"{subject or 'all'}: everything is kept for ever")
        return
    from rich.table import Table

    from mldash.process.tables import table_console

    table = Table("", *_KINDS, box=None, padding=(0, 2, 0, 0))
    for policy in policies:
        table.add_row(policy.subject, *(_word(policy.keep_days, kind) for kind in _KINDS))
    table_console().print(table)


def _word(kept: Mapping[str, float | None], kind: str) -> str:
    if kind not in kept:
        return "-"
    days = kept[kind]
    return _FOREVER if days is None else f"{days:g} days"


async def _dry_run(mongo: Mongo, policies: list[Policy], subject: str | None, *, as_json: bool) -> None:
    from mldash_compactor.upkeep.retention import find_expired

    found, total = list[dict[str, Any]](), 0
    async for one in find_expired(mongo, policies, time()):
        if subject is not None and one.prefix != subject and not one.prefix.startswith(subject + "/"):
            continue
        total += one.event_count
        found.append(
            {"prefix": one.prefix, "kind": one.stream.kind, "name": one.stream.name, "events": one.event_count}
        )
        if not as_json:
            named = "" if one.stream.kind == "logs" else f" {one.stream.name or '(unnamed)'}"
            print(f"{one.prefix}: {one.event_count} events of {one.stream.kind}{named}")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print(f"{total} events of {len(found)} streams would expire; nothing was deleted")
