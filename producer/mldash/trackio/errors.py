"""What the calls of trackio's names raise here.

NotAsked (a RuntimeError and a ValueError)  a call before `init`, or a `resume` that can't be
NotHere  (a NotImplementedError)            what only trackio has; it names our way to the same
"""

from mldash.errors import MldashError

_WAYS = {
    "Api": "trackio.Api reads trackio's database. Read runs of ML-Dash by `from mldash import Client`",
    "use_artifact": "artifacts are not kept: read the file from where it lies",
    "sync": "nothing goes to a Space. `mldash sync` sends what lies in local files to the servers",
    "freeze": "nothing goes to a Space. `mldash view` shows local runs in a browser",
    "delete_project": "`mldash rm PREFIX` deletes an experiment",
    "import_csv": "read the file and log its rows",
    "import_tf_events": "read the files and log their scalars, or write them by mldash.tensorboard.SummaryWriter",
}


class NotAsked(MldashError, RuntimeError, ValueError):
    """As trackio's own, of which some are a RuntimeError and some a ValueError. `told`: the sentence."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told

    def __str__(self) -> str:
        return self.told


class NotHere(MldashError, NotImplementedError):
    """`call` is trackio's alone."""

    def __init__(self, call: str) -> None:
        super().__init__(call)
        self.call = call

    def __str__(self) -> str:
        return f"trackio.{self.call}: {_WAYS[self.call]}"
