"""Importing in this process, and all that a reader then sees of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from mldash import Experiment
from mldash.command_line import group
from mldash.importers.events import Event, LeftOut, Part, RunEvent
from mldash.importers.finding import find
from mldash.importers.taking import Outcome, take, target_of
from mldash.settings import SdkSettings

INTO = "alice/robots"


def ledger_of(folder: Path) -> dict[str, Any]:
    """What was logged into these samples, as the script that made them has written it down."""
    found: dict[str, Any] = json.loads((folder / "ledger.json").read_text())
    return found


def import_all(*sources: Path, root: Path, options: tuple[str, ...] = (), code: int = 0) -> Result:
    """The command, into a local folder."""
    arguments = ["import", *map(str, sources), "--root", str(root), "--into", INTO, "--processes", "1", *options]
    done = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def take_all(source: Path, root: Path, tell: Callable[[int], None] = lambda size: None) -> list[Outcome]:
    """Without the command."""
    settings = SdkSettings(root=str(root), mode="local")
    return [take(run, target_of(run, INTO), settings, tell, is_dry=False) for run in find(source).runs]


def points(root: Path, prefix: str, metric: str) -> list[dict[str, Any]]:
    """Of a metric what each of its points holds."""
    found = Experiment(f"{INTO}/{prefix}", root=root).metrics(metric).read(limit=10_000)
    return [point["data"] for point in found["data"]]


def times(root: Path, prefix: str, metric: str) -> list[str]:
    found = Experiment(f"{INTO}/{prefix}", root=root).metrics(metric).read(limit=10_000)
    return [point["createdAt"] for point in found["data"]]


def everything(root: Path) -> dict[str, Any]:
    """Of each experiment all but what says when it was imported. As text: NaN is equal to itself there."""
    found = {}
    for file in sorted(root.rglob("experiment.json")):
        experiment = Experiment(file.parent.relative_to(root).as_posix(), root=root)
        about = dict(experiment._reader().experiment() or {})
        names = [one["name"] for one in experiment.metrics.list()]
        told = {
            "about": {part: about.get(part) for part in ("description", "readme", "tags", "metadata", "status")},
            "sessions": [*experiment._reader().sessions()],
            "params": experiment.params.get(),
            "logs": experiment.logs.read(limit=10_000),
            "metrics": {name: experiment.metrics(name).read(limit=10_000)["data"] for name in names},
        }
        found[experiment.prefix] = repr(told)
    return found


def events_of(part: Part) -> tuple[list[Event | RunEvent], LeftOut]:
    left = LeftOut()
    return [*part.events(left, lambda size: None)], left
