"""The settings of an ingest worker."""

from typing import Annotated

from msgspec import Meta

from mldash.connections.servers import GROUP, EventServers
from mldash.process.health_server import LOOPBACK, HealthHost, HealthPort


class WorkerSettings(EventServers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Server addresses are shared by all components; the rest is MLDASH_WORKER_…."""

    group: Annotated[str, Meta(min_length=1, description="Kafka consumer group.")] = GROUP
    slot: Annotated[
        int, Meta(ge=0, description="This worker's number on its host: static membership is made of it.")
    ] = 0
    instance: Annotated[
        str | None, Meta(description="Static membership id. Unset: made of host, data folder and slot.")
    ] = None
    session_timeout_ms: Annotated[
        int, Meta(ge=1_000, le=300_000, description="After it a silent worker's partitions go to others.")
    ] = 10_000
    fetch_bytes: Annotated[int, Meta(ge=65_536, description="Asked for in one fetch, over all partitions.")] = 16 << 20
    partition_bytes: Annotated[
        int, Meta(ge=16_384, description="Asked for of one partition; what is fetched ahead is bounded by it.")
    ] = 1 << 20
    batch_records: Annotated[int, Meta(ge=1, description="Records stored at once, at most.")] = 4_000
    batch_bytes: Annotated[
        int, Meta(ge=16_384, description="Of records stored at once, or one record; one more batch is read ahead.")
    ] = 16 << 20
    metadata_s: Annotated[
        float, Meta(gt=0, description="How often Kafka is asked for new partitions of the event topics.")
    ] = 30.0
    fetch_wait_ms: Annotated[int, Meta(ge=1, le=10_000, description="How long a fetch waits for something new.")] = 50
    known_bytes: Annotated[
        int,
        Meta(ge=1 << 20, description="Of the worker's cache of streams: 2 kB each, and more with many fields."),
    ] = 256 << 20
    snapshot_buckets: Annotated[int, Meta(ge=1, le=1_000, description="Buckets between two snapshots, at most.")] = 200
    snapshot_sessions: Annotated[
        int,
        Meta(
            ge=2,
            le=10_000,
            description="Sessions in a stream's snapshot; where more write it, idle ones are moved out.",
        ),
    ] = 2_000
    idle_s: Annotated[
        float,
        Meta(gt=0, description="A stream without events for so long is idle: its short rest may become cold."),
    ] = 300.0
    announce_s: Annotated[float, Meta(gt=0, description="How often 'stored up to here' is repeated.")] = 10.0
    retry_s: Annotated[float, Meta(gt=0, description="The longest delay between two tries of a server.")] = 5.0
    stop_timeout_s: Annotated[float, Meta(gt=0, description="For the batch in hand when told to stop.")] = 20.0
    health_host: HealthHost = LOOPBACK
    health_port: HealthPort = 0
