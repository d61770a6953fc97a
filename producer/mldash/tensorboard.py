"""`from mldash.tensorboard import SummaryWriter`: a writer with the signatures of PyTorch's and tensorboardX's.

    add_scalar, add_scalars   points: the tag before its last slash is the metric, the rest the field, `step` the step
    add_text                  a line of the log, with tag and step as metadata
    add_hparams               parameters, and its metrics as a point
    every other add_…         taken, counted and said once: images, histograms, graphs and the like are not kept

No event file is written, and neither package is needed. Nothing of it raises for a value.
"""

import os
import socket
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .callbacks import warn
from .experiment import Experiment
from .incoming.board import Board
from .incoming.places import prefix_of, user_name
from .incoming.points import Points
from .incoming.starting import started
from .incoming.unkept import Unkept
from .process.environment import read_settings
from .session.process_end import call_before_end, call_no_more
from .settings import SdkSettings

SCALARS = "scalars"
"""The metric of tags without a slash."""

_MOST_SEGMENTS = 3
_log_dirs: dict[str, str] = {}
"""Prefix of MLDASH_PREFIX → the folder of the first writer that has taken it."""


class SummaryWriter:
    """Writes into one experiment: `prefix`, else MLDASH_PREFIX, else the user and the end of `log_dir`
    (`runs/walk/07` → `alice/runs/walk/07`). The same log_dir is the same experiment, which goes on."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
        write_to_disk: bool = True,
        *,
        logdir: str | os.PathLike[str] | None = None,
        prefix: str | None = None,
        experiment: Experiment | None = None,
        **others: Any,
    ) -> None:
        """`experiment`: one whose run is open, which is then not ended by `close`. `write_to_disk=False` records
        nothing. What concerns event files (max_queue, flush_secs, …) is left alone.

        Raises ValueError for a prefix that is none.
        """
        given = log_dir if log_dir is not None else logdir
        stamp = f"{time.strftime('%b%d_%H-%M-%S')}_{socket.gethostname()}{comment}"
        self.log_dir = self.logdir = os.fspath(given) if given is not None else f"runs/{stamp}"
        self._owns = experiment is None
        self.experiment = experiment or _experiment(prefix, self.log_dir, mode=None if write_to_disk else "disabled")
        self._unkept = Unkept()
        self._is_open = False
        self._open()
        if purge_step is not None:
            self._unkept.count("purge_step")
        if write_to_disk:  # scripts save files of their own there
            self._points.guarded(
                "the folder of the writer", lambda: Path(self.log_dir).mkdir(parents=True, exist_ok=True)
            )

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        *more: Any,
        **named: Any,
    ) -> None:
        """A value of one tag. Values of one metric and step become one point."""
        self._open().scalars({tag: scalar_value}, global_step)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Several values of the metric `main_tag`, as one point."""
        self._open().scalars({f"{main_tag}/{tag}": value for tag, value in tag_scalar_dict.items()}, global_step)

    def add_text(self, tag: str, text_string: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """A line of the log."""
        self._open().text(tag, text_string, global_step)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: str | None = None,
        global_step: Any = None,
        **named: Any,
    ) -> None:
        """Parameters of the experiment, and the metrics that came of them."""
        self._open().hyperparameters(hparam_dict, metric_dict, global_step)

    def flush(self) -> None:
        """Points that are open are written. The journal then has all, as an event file would; for what waits until it
        is delivered, there is `writer.experiment.flush()`."""
        self._board.close()

    def close(self) -> None:
        """Write what is open and end the run, where this writer has begun it. A later call begins it anew."""
        if self._settle() and self._owns:
            self._points.guarded("the end of the run", self.experiment.run.complete)

    def get_logdir(self) -> str:
        """As it was given; no event file lies there."""
        return self.log_dir

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._settle() and self._owns:
            end = partial(self.experiment.run.__exit__, kind, error, trace)
            self._points.guarded("the end of the run", end)

    def __getattr__(self, name: str) -> Any:
        """Each other `add_…` of theirs: taken and counted."""
        if not name.startswith("add_"):
            raise AttributeError(f"SummaryWriter of mldash has no {name!r}")
        return lambda *args, **named: self._unkept.count(name.removeprefix("add_"))

    def _open(self) -> Board:
        if not self._is_open:
            if self._owns:
                self.experiment = started(self.experiment)
            self._points = Points(self.experiment, self._unkept, SCALARS)
            self._board = Board(self.experiment, self._points, self._unkept)
            self._is_open = True
            call_before_end(self._board.close)
        return self._board

    def _settle(self) -> bool:
        """Whether it was open."""
        if not self._is_open:
            return False
        self._is_open = False
        call_no_more(self._board.close)
        self._board.close()
        self._points.say_unkept()
        self._unkept.forget()
        return True


def _experiment(prefix: str | None, log_dir: str, *, mode: Any) -> Experiment:
    if prefix is None and (prefix := read_settings(SdkSettings, "", given={}).prefix) is not None:
        first = _log_dirs.setdefault(prefix, log_dir)
        if first != log_dir:
            warn(f"writers of {first} and {log_dir} are both {prefix}: their equal tags are one series; give prefix=")
    if prefix is None:
        parts = [part for part in Path(log_dir).parts if part not in ("/", ".", "..")]
        prefix = prefix_of(user_name(), *(parts[-_MOST_SEGMENTS:] or ["runs"]))
    return Experiment(prefix, mode=mode)
