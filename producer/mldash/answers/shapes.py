"""The answers of reads, field by field: plain dicts (docs/sdk.md), which go to JSON and MessagePack as they are.

Times in answers are ISO 8601 in UTC with microseconds and Z where a name ends in "At" or is "timestamp" of a log line;
an entry's `timestamp` is float64 seconds.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta, Struct

from mldash.events.topics import TopicAddress


class MetricPoint(TypedDict):
    index: int
    data: dict[str, Any]
    createdAt: str


class MetricPage(TypedDict):
    """Points start_index … in index order. `total` counts those of this answer, `endIndex` is the last one's index."""

    data: list[MetricPoint]
    startIndex: int
    endIndex: int
    total: int
    hasMore: bool


class FieldSummary(TypedDict):
    count: int
    min: float | int | None
    max: float | int | None
    mean: float | None
    last: float | int | None
    first: float | int | None  # None beside a `last`: not known, for a version that did not keep it stored it


class MetricSummary(TypedDict):
    """One entry of metrics.list(). `name` None is the unnamed metric."""

    metricId: str
    name: str | None
    description: str | None
    tags: list[str]
    totalDataPoints: int
    createdAt: str | None


class MetricStatistics(MetricSummary):
    metadata: dict[str, Any] | None
    bufferedDataPoints: int
    chunkedDataPoints: int
    totalChunks: int
    chunkSize: int
    firstDataAt: str | None
    lastDataAt: str | None
    updatedAt: str | None
    fields: dict[str, FieldSummary]


class ViewSeries(TypedDict):
    """The points of one field that a chart draws, in the order of x; values as they were logged."""

    x: list[int | float]
    y: list[int | float]


class MetricView(TypedDict):
    """The data of a chart (downsample.py). `start`, `end`: the least and the greatest x that is drawn, if there is any.

    `totalPoints`: of how many points of the metric it was made. `sampled`: whether any that could be drawn was left
    out; then `edges` says where the pixel columns begin, and where the last one ends. Of a long metric they lie where
    its summaries do, a little beside the plain grid. Where its points come so far out of the order of x that columns
    overlap, `spans` has the least and the greatest x of what each one was made of, None where that is nothing.
    """

    x: str
    start: int | float | None
    end: int | float | None
    totalPoints: int
    sampled: bool
    edges: list[int | float]
    spans: list[list[int | float] | None]
    fields: dict[str, ViewSeries]
    expressions: NotRequired[dict[str, ViewSeries]]  # by their texts, where any was asked for


class GridRun(TypedDict):
    """One experiment on a grid. `totalPoints`: of how many points it was made; `sampled`: whether others were left out,
    for there are too many to look at each."""

    prefix: str
    totalPoints: int
    sampled: bool


class GridSeries(TypedDict):
    """Of one field of the experiment `runs[run]`: each statistic by its name, a value a column, NaN (in JSON null)
    where there is no number. `hides`: the columns that have numbers and, beside them, points that have none there:
    NaN, or another type, or without the field. `expression` is there, and True, where `field` is the text of one."""

    run: int
    field: str
    statistics: dict[str, list[float | None]]
    hides: list[int]
    expression: NotRequired[bool]


class GridGroup(TypedDict):
    """`values`: of the fields that it is by, those that its runs have; `runs`: places in `runs`, each prefix once."""

    values: dict[str, Any]
    runs: list[int]


class GridBand(TypedDict):
    """Over the runs of `groups[group]`, of one statistic of one field of each: `mean`, `median`, `min`, `max`, `se`,
    `low` and `high` as asked for, and `count`, how many runs have a number there; a value a column, NaN (in JSON null)
    where there is none. `expression` is there, and True, where `field` is the text of one."""

    group: int
    field: str
    statistic: str
    over: dict[str, list[float | None]]
    expression: NotRequired[bool]


class MetricGrid(TypedDict):
    """Many experiments on one grid: column k is [edges[k], edges[k + 1]), the last one with its end. No `edges`: none
    has a point. Of groups `series` is empty, and `bands` and the rest is there; `asOf`: every change of the fields that
    groups are by that was stored then is in the answer."""

    x: str
    edges: list[int | float]
    runs: list[GridRun]
    series: list[GridSeries]
    groups: NotRequired[list[GridGroup]]
    bands: NotRequired[list[GridBand]]
    asOf: NotRequired[str | None]


class ComparedRow(TypedDict):
    """One parameter, or one fact of the context, by its dotted name: the value of each experiment, in their order.
    `missing`: who of those that are there has none (their value is None)."""

    name: str
    values: list[Any]
    missing: list[int]


class ComparedStatistic(TypedDict):
    """Likewise of a metric's field: count, min, max, mean, last or first."""

    metric: str | None
    field: str
    statistic: str
    values: list[Any]
    missing: list[int]


class Comparison(TypedDict):
    """Experiments side by side. `absent`: those that are not there."""

    prefixes: list[str]
    absent: list[int]
    params: list[ComparedRow]
    context: list[ComparedRow]
    statistics: list[ComparedStatistic]


