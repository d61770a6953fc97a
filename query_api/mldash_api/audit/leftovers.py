"""Leftovers: buckets below the cold end, objects that no chunk names. Notes, for a compactor deletes them."""

from collections.abc import AsyncIterator, Mapping

from mldash_api.stores.streams import ExperimentRef
from mldash_compactor.chunks.keys import experiment_folder, parse_key
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import bucket_id, first_index_of
from mldash_ingest.documents.mongo import Mongo

from .chains import CountedStream
from .findings import Finding


async def leftovers(
    mongo: Mongo, objects: ObjectStore, experiment: ExperimentRef, streams: Mapping[bytes, CountedStream]
) -> AsyncIterator[Finding]:
    """Of the streams that were counted."""
    for counted in streams.values():
        async for found in _buckets(mongo, counted):
            yield found
    async for one in objects.list(f"{experiment_folder(experiment.prefix)}gen={experiment.generation}/"):
        place = parse_key(one.key)
        owner = streams.get(place.stream) if place is not None else None
        if owner is not None and one.key not in owner.live_keys:
            yield _finding(owner, "no chunk names this object", key=one.key)


async def _buckets(mongo: Mongo, counted: CountedStream) -> AsyncIterator[Finding]:
    below = {"_id": {"$gte": bucket_id(counted.stream.id, 0), "$lt": bucket_id(counted.stream.id, counted.cold)}}
    async for document in mongo.buckets.find(below, {"n": 1}).sort("_id", 1):
        first = first_index_of(document["_id"])
        yield _finding(counted, "a bucket below the cold end", first=first, end=first + int(document["n"]))


def _finding(
    counted: CountedStream, detail: str, first: int | None = None, end: int | None = None, key: str | None = None
) -> Finding:
    stream = counted.stream
    return Finding(what="leftover", kind=stream.kind, name=stream.name, detail=detail, first=first, end=end, key=key)
