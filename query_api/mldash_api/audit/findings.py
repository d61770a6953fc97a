"""The findings of an audit. Each names its place. Damage and events set aside fail the audit, notes do not.

Damage:
  missing-events   a session wrote them, the workers have passed them, and they are in neither store nor dead letters
  stored-twice     events with the same session and seq at two places of a chain
  gap              indices that are in neither store, though the chain goes on behind them
  overlap          a bucket that begins within another
  lost-end         the chain ends before its own snapshot does
  bucket-damaged   a bucket whose parts do not go together
  object-damaged   an object that is not what the manifest says, or is gone
  snapshot-wrong   statistics, seqs, fields or folded values differ from a recount

Set aside:
  dead-letter      events that are in the dead letters and nowhere else: they wait for `mldash dead-letters replay`

Notes:
  not-yet          events that are still on their way: the workers have not passed them
  end-unknown      no final claim: the session was killed, or still runs, and may have written more than is known
  unfinished-move  a chunk that is committed and not yet cold: a compactor goes on with it
  leftover         a bucket or an object that readers ignore: a compactor deletes it
"""

from typing import Final, Literal, get_args

from msgspec import Struct

Damage = Literal[
    "missing-events",
    "stored-twice",
    "gap",
    "overlap",
    "lost-end",
    "bucket-damaged",
    "object-damaged",
    "snapshot-wrong",
]
SetAside = Literal["dead-letter"]
Note = Literal["not-yet", "end-unknown", "unfinished-move", "leftover"]

Verdict = Literal["ok", "set aside", "not ok"]

_DAMAGE: Final = frozenset(get_args(Damage))


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was found. `first` and `end` are seqs where a session is named, else indices; end is not in it."""

    what: Damage | SetAside | Note
    kind: str
    name: str | None
    detail: str
    session: str | None = None
    first: int | None = None
    end: int | None = None
    key: str | None = None

    @property
    def is_damage(self) -> bool:
        return self.what in _DAMAGE

    @property
    def is_set_aside(self) -> bool:
        return self.what == "dead-letter"

    def __str__(self) -> str:
        stream = (
            f"{self.kind} {self.name!r}" if self.name else self.kind if self.name == "" else f"{self.kind} (unnamed)"
        )
        parts = [self.what, stream]
        if self.session is not None:
            parts.append(f"session {self.session}")
        if self.first is not None and self.end is not None:
            what = "seq" if self.session is not None else "index"
            parts.append(
                f"{what} {self.first}" if self.end == self.first + 1 else f"{what} {self.first} … {self.end - 1}"
            )
        return f"{'  '.join(parts)}: {self.detail}"


class StreamCount(Struct, kw_only=True):
    """The stored part of one stream: indices [floor, cold) are on S3, [cold, end) in MongoDB."""

    kind: str
    name: str | None
    floor: int
    cold: int
    end: int
    chunks: int
    buckets: int


class SessionCount(Struct, kw_only=True):
    """What one session says that it wrote of one stream (`claimed` None: it said nothing), and what is stored of it."""

    session: str
    kind: str
    name: str | None
    claimed: int | None
    final: bool
    stored: int


class Report(Struct, kw_only=True):
    """The outcome. `verdict` is 'set aside' where nothing is missing, double or damaged, but for what lies in the dead
    letters; `ok` is neither."""

    prefix: str
    generation: int
    streams: list[StreamCount] = []
    sessions: list[SessionCount] = []
    findings: list[Finding] = []

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"

    @property
    def verdict(self) -> Verdict:
        if any(finding.is_damage for finding in self.findings):
            return "not ok"
        return "set aside" if any(finding.is_set_aside for finding in self.findings) else "ok"

    @property
    def set_aside_count(self) -> int:
        """Events that are in the dead letters and nowhere else."""
        return sum((one.end or 0) - (one.first or 0) for one in self.findings if one.is_set_aside)

    @property
    def event_count(self) -> int:
        return sum(stream.end - stream.floor for stream in self.streams)
