"""The answers of reads, field by field: plain dicts, which docs/sdk.md shows, and which go to JSON and MessagePack as
they are.

Times in answers are ISO 8601 in UTC with microseconds and Z where a name ends in "At" or is "timestamp" of a log line;
an entry's `timestamp` is float64 seconds.
"""

from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

from msgspec import Struct

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
    """The data of a chart (downsample.py). `start` and `end` are the least and the greatest x that is drawn, None where
    there is nothing.

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
    """One process's emission. `status` is CREATED, RUNNING, COMPLETED, FAILED, CANCELLED, PREEMPTED or LOST."""

    session: str
    status: str
    host: str
    pid: int
    rank: int | None
    startedAt: str | None
    endedAt: str | None
    heartbeatAt: str | None
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


def iso_time(seconds: float) -> str:
    """Seconds since the epoch → 2026-01-31T12:00:00.000000Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
