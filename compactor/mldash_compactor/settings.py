"""The settings of a compactor."""

from typing import Annotated

from msgspec import Meta

from mldash.connections.servers import StoreServers
from mldash.process.health_server import LOOPBACK, HealthHost, HealthPort


class CompactorSettings(StoreServers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Server addresses are shared by all components; the rest is MLDASH_COMPACTOR_…."""

    owner: Annotated[str | None, Meta(description="Name in leases. Unset: host and pid.")] = None
    concurrency: Annotated[
        int, Meta(ge=1, le=64, description="Streams at once; of each up to sixteen chunks move together.")
    ] = 4
    poll_s: Annotated[float, Meta(gt=0, description="How often due ranges are looked for when none was found.")] = 1.0
    lease_s: Annotated[float, Meta(gt=0, description="A chunk's intent of another is respected for so long.")] = 60.0
    idle_s: Annotated[
        float, Meta(gt=0, description="The short rest of a metric is moved after so long without events.")
    ] = 300.0
    keep_track_events: Annotated[int, Meta(ge=0, description="Newest events of a track kept in MongoDB.")] = 1_000_000
    keep_track_bytes: Annotated[
        int,
        Meta(ge=0, description="Of these newest events only so many bytes, in whole chunks of 10,000 events."),
    ] = 1 << 30
    join_bytes: Annotated[
        int, Meta(ge=0, description="A million events of a stream share an object of at most so many bytes; 0: never.")
    ] = 64 << 20
    orphan_age_s: Annotated[float, Meta(ge=0, description="The sweep leaves younger objects to their readers.")] = (
        86_400.0
    )
    sweep_s: Annotated[float, Meta(gt=0, description="How often orphans are swept.")] = 3_600.0
    purge_after_s: Annotated[
        float, Meta(ge=0, description="A deleted experiment's remains are looked for once more after so long.")
    ] = 30 * 86_400.0
    memory_bytes: Annotated[
        int, Meta(ge=1 << 20, description="Hot bytes of all chunks in flight; a larger chunk goes alone.")
    ] = 256 << 20
    snapshot_sessions: Annotated[
        int,
        Meta(
            ge=2,
            le=10_000,
            description="Sessions in a snapshot, as workers keep them.",
            extra={"env": "MLDASH_WORKER_SNAPSHOT_SESSIONS"},
        ),
    ] = 2_000
    retry_s: Annotated[float, Meta(gt=0, description="The longest delay between two tries of a server.")] = 5.0
    stop_timeout_s: Annotated[float, Meta(gt=0, description="For the chunks in hand when told to stop.")] = 20.0
    health_host: HealthHost = LOOPBACK
    health_port: HealthPort = 0
