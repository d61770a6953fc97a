"""An export as it is asked for: what of which streams, in which format; checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from mldash.answers.rows import NonFinite

Kind = Literal["metrics", "tracks", "logs", "params"]
Format = Literal["csv", "jsonl", "msgpack", "arrow", "parquet", "mocap", "mcap"]

KINDS: Final[tuple[Kind, ...]] = ("metrics", "tracks", "logs", "params")
_OF_ALL: Final[tuple[Format, ...]] = ("csv", "jsonl", "msgpack", "arrow", "parquet")
FORMATS: Final[dict[Kind, tuple[Format, ...]]] = {
    "metrics": _OF_ALL,
    "tracks": (*_OF_ALL, "mocap", "mcap"),
    "logs": _OF_ALL,
    "params": _OF_ALL,
}
SUFFIXES: Final[dict[Format, str]] = {
    "csv": ".csv",
    "jsonl": ".jsonl",
    "msgpack": ".msgpack",
    "arrow": ".arrows",  # that of IPC streams; .arrow is that of IPC files
    "parquet": ".parquet",
    "mocap": ".mocap.json",
    "mcap": ".mcap",
}
TEXTS: Final[frozenset[Format]] = frozenset({"csv", "jsonl", "mocap"})
"""Those that a terminal can show."""


class Stream(NamedTuple):
    """One stream of a run: one file. `name`: of a metric (None: the unnamed one) or a topic; else empty."""

    kind: Kind
    name: str | None = ""

    def __str__(self) -> str:
        if self.kind in ("logs", "params"):
            return "log lines" if self.kind == "logs" else "parameters"
        told = "metric" if self.kind == "metrics" else "track"
        return f"the unnamed {told}" if self.name is None else f"{told} {self.name!r}"


class AskedExport(Struct, frozen=True, kw_only=True):
    """`metrics` and `tracks`: these names; None: all that a run has. Times are seconds, inclusive; of points
    [start_index, end_index). `fields`: only these, of points and entries."""

    format: Format
    metrics: Sequence[str | None] | None = ()
    tracks: Sequence[str] | None = ()
    logs: bool = False
    params: bool = False
    fields: Sequence[str] | None = None
    start: float | None = None
    end: float | None = None
    start_index: int = 0
    end_index: int | None = None
    nonfinite: NonFinite = "string"

    @property
    def kinds(self) -> list[Kind]:
        wanted = (self.metrics is None or self.metrics, self.tracks is None or self.tracks, self.logs, self.params)
        return [kind for kind, is_wanted in zip(KINDS, wanted, strict=True) if is_wanted]

    @property
    def only(self) -> Stream | None:
        """The one stream of a run that was named; None: there may be any number."""
        named = [Stream("logs")] * self.logs + [Stream("params")] * self.params
        if self.metrics is None or self.tracks is None:
            return None
        named += [Stream("metrics", name) for name in self.metrics]
        named += [Stream("tracks", topic) for topic in self.tracks]
        return named[0] if len(named) == 1 else None

    def check(self) -> None:
        """Raises ValueError for what does not fit together."""
        for kind in self.kinds:
            if self.format not in FORMATS[kind]:
                raise ValueError(f"{kind} can't be {self.format}: use one of {', '.join(FORMATS[kind])}")
        _check_applies("start and end are times", (self.start, self.end), self.kinds, ("tracks", "logs"))
        indices = (self.start_index or None, self.end_index)
        _check_applies("start index and end index count points", indices, self.kinds, ("metrics",))
        _check_applies("fields are those of points and entries", (self.fields,), self.kinds, ("metrics", "tracks"))


def _check_applies(told: str, given: Sequence[object], kinds: Sequence[Kind], to: Sequence[Kind]) -> None:
    """What is given applies to all that is asked for: else some of it would come whole, without a word."""
    others = [kind for kind in kinds if kind not in to]
    if others and any(one is not None for one in given):
        raise ValueError(f"{told}, of {' and '.join(to)} alone: export {' and '.join(others)} by another call")
