"""Calls on a run that wandb has and we do not do: each is taken, counted and said once."""

from typing import Any

from mldash.incoming.media import Artifact
from mldash.incoming.unkept import Unkept

from . import elsewhere


class UnkeptCalls:
    """Of `Run`, and as functions of the module."""

    unkept: Unkept

    def watch(self, *args: Any, **named: Any) -> tuple[()]:
        """Gradients and weights are not logged."""
        self.unkept.count("watch")
        return ()

    def unwatch(self, *args: Any, **named: Any) -> None:
        """Nothing is watched."""

    def save(self, *args: Any, **named: Any) -> list[str]:
        """Files stay where they are."""
        self.unkept.count("save")
        return []

    def log_code(self, *args: Any, **named: Any) -> None:
        """The commit is recorded by the experiment itself; the files are not."""
        self.unkept.count("log_code")

    def log_artifact(self, artifact: Any = None, name: str | None = None, *more: Any, **named: Any) -> Any:
        """The artifact, unchanged."""
        self.unkept.count("Artifact")
        return artifact if isinstance(artifact, Artifact) else Artifact(name or str(artifact))

    upsert_artifact = finish_artifact = link_artifact = log_artifact

    def log_model(self, path: Any = None, name: str | None = None, *more: Any, **named: Any) -> None:
        """Models stay where they are."""
        self.unkept.count("model")

    link_model = log_model

    def mark_preempting(self) -> None:
        """The experiment sees SIGTERM by itself."""

    def display(self, *args: Any, **named: Any) -> bool:
        """Nothing is shown in a notebook."""
        return False

    def use_artifact(self, *args: Any, **named: Any) -> Any:
        """Raises CommError."""
        elsewhere.use_artifact()

    def restore(self, *args: Any, **named: Any) -> Any:
        """Raises CommError."""
        elsewhere.restore()
