"""What only wandb's servers can do: each call ends with a sentence that names our way to the same."""

from typing import Any, NoReturn

from .errors import CommError

_WAYS = {
    "Api": "wandb.Api reads wandb's servers. Read runs of ML-Dash by `from mldash import Client`: "
    "Client().runs('params.lr < 0.01') finds them, Client().run(prefix).metrics(name).read_columns() gives the numbers",
    "sweep": "wandb.sweep needs wandb's servers. Make a sweep by mldash.adapters.optuna, or start the script once a "
    "setting with WANDB_RUN_GROUP set, and compare the runs with `mldash compare` or Client().groups(…)",
    "agent": "wandb.agent asks wandb's servers for settings. Call the function yourself, once a setting, or by "
    "mldash.adapters.optuna; each wandb.init() is then a run of its own",
    "use_artifact": "artifacts are not kept: read the file from where it lies",
    "restore": "files of runs are not kept: read the file from where it lies",
}


class Api:
    """`wandb.Api`: raises CommError."""

    def __init__(self, *args: Any, **named: Any) -> None:
        raise CommError(_WAYS["Api"])


def sweep(*args: Any, **named: Any) -> NoReturn:
    """Raises CommError."""
    raise CommError(_WAYS["sweep"])


def agent(*args: Any, **named: Any) -> NoReturn:
    """Raises CommError."""
    raise CommError(_WAYS["agent"])


def use_artifact(*args: Any, **named: Any) -> NoReturn:
    """Raises CommError."""
    raise CommError(_WAYS["use_artifact"])


def restore(*args: Any, **named: Any) -> NoReturn:
    """Raises CommError."""
    raise CommError(_WAYS["restore"])
