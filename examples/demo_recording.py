"""What a rank logged, kept beside it: every call goes to the experiment first and into a file then.

A file a rank, `rank-N.msgpack`: calls, one behind the other, each as its length (u32, little endian) and MessagePack of
[what was called, name, arguments]. The first is the time when it began; the last holds when it ended and the seconds
that each call of metrics(…).log() took.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Calls(Struct):
    """One rank's calls, in the order in which it made them."""

    rank: int
    params: list[dict[str, Any]] = []
    points: dict[str, list[dict[str, Any]]] = {}
    entries: dict[str, list[dict[str, Any]]] = {}
    lines: list[tuple[str, str, dict[str, Any]]] = []
    began: float = 0.0
    ended: float = 0.0
    log_seconds: array[float] = msgspec.field(default_factory=lambda: array("d"))


@contextmanager
def recorded(experiment: Any, folder: Path, rank: int) -> Iterator[RecordedExperiment]:
    """An experiment that also keeps its calls in a file of the folder."""
    with (folder / f"rank-{rank}.msgpack").open("wb", buffering=1 << 20) as file:
        recording = RecordedExperiment(experiment, file)
        recording.keep("began", None, time.time())
        try:
            yield recording
        finally:
            recording.keep("ended", None, [time.time(), recording.log_seconds.tobytes()])


def read_recordings(folder: Path, ranks: int) -> list[Calls]:
    """What all ranks logged. Raises FileNotFoundError for a rank that kept nothing."""
    return [_read(folder / f"rank-{rank}.msgpack", rank) for rank in range(ranks)]


class RecordedExperiment:
    """The calls that train_digits.py makes, forwarded and kept."""

    def __init__(self, experiment: Any, file: BinaryIO) -> None:
        self._experiment, self._file = experiment, file
        self._metrics: dict[str, RecordedMetric] = {}
        self.log_seconds = array("d")
        self.params = self.logs = self

    def keep(self, call: str, name: str | None, arguments: Any) -> None:
        frame = _encode([call, name, arguments])
        self._file.write(len(frame).to_bytes(4, "little"))
        self._file.write(frame)

    def set(self, **values: Any) -> None:
        self._experiment.params.set(**values)
        self.keep("params", None, values)

    def metrics(self, name: str) -> RecordedMetric:
        if name not in self._metrics:
            self._metrics[name] = RecordedMetric(self, name, self._experiment.metrics(name))
        return self._metrics[name]

    def tracks(self, topic: str) -> RecordedTrack:
        return RecordedTrack(self, topic, self._experiment.tracks(topic))

    def log(self, message: str, level: str = "info", metadata: dict[str, Any] | None = None) -> None:
        self._experiment.log(message, level=level, metadata=metadata)
        self.keep("line", level, [message, metadata or {}])

    def debug(self, message: str, **metadata: Any) -> None:
        self._experiment.logs.debug(message, **metadata)
        self.keep("line", "debug", [message, metadata])

    def warn(self, message: str, **metadata: Any) -> None:
        self._experiment.logs.warn(message, **metadata)
        self.keep("line", "warn", [message, metadata])

    def error(self, message: str, **metadata: Any) -> None:
        self._experiment.logs.error(message, **metadata)
        self.keep("line", "error", [message, metadata])


class RecordedMetric:
    """A metric's handle; it also takes the time of each call."""

    def __init__(self, recording: RecordedExperiment, name: str, handle: Any) -> None:
        self._recording, self._name, self._handle = recording, name, handle

    def log(self, **fields: Any) -> None:
        began = time.perf_counter()
        self._handle.log(**fields)
        self._recording.log_seconds.append(time.perf_counter() - began)
        self._recording.keep("point", self._name, fields)


class RecordedTrack:
    """A track's handle."""

    def __init__(self, recording: RecordedExperiment, topic: str, handle: Any) -> None:
        self._recording, self._topic, self._handle = recording, topic, handle

    def append(self, **fields: Any) -> None:
        self._handle.append(**fields)
        self._recording.keep("entry", self._topic, fields)


def _read(path: Path, rank: int) -> Calls:
    calls = Calls(rank)
    data = memoryview(path.read_bytes())
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "little")
        call, name, arguments = _decode(data[place + 4 : place + 4 + size])
        place += 4 + size
        if call == "params":
            calls.params.append(arguments)
        elif call == "point":
            calls.points.setdefault(name, []).append(arguments)
        elif call == "entry":
            calls.entries.setdefault(name, []).append(arguments)
        elif call == "line":
            message, metadata = arguments
            calls.lines.append((name, message, metadata))
        elif call == "began":
            calls.began = arguments
        elif call == "ended":
            calls.ended, seconds = arguments
            calls.log_seconds.frombytes(seconds)
    return calls
