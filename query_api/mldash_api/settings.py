"""The settings of the query API."""

from typing import Annotated, Literal

from msgspec import Meta

from mldash.answers.limits import MOST_ENTRIES, PAGE_POINTS
from mldash.connections.servers import Servers


class ApiSettings(Servers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Server addresses are shared by all components; the rest is MLDASH_API_…."""

    host: Annotated[str, Meta(description="The address listened on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="0: any free one.")] = 8700
    public_kafka: Annotated[
        str | None, Meta(description="Kafka's address as training hosts see it. Unset: the one used here.")
    ] = None
    event_encoding: Annotated[
        Literal["msgpack", "json"], Meta(description="How SDKs that connect here encode their records.")
    ] = "msgpack"
    event_compression: Annotated[
        Literal["snappy", "gzip", "lz4", "zstd", "none"],
        Meta(description="How SDKs that connect here compress their batches; docs/events.md says who can read which."),
    ] = "snappy"
    wait_limit_s: Annotated[
        float, Meta(ge=0, le=300, description="A read waits at most so long for its writer's events.")
    ] = 30.0
    read_limit: Annotated[
        int,
        Meta(ge=PAGE_POINTS, description="Points, lines or experiments of one answer at most; SDKs ask for 10,000."),
    ] = 100_000
    entries_limit: Annotated[int, Meta(ge=1, description="Entries of a track in one answer at most.")] = MOST_ENTRIES
    tail_cache_bytes: Annotated[int, Meta(ge=0, description="Memory for page indexes and footers of chunks.")] = (
        32 << 20
    )
    chunk_cache_bytes: Annotated[int, Meta(ge=0, description="Memory for chunks read from S3.")] = 256 << 20
    summary_cache_bytes: Annotated[int, Meta(ge=0, description="Memory for summaries that charts are drawn from.")] = (
        32 << 20
    )
    chunk_fetches: Annotated[int, Meta(ge=1, le=256, description="Chunks fetched at once for one answer.")] = 8
    lost_after_s: Annotated[float, Meta(gt=0, description="A session whose heartbeat is older is not live.")] = 60.0
    send_timeout_s: Annotated[
        float, Meta(gt=0, description="Nothing of an answer was taken for so long: the connection is cut.")
    ] = 60.0
    stop_timeout_s: Annotated[float, Meta(gt=0, description="For the requests in hand when told to stop.")] = 10.0
