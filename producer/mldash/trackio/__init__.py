"""A front for scripts that were written for trackio: `import mldash.trackio as trackio`, and nothing else changes.

The numbers, text and configuration that a script logs are stored as an experiment of ours; what is not kept (images,
tables, artifacts, traces) is taken, described, counted and said once. docs/coming-from/trackio.md has the mapping.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from mldash.callbacks import warn
from mldash.incoming.media import (
    Artifact,
    Audio,
    Histogram,
    Html,
    Image,
    Molecule,
    Object3D,
    Plotly,
    Table,
    Video,
    described,
)

from . import current
from .errors import NotAsked, NotHere
from .one_run import Run
from .opening import open_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    config: dict[str, Any]

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "Audio",
    "Histogram",
    "Html",
    "Image",
    "Markdown",
    "Molecule",
    "NotAsked",
    "NotHere",
    "Object3D",
    "Plotly",
    "Run",
    "Table",
    "Trace",
    "Video",
    "alert",
    "config",
    "delete_project",
    "finish",
    "freeze",
    "import_csv",
    "import_tf_events",
    "init",
    "log",
    "log_artifact",
    "log_cpu",
    "log_gpu",
    "log_system",
    "save",
    "show",
    "sync",
    "use_artifact",
]

__version__ = "0.43.0"
"""Of the trackio whose behaviour this has."""

Markdown, Trace = described("Markdown"), described("Trace")


class AlertLevel(Enum):
    """Of `alert`."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


def init(
    project: str,
    name: str | None = None,
    group: str | None = None,
    space_id: str | None = None,
    server_url: str | None = None,
    dataset_id: str | None = None,
    bucket_id: str | None = None,
    config: "Mapping[str, Any] | None" = None,
    resume: str = "never",
    settings: Any = None,
    private: bool | None = None,
    embed: bool = True,
    auto_log_gpu: bool | None = None,
    gpu_log_interval: float = 10.0,
    auto_log_cpu: bool | None = None,
    cpu_log_interval: float = 10.0,
    webhook_url: str | None = None,
    webhook_min_level: Any = None,
) -> Run:
    """Open a run and end the one that is open. The experiment is USER/project/[group]/name, or an id that is made
    where there is no name.

    Where events go is for the settings MLDASH_… to say: a Space, a server or a bucket is left alone, and said.
    `resume="must"` or `"allow"` goes on behind the last step. Raises NotAsked (a ValueError) for a `resume` that is
    none, or that "must" go on in a run that is not there.
    """
    for where in ("space_id", "server_url", "dataset_id", "bucket_id", "webhook_url"):
        if locals()[where] is not None:
            warn(f"{where} has no effect here: MLDASH_REMOTE says where events go (docs/coming-from/trackio.md)")
    return open_run(project, name, group, config, resume)


def log(metrics: "Mapping[str, Any]", step: int | None = None) -> None:
    """As `Run.log` of the open run. Raises NotAsked where none is open."""
    (current.open_run or current.needed("log")).log(metrics, step)


def log_system(metrics: "Mapping[str, Any]") -> None:
    """As `Run.log_system` of the open run. Raises NotAsked where none is open."""
    current.needed("log_system").log_system(metrics)


def alert(title: str, text: str | None = None, level: Any = AlertLevel.WARN, webhook_url: str | None = None) -> None:
    """As `Run.alert` of the open run. Raises NotAsked where none is open."""
    current.needed("alert").alert(title, text, level)


def finish() -> None:
    """End the open run. Raises NotAsked where none is open."""
    current.needed("finish").finish()


def log_artifact(artifact_or_path: Any, name: str | None = None, *more: Any, **named: Any) -> Artifact:
    """Artifacts stay where they are: it is said once."""
    return current.needed("log_artifact").log_artifact(artifact_or_path, name)


def log_gpu(run: Run | None = None, device: int | None = None) -> dict[str, Any]:
    """The load of the host is for MLDASH_SYSTEM_METRICS_INTERVAL_S to record: it is said once, and {}."""
    (run or current.needed("log_gpu")).unkept.count("log_gpu")
    return {}


def log_cpu(run: Run | None = None) -> dict[str, Any]:
    """As `log_gpu`."""
    (run or current.needed("log_cpu")).unkept.count("log_cpu")
    return {}


def save(glob_str: Any, project: str | None = None) -> str:
    """Files stay where they are: it is said once."""
    current.needed("save").unkept.count("save")
    return str(glob_str)


def show(*args: Any, **named: Any) -> None:
    """The page is started by a command, which a warning names."""
    warn("trackio.show() starts nothing here: `mldash view` shows local runs, `mldash open` those of the servers")


class Api:
    """`trackio.Api`: raises NotHere."""

    def __init__(self, *args: Any, **named: Any) -> None:
        raise NotHere("Api")


def use_artifact(*args: Any, **named: Any) -> NoReturn:
    """Raises NotHere."""
    raise NotHere("use_artifact")


def sync(*args: Any, **named: Any) -> NoReturn:
    """Raises NotHere."""
    raise NotHere("sync")


def freeze(*args: Any, **named: Any) -> NoReturn:
    """Raises NotHere."""
    raise NotHere("freeze")


def delete_project(*args: Any, **named: Any) -> NoReturn:
    """Raises NotHere."""
    raise NotHere("delete_project")


def import_csv(*args: Any, **named: Any) -> NoReturn:
    """Raises NotHere."""
    raise NotHere("import_csv")


def import_tf_events(*args: Any, **named: Any) -> NoReturn:
    """Raises NotHere."""
    raise NotHere("import_tf_events")


def __getattr__(name: str) -> Any:
    """What changes with `init`, and classes of theirs that have no place of their own here."""
    if name == "config":
        return {} if current.open_run is None else current.open_run.config
    if name[0].isupper() and not name.isupper():
        return described(name)
    raise AttributeError(f"mldash.trackio has no {name!r}: docs/coming-from/trackio.md says what it has")
