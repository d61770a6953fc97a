"""`mldash rm PREFIX`, `mldash rm --filter FILTER`"""

from __future__ import annotations

import asyncio
import json
import sys
from time import time
from typing import TYPE_CHECKING, Any

import click
import msgspec

from mldash.process.configuration import component_options, component_settings

if TYPE_CHECKING:
    from mldash_compactor.settings import CompactorSettings
    from mldash_compactor.upkeep.removal import Deleted
    from mldash_ingest.documents.removal_counts import Counts
    from mldash_ingest.documents.removals import Target

_LIVE_S = 60.0


@click.command("rm")
@click.argument("prefix", required=False)
@click.option("--filter", "text", metavar="FILTER", help="All that pass it and that you are admin of: docs/query.md.")
@click.option("--remote", metavar="URL", help="With --filter: the API to ask (also MLDASH_REMOTE).")
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For programs; asks nothing, so it needs --yes or --dry-run.")
@component_options
def command(
    prefix: str | None,
    text: str | None,
    remote: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    config: str | None,
    data: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Delete the experiment PREFIX, its hot and its cold data, for good.

    It is invisible at once, and can be made again under the same prefix. Interrupted, run it again: it goes on, and so
    does any compactor, which also looks once more after 30 days (MLDASH_COMPACTOR_PURGE_AFTER_S) for what processes
    wrote that were still running. Their events are dropped from now on.

    With --filter in the place of PREFIX the API says which experiments pass, at most 200 at a time; exactly those that
    were shown are deleted, and a compactor deletes what is left of them.
    """
    from mldash.events.identity import parse_prefix
    from mldash.process import log_output
    from mldash_compactor.settings import CompactorSettings

    if (prefix is None) == (text is None):
        raise click.UsageError("say a PREFIX, or --filter FILTER")
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json asks nothing: say --yes or --dry-run")
    if text is not None:
        from .removing import remove_by_filter

        remove_by_filter(text, (config, data), dry_run=dry_run, yes=yes, as_json=as_json, remote=remote)
        return
    assert prefix is not None
    try:
        parsed = parse_prefix(prefix)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="PREFIX") from error
    log_output.set_up(component_settings(log_output.LogSettings, "log", config=config), "rm")
    settings = component_settings(CompactorSettings, "compactor", config=config, data=data, assignments=assignments)
    asyncio.run(_Command(settings, dry_run=dry_run, yes=yes, as_json=as_json).run(parsed))


class _Command:
    def __init__(self, settings: CompactorSettings, *, dry_run: bool, yes: bool, as_json: bool) -> None:
        self._settings = settings
        self._dry_run, self._yes, self._as_json = dry_run, yes, as_json

    async def run(self, prefix: Any) -> None:
        from mldash_compactor.chunks.s3 import open_store
        from mldash_compactor.upkeep.removal import Removal
        from mldash_ingest.documents.changes import record_change, who_runs_this
        from mldash_ingest.documents.mongo import open_mongo
        from mldash_ingest.documents.removal_counts import count
        from mldash_ingest.documents.removals import find_target, raise_generation

        mongo = open_mongo(self._settings)
        try:
            await mongo.ping()
            async with open_store(self._settings) as objects:
                target = await find_target(mongo, prefix)
                if target is None or not (target.is_there or target.unswept):
                    raise click.ClickException(f"there is no experiment {prefix.text}")
                counts = await count(mongo, target.id, target.generation, time() - _LIVE_S)
                if not self._may(target, counts):
                    return
                await record_change(mongo, who_runs_this(), "delete an experiment", prefix.text)
                if target.is_there and not await raise_generation(mongo, target):
                    raise click.ClickException("another one deleted it a moment ago; run it again to go on with that")
                generations = [*target.unswept, *([target.generation] if target.is_there else [])]
                await self._sweep([Removal(mongo, objects, prefix, generation) for generation in generations])
        finally:
            await mongo.close()

    def _may(self, target: Target, counts: Counts) -> bool:
        """Say what would be deleted, and ask."""
        if self._dry_run and self._as_json:
            answer = {"prefix": target.prefix.text, "generation": target.generation, "unfinished": target.unswept}
            print(json.dumps(answer | msgspec.to_builtins(counts), indent=2))
        elif not self._as_json:
            _tell(target, counts)
        if self._dry_run:
            return False
        return self._yes or click.confirm(f"Delete {target.prefix.text} for good?", abort=True)

    async def _sweep(self, removals: list[Any]) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        from mldash_compactor.upkeep.removal import sweep_generation

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("deleting", total=None)
            for removal in removals:
                removal.deleted.tell = lambda deleted: progress.update(task, description=_line(deleted))
                await sweep_generation(removal)
        for removal in removals:
            if self._as_json:
                print(json.dumps({"prefix": removal.prefix.text, "generation": removal.generation, **_sums(removal)}))
            else:
                print(f"deleted {removal.prefix.text} (generation {removal.generation}): {_line(removal.deleted)}")
            if removal.is_held:
                print("its objects on S3 are held, as by a backup: a compactor deletes them later", file=sys.stderr)


def _tell(target: Target, counts: Counts) -> None:
    if target.unswept:
        print(f"a deletion that was cut short goes on: generation {', '.join(map(str, target.unswept))}")
    if not target.is_there:
        return
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.streams.items()))
    print(f"{target.prefix.text}: {counts.events} events in {sum(counts.streams.values())} streams ({kinds})")
    print(f"  MongoDB  {counts.hot_events} events in {counts.buckets} buckets, {counts.bucket_bytes / 1e6:.1f} MB")
    print(f"  S3       {counts.chunks} chunks, {counts.chunk_bytes / 1e6:.1f} MB")
    print(f"  {counts.sessions} sessions")
    for live in counts.live_sessions:
        where = f"host {live['host'] or '?'}, pid {live['pid'] or '?'}"
        print(f"  still running: session {live['session']} ({where}); what it logs will be dropped", file=sys.stderr)


def _line(deleted: Deleted) -> str:
    return ", ".join(f"{number} {what}" for what, number in _of(deleted).items())


def _sums(removal: Any) -> dict[str, int]:
    return _of(removal.deleted)


def _of(deleted: Deleted) -> dict[str, int]:
    return {what: getattr(deleted, what) for what in ("streams", "buckets", "chunks", "objects", "sessions")}
