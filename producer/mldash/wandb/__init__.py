"""A front for scripts that were written for wandb: `import mldash.wandb as wandb`, and nothing else changes.

The numbers, text and configuration that a script logs are stored as an experiment of ours; what is not kept (images,
tables, artifacts, gradients) is taken, described, counted and said once. docs/coming-from/wandb.md has the mapping.
"""

import os
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mldash.incoming.media import (
    Artifact,
    Audio,
    Histogram,
    Html,
    Image,
    Molecule,
    Object3D,
    Plotly,
    Plots,
    Table,
    Video,
    described,
)

from . import current, errors
from .boards import watch_boards
from .elsewhere import Api, agent, restore, sweep, use_artifact
from .errors import CommError, Error, UsageError
from .one_run import DefinedMetric, Run
from .opening import open_run
from .settings import Settings, generate_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .run_config import Config
    from .run_summary import Summary

    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "Audio",
    "CommError",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "agent",
    "alert",
    "config",
    "data_types",
    "define_metric",
    "errors",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "require",
    "restore",
    "run",
    "save",
    "sdk",
    "setup",
    "summary",
    "sweep",
    "teardown",
    "tensorboard",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "util",
    "watch",
]

__version__ = "0.31.0"
"""Of the wandb whose behaviour this has; scripts compare it."""


class AlertLevel(Enum):
    """Of `alert`."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def init(
    project: str | None = None,
    entity: str | None = None,
    *,
    config: Any = None,
    name: str | None = None,
    id: str | None = None,
    group: str | None = None,
    job_type: str | None = None,
    tags: "Sequence[str] | str | None" = None,
    notes: str | None = None,
    dir: "str | os.PathLike[str] | None" = None,
    mode: str | None = None,
    resume: bool | str | None = None,
    reinit: bool | str | None = None,
    settings: Any = None,
    allow_val_change: bool | None = None,
    config_exclude_keys: "Sequence[str] | None" = None,
    config_include_keys: "Sequence[str] | None" = None,
    sync_tensorboard: bool | None = None,
    tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    save_code: bool | None = None,
    force: bool | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    anonymous: Any = None,
    magic: Any = None,
) -> Run:
    """Open a run, or return the one that is open. The experiment is entity/project/[group]/id, where an id was given,
    else …/name, else …/an id that is made; what is not given comes from `settings`, then from WANDB_….

    Where events go is for the settings MLDASH_… to say; `mode="disabled"` records nothing, and `"offline"` keeps what
    would go to the pipeline for `mldash sync`. `resume` with an `id` goes on in its experiment, offline too.
    Raises TypeError (an unknown keyword), UsageError (a mode or a setting that is none, `resume` that can't be).
    """
    return open_run(locals())


def log(
    data: "Mapping[str, Any]", step: int | None = None, commit: bool | None = None, sync: bool | None = None
) -> None:
    """As `Run.log` of the open run. Raises Error where none is open."""
    (current.open_run or current.needed("log()")).log(data, step, commit)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the open run; nothing where none is open."""
    found = current.open_run
    if found is not None:
        found.finish(exit_code)


def define_metric(name: str, *more: Any, **named: Any) -> DefinedMetric:
    """As `Run.define_metric` of the open run. Raises Error where none is open."""
    return current.needed("define_metric()").define_metric(name, *more, **named)


def alert(title: str, text: str = "", level: Any = None, *more: Any, **named: Any) -> None:
    """As `Run.alert` of the open run. Raises Error where none is open."""
    current.needed("alert()").alert(title, text, level)


def watch(*args: Any, **named: Any) -> Any:
    """Gradients are not logged: it is said once."""
    return current.needed("watch()").watch()


def unwatch(*args: Any, **named: Any) -> None:
    """Nothing is watched."""


def save(*args: Any, **named: Any) -> Any:
    """Files stay where they are: it is said once."""
    return current.needed("save()").save()


def log_artifact(*args: Any, **named: Any) -> Any:
    """Artifacts stay where they are: it is said once."""
    return current.needed("log_artifact()").log_artifact(*args, **named)


def log_model(*args: Any, **named: Any) -> None:
    """Models stay where they are: it is said once."""
    current.needed("log_model()").log_model()


def mark_preempting() -> None:
    """The experiment sees SIGTERM by itself."""


def login(*args: Any, **named: Any) -> bool:
    """Nothing is needed: True."""
    return True


def require(*args: Any, **named: Any) -> None:
    """Nothing is needed."""


def setup(*args: Any, **named: Any) -> None:
    """Nothing is needed."""


def teardown(exit_code: int | None = None) -> None:
    """As `finish`."""
    finish(exit_code)


def termlog(string: str = "", *more: Any, **named: Any) -> None:
    """Print it."""
    print(string)


termwarn = termerror = termlog

tensorboard = SimpleNamespace(patch=lambda *args, **named: watch_boards())
util = SimpleNamespace(generate_id=generate_id)
plot = Plots()
plot_table = plot.plot_table
data_types = SimpleNamespace(
    Image=Image, Video=Video, Audio=Audio, Html=Html, Table=Table, Histogram=Histogram, Object3D=Object3D
)
sdk = SimpleNamespace(wandb_run=SimpleNamespace(Run=Run), Settings=Settings)


def __getattr__(name: str) -> Any:
    """What changes with `init` and `finish`, and classes of theirs that have no place of their own here."""
    if name == "run":
        return current.open_run
    if name in ("config", "summary"):
        found = current.open_run
        return current.Unopened(name) if found is None else getattr(found, name)
    if name[0].isupper() and not name.isupper():
        return described(name)
    raise AttributeError(f"mldash.wandb has no {name!r}: docs/coming-from/wandb.md says what it has")
