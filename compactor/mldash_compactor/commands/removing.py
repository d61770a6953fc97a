"""`mldash rm --filter`: over HTTP, for the API has the index of runs. What was shown is deleted, and nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from mldash.process.configuration import component_settings

_PATH = "/v1/experiments/delete"


def remove_by_filter(
    text: str, place: tuple[str | None, str | None], *, dry_run: bool, yes: bool, as_json: bool, remote: str | None
) -> None:
    """`place`: `config` and `data` of the command."""
    from mldash.remote.transport import Problem, Transport
    from mldash.settings import SdkSettings

    settings = component_settings(SdkSettings, "sdk", config=place[0], data=place[1], flags={"remote": remote})
    if settings.remote is None:
        raise click.UsageError("--filter asks an API: say --remote URL, or set MLDASH_REMOTE")
    api = Transport.of(settings, settings.remote)
    try:
        shown = api.change("POST", _PATH, {"filter": text})
        _tell(shown, as_json=as_json and dry_run)
        if dry_run or not shown["experiments"]:
            return
        if not yes:
            click.confirm(f"Delete these {len(shown['experiments'])} for good?", abort=True, err=as_json)
        gone = api.change("POST", _PATH, {"token": shown["token"], "dry_run": False})
    except Problem as problem:
        if problem.kind == "wrong-filter":
            raise click.UsageError(problem.detail) from None
        raise
    if as_json:
        print(json.dumps(gone, indent=2))
        return
    print(f"deleted {len(gone['deleted'])}; what is left of them in the stores is a compactor's to delete")
    for prefix in gone["notDeleted"]:
        print(f"{prefix} is not there any more as it was shown, and was not deleted", file=sys.stderr)
    if (more := shown["count"] - len(shown["experiments"])) > 0:
        print(f"{more} more pass the filter: run it again", file=sys.stderr)


def _tell(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    for one in shown["experiments"]:
        lives = f", {one['liveSessions']} processes still write" if one["liveSessions"] else ""
        size = f"{one['events']} events in {sum(one['streams'].values())} streams, {one['bytes'] / 1e6:.1f} MB"
        print(f"{one['prefix']}: {size}{lives}", file=sys.stderr)
    found, sums = len(shown["experiments"]), f"{shown['events']} events, {shown['bytes'] / 1e6:.1f} MB"
    print(f"{found} of {shown['count']} experiments that pass: {sums}", file=sys.stderr)
