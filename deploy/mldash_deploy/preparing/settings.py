"""The settings of `mldash prepare`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from mldash.connections.servers import GROUP, Servers
from mldash.events.limits import RECORD_BYTES
from mldash.events.topics import DEFAULT_PARTITIONS

DAY_MS = 86_400_000

TOPIC_RECORD_BYTES = RECORD_BYTES + 65_536
"""Kafka counts a batch's own head in."""

Partitions = Annotated[int, Meta(ge=1, le=100_000)]


class PrepareSettings(Servers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is unset is the default for what is made, and stays as it is where something is there."""

    params_partitions: Annotated[
        Partitions | None, Meta(description=f"Of the topic of params; new: {DEFAULT_PARTITIONS['params']}.")
    ] = None
    metrics_partitions: Annotated[
        Partitions | None, Meta(description=f"Of the topic of metrics; new: {DEFAULT_PARTITIONS['metrics']}.")
    ] = None
    logs_partitions: Annotated[
        Partitions | None, Meta(description=f"Of the topic of logs; new: {DEFAULT_PARTITIONS['logs']}.")
    ] = None
    tracks_partitions: Annotated[
        Partitions | None, Meta(description=f"Of the topic of tracks; new: {DEFAULT_PARTITIONS['tracks']}.")
    ] = None
    runs_partitions: Annotated[
        Partitions | None, Meta(description=f"Of the topic of runs; new: {DEFAULT_PARTITIONS['runs']}.")
    ] = None
    replication: Annotated[
        int | None, Meta(ge=1, le=15, description="Copies of new topics. Unset: 3, or as many as there are brokers.")
    ] = None
    min_insync_replicas: Annotated[
        int | None,
        Meta(ge=1, le=15, description="Copies that must have a record before it counts; new: 2 of 3 or more, else 1."),
    ] = None
    retention_days: Annotated[
        float | None, Meta(gt=0, le=36_500, description="How long event topics keep records; new: 7.")
    ] = None
    dead_letter_retention_days: Annotated[
        float | None, Meta(gt=0, le=36_500, description="How long dead letters are kept; new: 30.")
    ] = None
    record_bytes: Annotated[
        int | None,
        Meta(
            ge=1 << 20,
            le=1 << 30,
            description=f"The largest record of a topic; new: {TOPIC_RECORD_BYTES}, which takes whatever log() takes.",
        ),
    ] = None
    group: Annotated[
        str,
        Meta(
            min_length=1,
            description="The workers' consumer group, for --acls.",
            extra={"env": "MLDASH_WORKER_GROUP"},
        ),
    ] = GROUP
    versioning: Annotated[
        Literal["enabled", "suspended"] | None, Meta(description="Of the bucket. Unset: as it is; a new one has none.")
    ] = None
    noncurrent_days: Annotated[
        int, Meta(ge=1, description="S3 removes versions that were deleted or replaced after so many days.")
    ] = 30
    unfinished_upload_days: Annotated[
        int, Meta(ge=1, description="S3 aborts uploads that were not completed after so many days.")
    ] = 7

    def partitions_of(self, kind: str) -> int | None:
        """What is asked for; None: nothing."""
        count: int | None = getattr(self, f"{kind}_partitions")
        return count
