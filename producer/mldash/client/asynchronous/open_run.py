"""One run, for reading, for asyncio."""

from __future__ import annotations

from mldash.client.open_run import OpenRun
from mldash.handles.metric import Metric
from mldash.handles.tracks import Track
from mldash.run import RunStatus

from .threads import in_thread


class AsyncMetric:
    """The reads of one metric, awaited: `read`, `read_columns`, `view`, `stats`."""

    def __init__(self, metric: Metric) -> None:
        self.name = metric.name
        self.read = in_thread(metric.read)
        self.read_columns = in_thread(metric.read_columns)
        self.view = in_thread(metric.view)
        self.stats = in_thread(metric.stats)


class AsyncMetrics:
    """`run.metrics("train")` is one metric (None: the unnamed one); `await run.metrics.list()` all of them."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self.list = in_thread(run.metrics.list)

    def __call__(self, name: str | None) -> AsyncMetric:
        """Raises ValueError for a name that is none."""
        return AsyncMetric(self._run.metrics(name))


class AsyncTrack:
    """The reads of one track, awaited: `read`, `list_entries`, `at`, `resampled`."""

    def __init__(self, track: Track) -> None:
        self.topic = track.topic
        self.read = in_thread(track.read)
        self.list_entries = in_thread(track.list_entries)
        self.at = in_thread(track.at)
        self.resampled = in_thread(track.resampled)


class AsyncTracks:
    """`run.tracks("robot/pose")` is one track; `await run.tracks.list()` all of them."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self.list = in_thread(run.tracks.list)

    def __call__(self, topic: str) -> AsyncTrack:
        """Raises ValueError for a topic that is none."""
        return AsyncTrack(self._run.tracks(topic))


class AsyncParams:
    """`await run.params.get()`."""

    def __init__(self, run: OpenRun) -> None:
        self.get = in_thread(run.params.get)


class AsyncLogs:
    """`await run.logs.read(…)`; what is new comes by `client.live(prefix, kinds="lines")`."""

    def __init__(self, run: OpenRun) -> None:
        self.read = in_thread(run.logs.read)


class AsyncOpenRun:
    """One run of `client.run(prefix)`: the reads of OpenRun, awaited. `status` is a call here."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self.params, self.metrics = AsyncParams(run), AsyncMetrics(run)
        self.tracks, self.logs = AsyncTracks(run), AsyncLogs(run)
        self.about = in_thread(run.about)
        self.sessions = in_thread(run.sessions)
        self.status = in_thread(self._status)

    @property
    def prefix(self) -> str:
        """Without outer slashes."""
        return self._run.prefix

    @property
    def id(self) -> str:
        """32 hexadecimal digits that follow from the prefix."""
        return self._run.id

    def _status(self) -> RunStatus:
        """As OpenRun.status."""
        return self._run.status

    def __repr__(self) -> str:
        return f"<Async{repr(self._run)[1:]}"
