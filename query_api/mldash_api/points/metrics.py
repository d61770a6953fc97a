"""Lists and statistics of metrics. Statistics are the snapshot's, carried forward over the buckets since."""

from collections.abc import Mapping
from typing import Any

from mldash.answers.shapes import FieldSummary, MetricStatistics, MetricSummary
from mldash.events.field_statistics import FieldStatistics
from mldash_api.experiments.about import about_of
from mldash_api.seam.chain_ends import list_streams
from mldash_api.seam.snapshots import Carried, carried_forward
from mldash_api.stores.streams import ExperimentRef, Stores, StreamRef
from mldash_api.times import iso_or_none

_LISTED = {"name": 1, "about": 1, "floor": 1, "created_at": 1}


async def list_metrics(stores: Stores, experiment: ExperimentRef) -> list[MetricSummary]:
    """One entry a metric, the unnamed one first, the others by name."""
    listed = await list_streams(stores.mongo, experiment, "metrics", _LISTED)
    summaries = [_summary(document, end) for document, end in listed]
    return sorted(summaries, key=lambda one: (one["name"] is not None, one["name"] or ""))


async def read_statistics(stores: Stores, stream: StreamRef) -> MetricStatistics | None:
    """None: there is no such metric."""
    carried = await carried_forward(stores.mongo, stream)
    return None if carried is None else _statistics(carried)


def _summary(document: Mapping[str, Any], end: int) -> MetricSummary:
    about = about_of(document)
    return {
        "metricId": document["_id"].hex(),
        "name": document["name"],
        "description": about.description,
        "tags": about.tags,
        "totalDataPoints": end - document.get("floor", 0),
        "createdAt": iso_or_none(document.get("created_at")),
    }


def _statistics(carried: Carried) -> MetricStatistics:
    document, snapshot, chunk = carried.document, carried.snapshot, carried.document["chunk"]
    floor = document.get("floor", 0)
    return {
        **_summary(document, snapshot.next),
        "metadata": about_of(document).metadata,
        "bufferedDataPoints": snapshot.next - carried.cold,
        "chunkedDataPoints": carried.cold - floor,
        "totalChunks": -(-carried.cold // chunk) - floor // chunk,
        "chunkSize": chunk,
        "firstDataAt": iso_or_none(snapshot.first_at),
        "lastDataAt": iso_or_none(snapshot.last_at),
        "updatedAt": iso_or_none(document.get("created_at") if snapshot.last_at is None else snapshot.last_at),
        "fields": {name: _field(one) for name, one in snapshot.statistics.items()},
    }


def _field(one: FieldStatistics) -> FieldSummary:
    return {
        "count": one.count,
        "min": one.min,
        "max": one.max,
        "mean": one.mean,
        "last": one.last,
        "first": one.first,
    }
