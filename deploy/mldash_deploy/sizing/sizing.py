"""From a workload to servers: how many of each, how many bytes, requests and dollars. Arithmetic alone.

    points    processes × rate
    records   of each stream one a turn, or one a point where points come more seldom
    Kafka     records as they are really encoded, uncompressed; kept for the retention, in copies
    workers   what records and points cost one, at a share of its rate; and what it costs to wait for the next ones
    MongoDB   a bucket a record at most; of each stream half a chunk is hot on average
    S3        a put and a look a chunk, then once more for all of them when they are joined

Upper bounds where a choice had to be made: values are random (nothing compresses), all processes log all day.
"""

import math
import os
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from mldash.events.encoding import encode_record, headers
from mldash.events.schema import Column, Columns, Record, Rows
from mldash.events.topics import DEFAULT_PARTITIONS

from .constants import CONSTANTS

_DAY_S: Final = 86_400
_MONTH_S: Final = 30 * _DAY_S
_FILLED: Final = 0.7
_KEY_BYTES: Final = 16
_PREFIX: Final = "owner/project/of-an-experiment-with-a-name"
_NAME: Final = "train/loss"


class Workload(Struct, frozen=True, kw_only=True):
    """`rate` is points a second of one process, over all its metrics; `experiments` how many prefixes they write."""

    processes: int
    rate: float
    experiments: int
    metrics: int = 1
    fields: int = 4
    retention_days: float = 7.0
    replication: int = 3
    kept_days: float = 365.0


class Line(Struct, frozen=True):
    """One figure; `name` is for programs."""

    part: str
    name: str
    value: float
    unit: str
    what: str


def size(workload: Workload, changed: Mapping[str, float] | None = None) -> list[Line]:
    """`changed`: constants by name, in place of ours."""
    number = {one.name: one.value for one in CONSTANTS} | dict(changed or {})
    points = workload.processes * workload.rate
    emitted = workload.processes * workload.metrics  # what one process writes of one metric is packed apart
    each = points / emitted
    records = emitted * max(min(each, 1 / number["turn_s"]), each / number["record_points"])
    in_record = points / records
    record_bytes = encoded_bytes(max(1, round(in_record)), workload.fields) + number["kafka_record_bytes"]
    kafka = _kafka(workload, number, records, record_bytes)
    busy = (records * number["worker_record_us"] + points * number["worker_point_us"]) / 1e6
    workers = _at_least_one(busy / number["worker_share"])
    partitions = max(
        DEFAULT_PARTITIONS["metrics"],
        workers * number["partitions_a_worker"],
        math.ceil(records * record_bytes / (number["partition_mb"] * 1e6)),
    )
    brokers = next(one.value for one in kafka if one.name == "brokers")
    return [
        Line("load", "points_s", points, "points/s", "processes × rate"),
        Line("load", "streams", workload.experiments * workload.metrics, "streams", "experiments × metrics"),
        Line("load", "records_s", records, "records/s", f"{in_record:,.1f} points each"),
        *kafka,
        Line("Kafka", "partitions", math.ceil(partitions / brokers) * brokers, "partitions", "of the topic of metrics"),
        Line("pipeline", "worker_cores", busy + workers * number["worker_waits_cores"], "cores", "of all workers"),
        Line("pipeline", "workers", workers, "workers", f"at {number['worker_share']:.0%} of what one can"),
        Line(
            "pipeline",
            "compactors",
            _at_least_one(points / number["compactor_points"] / number["worker_share"]),
            "compactors",
            "likewise",
        ),
        *_mongo(workload, number, records),
        *_s3(workload, number, points),
    ]


def encoded_bytes(points: int, fields: int) -> int:
    """Of one record with its key and headers, as this version encodes random numbers, the smaller of both ways."""
    names = [f"field{number}" for number in range(fields)]
    times = [1_790_000_000.0 + 0.01 * number for number in range(points)]
    rows = Rows(names, times, [[0.123456789] * fields] * points)
    column = os.urandom(8 * points)
    columns = Columns(names, points, column, [Column("float64", column)] * fields)
    records = (
        Record(
            prefix=_PREFIX,
            kind="metrics",
            name=_NAME,
            session=bytes(16),
            first_seq=1_000_000,
            logged_at=times[0],
            blocks=[block],
        )
        for block in (rows, columns)
    )
    around = sum(len(name) + len(value) + 2 for name, value in headers())
    return min(len(encode_record(record)) for record in records) + _KEY_BYTES + around


def _kafka(workload: Workload, number: Mapping[str, float], records: float, record_bytes: float) -> list[Line]:
    a_second = records * record_bytes
    copies = a_second * workload.replication
    disk = copies * workload.retention_days * _DAY_S
    brokers = max(
        workload.replication,
        math.ceil(copies / (number["broker_mb"] * 1e6)),
        math.ceil(disk / (number["broker_tb"] * 1e12 * _FILLED)),
    )
    turns = workload.processes * min(workload.rate, 1 / number["turn_s"])
    requests = turns * min(brokers, workload.metrics)
    return [
        Line("Kafka", "bytes_s", a_second, "bytes/s", f"{record_bytes:,.0f} a record"),
        Line("Kafka", "requests_s", requests, "requests/s", "of producers, at most one a turn and broker"),
        Line("Kafka", "connections", workload.processes * brokers, "connections", "none of them over HTTP"),
        Line("Kafka", "disk_bytes", disk, "bytes", f"{workload.retention_days:g} days, {workload.replication} copies"),
        Line("Kafka", "brokers", brokers, "brokers", "by copies, bytes a second and disk"),
    ]


def _mongo(workload: Workload, number: Mapping[str, float], records: float) -> list[Line]:
    streams = workload.experiments * workload.metrics
    hot = streams * number["chunk_points"] / 2 * (workload.fields + 1) * number["hot_value_bytes"]
    return [
        Line("MongoDB", "buckets_s", records, "buckets/s", "inserted, at most: records of a stream share one"),
        Line("MongoDB", "hot_bytes", hot, "bytes", "of metrics, while all streams are written"),
        Line("MongoDB", "shards", _at_least_one(records / number["shard_inserts"]), "shards", "1: a replica set does"),
    ]


def _s3(workload: Workload, number: Mapping[str, float], points: float) -> list[Line]:
    chunks = points / number["chunk_points"]
    objects = chunks / number["join_chunks"]
    puts, gets = chunks + objects, chunks + chunks + objects
    stored = points * workload.kept_days * _DAY_S * (workload.fields + 1) * number["chunk_value_bytes"]
    requests_usd = _MONTH_S / 1_000 * (puts * number["put_usd"] + gets * number["get_usd"])
    return [
        Line("S3", "puts_s", puts, "requests/s", "a chunk each, and the objects into which a hundred are joined"),
        Line("S3", "gets_s", gets, "requests/s", "read back, read to be joined, read back"),
        Line("S3", "bytes", stored, "bytes", f"after {workload.kept_days:g} days"),
        Line("S3", "requests_usd", requests_usd, "USD/month", "without readers"),
        Line("S3", "storage_usd", stored / 1e9 * number["gb_month_usd"], "USD/month", "then"),
    ]


def _at_least_one(count: float) -> int:
    return max(1, math.ceil(count))