class Parted(Struct, frozen=True):
    """The answer. `found`: "parted", "never", or "no common x" (no column has numbers of both). Only where they have
    parted: `x`, the edges of the pixel column in which bands first lie apart, which run is above from there on (0 or
    1), and the bands there."""

    found: str
    x: int | float | None = None
    column: list[int | float] | None = None
    above: int | None = None
    bands: list[list[float]] | None = None


class FieldAnswer(TypedDict):
    """A field as a filter asks for it, the kinds of its values (number, text, boolean, other), and how many runs have
    it."""

    field: str
    kinds: list[str]
    runs: int


class TrackSummary(TypedDict):
    trackId: str
    topic: str
    description: str | None
    tags: list[str]
    metadata: dict[str, Any] | None
    totalEntries: int
    firstTimestamp: float | None
    lastTimestamp: float | None
    columns: list[str]


class EntriesAnswer(TypedDict):
    """`entries` are {"timestamp": t, field: value, …} in time order; a field that an entry has not is absent."""

    entries: list[dict[str, Any]]
    count: int


class LogLine(TypedDict):
    sequenceNumber: int
    timestamp: str
    level: str
    message: str
    metadata: NotRequired[dict[str, Any]]


class SessionAnswer(TypedDict):
    """One process's emission. `status` is CREATED, RUNNING, COMPLETED, FAILED, CANCELLED, PREEMPTED or LOST.

    `resumeKey` names its scheduler's job over the restarts of that, and `attempt` counts them, from 1, for each rank.
    """

    session: str
    status: str
    host: str
    pid: int
    rank: int | None
    startedAt: str | None
    endedAt: str | None
    heartbeatAt: str | None
    resumeKey: NotRequired[str]
    attempt: NotRequired[int]
    error: NotRequired[dict[str, str]]
    context: NotRequired[dict[str, Any]]


Standing = Literal["counted", "deleted", "unknown"]


class StandingAnswer(TypedDict):
    """Whether what a session writes counts: `deleted` where its experiment was, and all that it writes is dropped. How
    many of its events were set aside as dead letters, at most, and why the newest was; not there where none were."""

    session: str
    standing: Standing
    deadLettered: NotRequired[int]
    deadLetterReason: NotRequired[str]


class ExperimentAnswer(TypedDict):
    """`tags` are those that the run said, with what people added over HTTP and without what they took away. `notes`,
    `archived` and `title` are there where people have set something of it."""

    name: str
    project: str
    owner: str
    prefix: str
    description: str | None
    readme: str | None
    tags: list[str]
    metadata: dict[str, Any] | None
    status: str
    created_at: str | None
    updated_at: str | None
    notes: NotRequired[str]
    archived: NotRequired[bool]
    title: NotRequired[str]


class GrantAnswer(TypedDict):
    """`right`: read, write or admin. `scope`: an owner, a project, an experiment; "" is everything."""

    right: str
    scope: str


class AnnotatedAnswer(TypedDict):
    """As it is after the change. `changed`: it was another before; what takes a change back touches these alone."""

    prefix: str
    tags: list[str]
    notes: str
    archived: bool
    title: str
    changed: bool


class TokenAnswer(TypedDict):
    """`expiresAt` None: never. `usedAt`: of the last use, to a minute."""

    id: str
    subject: str
    grants: list[GrantAnswer]
    note: str
    createdAt: str
    createdBy: str
    expiresAt: str | None
    usedAt: str | None
    revokedAt: str | None


class NewTokenAnswer(TokenAnswer):
    """`token` is its text, which nobody can tell again."""

    token: str


class ListenedAnswer(TypedDict):
    """The answer of GET /v1/live/listened: those of the asker's experiments that somebody listens to, and what to send
    to be answered when they are others."""

    listened: list[str]
    state: str


class Connection(Struct, frozen=True, kw_only=True):
    """The answer of GET /v1/connect: what an SDK needs to publish by itself."""

    kafka: str
    topics: dict[str, TopicAddress]
    content_type: str
    server_version: str
    schema_minor: int = 0
    """The newest minor version of the event schema that the servers read; 0.1 did not say it."""
    compression: str = "snappy"
    """Of batches on the way to Kafka; one that an SDK does not know means its own default."""
    kafka_security_protocol: str | None = None
    """How Kafka wants to be spoken to; None: an older API does not say."""
    kafka_sasl_mechanism: str | None = None
    transport: str = "auto"
    """`http`: Kafka wants a user, and the caller is given none. An SDK that has none of its own sends records to
    POST /v1/records, and does not try Kafka."""
    kafka_username: str | None = None
    """Of a user to sign in to Kafka as, where the API hands one out to this caller."""
    kafka_password: str | None = None
    linger_max_s: Annotated[float, Meta(gt=0, le=60)] = 0.5
    """For how long an SDK gathers events at most, where its own settings do not say."""

    def __repr__(self) -> str:
        """Never the password: it would stand in a traceback's locals."""
        return f"Connection(kafka={self.kafka!r}, server_version={self.server_version!r})"


def iso_time(seconds: float) -> str:
    """Seconds since the epoch → 2026-01-31T12:00:00.000000Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
