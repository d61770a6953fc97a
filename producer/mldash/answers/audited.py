"""The answer of GET /v1/audit. docs/operations.md, Is everything there, says what each finding means."""

from typing import Literal, NotRequired, TypedDict


class FindingAnswer(TypedDict):
    """`first` and `end` are seqs where a session is named, else indices; end is not in it. `isDamage`: something is
    missing, double or damaged."""

    what: str
    kind: str
    name: str | None
    detail: str
    isDamage: bool
    session: NotRequired[str]
    first: NotRequired[int]
    end: NotRequired[int]
    key: NotRequired[str]


class AuditedStream(TypedDict):
    """Indices [floor, cold) are on S3, [cold, end) in MongoDB."""

    kind: str
    name: str | None
    floor: int
    cold: int
    end: int


class AuditedSession(TypedDict):
    """`claimed`: how many events of the stream it says it wrote; None: it said nothing."""

    session: str
    kind: str
    name: str | None
    claimed: int | None
    final: bool
    stored: int


class AuditAnswer(TypedDict):
    """`setAside`: events that lie in the dead letters and nowhere else."""

    prefix: str
    verdict: Literal["ok", "set aside", "not ok"]
    events: int
    setAside: int
    streams: list[AuditedStream]
    sessions: list[AuditedSession]
    findings: list[FindingAnswer]
