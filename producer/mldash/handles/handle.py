"""The common part of the four handles: the way to the open run, and the description of a metric or a track.

A handle outlives runs: it keeps the writer of the run that is open, and asks for it again when the experiment's epoch
has changed (a start, an end, a fork). So the common case costs one comparison, and a closed run raises at the call.
"""

from collections.abc import Callable, Iterable, Mapping
from time import time
from typing import Any, Protocol, Self

import msgspec

from mldash.events.identity import check_name
from mldash.events.limits import ABOUT_BYTES
from mldash.events.schema import Describe, Kind
from mldash.mode import Reader, StreamWriter, Writer
from mldash.settings import SdkSettings

from .timestamps import Timestamps
from .values import plain

_KNOWN_FIELDS = 100_000
"""Names of fields that a handle remembers as checked; beyond it starts anew."""


class Owner(Protocol):
    """A handle's view of its experiment."""

    @property
    def prefix(self) -> str: ...

    @property
    def settings(self) -> SdkSettings: ...

    @property
    def _epoch(self) -> int:
        """Another one after each start, end and fork."""
        ...

    @property
    def _timestamps(self) -> Timestamps: ...

    def _writer(self) -> Writer:
        """Raises RuntimeError "… not started …" outside an open run."""
        ...

    def _reader(self) -> Reader: ...

    def flush(self, timeout: float | None = None) -> None: ...


class StreamHandle:
    """One metric or track: its writer while a run is open, and its description."""

    __slots__ = (
        "__weakref__",
        "_about",
        "_append",
        "_epoch",
        "_experiment",
        "_kind",
        "_known",
        "_name",
        "_told",
        "_writer",
    )

    def __init__(self, experiment: Owner, kind: Kind, name: str | None) -> None:
        self._experiment = experiment
        self._kind: Kind = kind
        self._name = name
        self._epoch: int | None = None  # none that an experiment ever has
        self._writer: StreamWriter | None = None
        self._append: Callable[[float, Mapping[str, Any]], None] = _closed
        self._known: set[str] = set()
        self._about: dict[str, Any] = {}
        self._told = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r} of {self._experiment.prefix}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """In a pickle: the handle of this name, with its unsent description, of the experiment as it is there."""
        about = {} if self._told else self._about
        said = [about.get(part) for part in ("description", "tags", "metadata")]
        return getattr(self._experiment, self._kind), (self._name, *said)

    def flush(self, timeout: float | None = None) -> Self:
        """As `experiment.flush(timeout)`: what was logged is safe. Raises TimeoutError. Returns the handle."""
        self._experiment.flush(timeout)
        return self

    def _open(self) -> StreamWriter:
        """The stream's writer of the open run. Raises RuntimeError outside a run."""
        epoch = self._experiment._epoch  # before the writer: a start in between makes the next call ask again
        if epoch == self._epoch and self._writer is not None:
            return self._writer
        run = self._experiment._writer()
        if not self._told:
            self._tell(run)
        writer = run.stream(self._kind, self._name)
        self._writer, self._append = writer, writer.append
        self._epoch = epoch  # last: another thread that sees it sees the writer
        return writer

    def _know(self, fields: Iterable[str]) -> None:
        """Check names that this handle has not seen. Raises ValueError."""
        for name in fields:
            check_name("field", name)
        if len(self._known) > _KNOWN_FIELDS:
            self._known = set()
        self._known.update(fields)

    def _describe(
        self, description: str | None, tags: Iterable[str] | None, metadata: Mapping[str, Any] | None
    ) -> None:
        """What the user says of the stream: sent at once in an open run, else with its first data; once, however often
        it is said. Raises ValueError for a wrong part."""
        about = checked_about(description, tags, metadata)
        if all(self._about.get(part) == value for part, value in about.items()):
            return
        self._about = {**self._about, **about}
        self._told = False
        try:
            run = self._experiment._writer()
        except RuntimeError:
            return  # no run is open: a handle may be taken before the start, _open() tells it then
        self._tell(run)

    def _tell(self, run: Writer) -> None:
        run.append_run_event(Describe(time=time(), kind=self._kind, name=self._name, **self._about))
        self._told = True


def checked_about(
    description: str | None, tags: Iterable[str] | None, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The parts of a description that are given, as plain data. Raises ValueError, UnsupportedValue."""
    about: dict[str, Any] = {}
    if description is not None:
        if not isinstance(description, str):
            raise ValueError(f"description must be text, not {type(description).__name__}")
        about["description"] = plain(description, "description")
    if tags is not None:
        listed = [] if isinstance(tags, (str, bytes)) else list(tags)
        if isinstance(tags, (str, bytes)) or not all(isinstance(tag, str) for tag in listed):
            raise ValueError(f"tags must be a list of texts, not {tags!r}")
        about["tags"] = plain(listed, "tags")
    if metadata is not None:
        if not isinstance(metadata, Mapping):
            raise ValueError(f"metadata must be a dict, not {type(metadata).__name__}")
        about["metadata"] = plain(metadata, "metadata")
    for what, value in about.items():
        if (size := len(msgspec.msgpack.encode(value))) > ABOUT_BYTES:
            raise ValueError(f"{what} has {size} bytes encoded, at most {ABOUT_BYTES} are stored")
    return about


def checked_name(what: str, name: object) -> str:
    """The name of a metric or track. Raises ValueError."""
    if not isinstance(name, str):
        raise ValueError(f"{what} must be text, not {type(name).__name__}")
    check_name(what, name)
    return str.__str__(name)


def _closed(time: float, fields: Mapping[str, Any]) -> None:
    raise RuntimeError("the stream is not open")
