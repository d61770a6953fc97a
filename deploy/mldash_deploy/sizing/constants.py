"""What a size is computed with: each number with its unit and where it is from.

`measured` ones are of benchmarks/results, on two cores of one machine that also ran the servers; a test holds them to
those files. `assumed` ones are ours, on the safe side, and yours to change (`mldash size --set NAME=VALUE`).
"""

from typing import Final

from msgspec import Struct


class Constant(Struct, frozen=True):
    """One number."""

    name: str
    value: float
    unit: str
    source: str


CONSTANTS: Final = (
    Constant("turn_s", 0.5, "s", "set: linger_max_s; a process that logs has a turn so often"),
    Constant("record_points", 5_000, "points", "set: mldash.events.limits.RECORD_EVENTS"),
    Constant("chunk_points", 10_000, "points", "set: a bucket's and a chunk's range (docs/storage.md)"),
    Constant("join_chunks", 100, "chunks", "set: a million points of a stream share an object"),
    Constant("kafka_record_bytes", 73, "bytes", "documented: Kafka's record batch, version 2: 61, and a record's head"),
    Constant("worker_record_us", 92, "µs", "measured: ingest, `streams`: records of 20 points, a stream each"),
    Constant("worker_point_us", 0.37, "µs", "measured: ingest, `few` less `metrics`: 500 points more a record"),
    Constant(
        "worker_waits_cores", 0.3, "cores", "measured: end_to_end, `steady`: a worker that waits for small batches"
    ),
    Constant("compactor_points", 1_157_493, "points/s", "measured: compaction, `move`"),
    Constant("chunk_value_bytes", 4.64, "bytes", "measured: compaction, `bytes a point in S3`, of six values"),
    Constant("worker_share", 0.5, "of its rate", "assumed: room for bursts, and to catch up after a stop"),
    Constant("partitions_a_worker", 4, "partitions", "assumed: to run four times the workers without more partitions"),
    Constant("partition_mb", 5, "MB/s", "assumed: of one partition, so that one stays a small part of a broker"),
    Constant("broker_mb", 50, "MB/s", "assumed: written by one broker, copies included"),
    Constant("broker_tb", 2, "TB", "assumed: of one broker's disk, of which seven tenths are filled"),
    Constant("shard_inserts", 24_000, "buckets/s", "measured: ingest, `streams, bare insert_many`, half of it"),
    Constant("hot_value_bytes", 8, "bytes", "assumed: of one value in MongoDB, before its compression"),
    Constant("put_usd", 0.005, "USD/1,000", "listed: S3 Standard, us-east-1; yours may differ"),
    Constant("get_usd", 0.0004, "USD/1,000", "listed: S3 Standard, us-east-1"),
    Constant("gb_month_usd", 0.023, "USD/GB", "listed: S3 Standard, us-east-1, the first 50 TB"),
)

NAMES: Final = tuple(one.name for one in CONSTANTS)
