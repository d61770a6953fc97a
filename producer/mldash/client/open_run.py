"""One run, for reading: the handles of an experiment, whose reads need no run, and nothing to write with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from mldash.answers.asked import checked_wait
from mldash.answers.shapes import ExperimentAnswer, SessionAnswer
from mldash.experiment import Experiment
from mldash.handles.logs import Logs
from mldash.handles.metrics import Metrics
from mldash.handles.params import Params
from mldash.handles.timestamps import Timestamps
from mldash.handles.tracks import Tracks
from mldash.mode import Reader
from mldash.run import RunStatus
from mldash.settings import SdkSettings

if TYPE_CHECKING:
    from mldash.remote.transport import Transport


class OpenRun:
    """One run of `client.run(prefix)`. What an `Experiment` reads is read here by the same calls: `metrics("train")`
    with `read`, `view`, `stats`, …, `params.get()`, `tracks(topic)`, `logs.read()`. Their calls that would write raise
    RuntimeError.

    One that is not there has the empty answers; `about()` is then None.
    """

    params: Params
    metrics: Metrics
    tracks: Tracks
    logs: Logs

    def __init__(self, experiment: Experiment, transport: Transport | None = None) -> None:
        """`transport`: by which it is read. None: as the experiment is."""
        self._experiment, self._transport = experiment, transport
        self.params, self.metrics, self.tracks, self.logs = Params(self), Metrics(self), Tracks(self), Logs(self)

    @property
    def prefix(self) -> str:
        """Without outer slashes."""
        return self._experiment.prefix

    @property
    def id(self) -> str:
        """32 hexadecimal digits that follow from the prefix."""
        return self._experiment.id

    @property
    def status(self) -> RunStatus:
        """Over all processes of the run: CREATED (also where it is not there), RUNNING, COMPLETED, FAILED, CANCELLED,
        PREEMPTED or LOST. Asked for each time. Raises what reads raise: ServerUnreachable, RequestRefused."""
        found = self.about()
        return "CREATED" if found is None else cast(RunStatus, found["status"])

    def about(self, *, wait: float | None = None) -> ExperimentAnswer | None:
        """Its name, owner, tags, description, status and times. None: nothing was logged there."""
        return self._reader().experiment(checked_wait(wait))

    def sessions(self, *, wait: float | None = None) -> list[SessionAnswer]:
        """One entry a process that has written into the run."""
        return self._reader().sessions(checked_wait(wait))

    def __repr__(self) -> str:
        return f"<OpenRun {self.prefix} {self._experiment.mode}>"

    def _repr_html_(self) -> str:
        """In a notebook: an SVG of it as it is now (docs/sdk.md, In a notebook). Never raises."""
        from mldash.pictures.notebook import run_html

        return run_html(self.prefix, self.settings, self._reader)

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenRun, (self._experiment, self._transport)

    # -- for the handles (handles.Owner)

    @property
    def settings(self) -> SdkSettings:
        """Those by which it is read."""
        return self._experiment.settings

    @property
    def _epoch(self) -> int:
        return self._experiment._epoch

    @property
    def _timestamps(self) -> Timestamps:
        return self._experiment._timestamps

    def _writer(self) -> NoReturn:
        raise RuntimeError(f"client.run({self.prefix!r}) only reads: log with Experiment({self.prefix!r}).run")

    def _reader(self) -> Reader:
        if self._transport is None:
            return self._experiment._reader()
        from mldash.remote.reader import RemoteReader

        return RemoteReader(self._transport, self.prefix, self.settings.read_wait_s, own=tuple)

    def flush(self, timeout: float | None = None) -> None:
        """Nothing is written here."""
