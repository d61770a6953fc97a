"""Many chains from their snapshots on, by places and counts alone: no column crosses the wire."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mldash_api import instruments
from mldash_api.stores.streams import ExperimentRef, StreamRef
from mldash_ingest.documents.buckets import END_OF_STREAM, bucket_id, first_index_of
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.documents.walk import cold_ends

from .attempts import DELAYS_S, Moved, unsettled
from .hot import Seam, find_seams

_RANGES_A_QUERY: Final = 200
_ENDS_A_QUERY: Final = 100


class Listed(NamedTuple):
    """Parts of a stream's document, and the first free index of its chain."""

    document: Mapping[str, Any]
    end: int


class Reach(NamedTuple):
    """Of one chain: where it begins and is hot, and its first free index."""

    seam: Seam
    end: int


async def reaches_of(mongo: Mongo, streams: Sequence[StreamRef]) -> dict[bytes, Reach]:
    """Of those of these that are there, by three reads for all of them. Raises ReadOvertaken."""
    found, waiting = dict[bytes, Reach](), {stream.id: stream for stream in streams}
    for delay in DELAYS_S:
        async with await mongo.causal() as session:
            seams = await find_seams(mongo, session, list(waiting))
            ends = await _last_ends(mongo, session, {stream: seam.cold for stream, seam in seams.items()})
            look = await cold_ends(mongo, session, seams)
        # As hot.look_again: behind a cold end that has moved may be what a late insert left.
        settled = {stream for stream, seam in seams.items() if look.get(stream, CLOSED) <= seam.cold}
        found |= {stream: Reach(seams[stream], ends[stream]) for stream in settled}
        waiting = {stream: waiting[stream] for stream in seams if stream not in settled}
        if not waiting:
            return found
        moved = next(iter(waiting.values()))
        instruments.restarts.labels(moved.kind).inc(len(waiting))
        await asyncio.sleep(delay)
    raise unsettled(moved, Moved())


async def _last_ends(mongo: Mongo, session: Session, colds: Mapping[bytes, int]) -> dict[bytes, int]:
    """As hot.chain_end, of each."""
    ends, items = dict(colds), list(colds.items())
    for at in range(0, len(items), _ENDS_A_QUERY):
        first, *others = (_last_bucket(stream, cold) for stream, cold in items[at : at + _ENDS_A_QUERY])
        more = [{"$unionWith": {"coll": mongo.buckets.name, "pipeline": one}} for one in others]
        async for bucket in mongo.buckets.aggregate([*first, *more], session=session):
            ends[bytes(bucket["s"])] = first_index_of(bucket["_id"]) + int(bucket["n"])
    return ends


def _last_bucket(stream: bytes, cold: int) -> list[dict[str, Any]]:
    match = {"_id": {"$gte": bucket_id(stream, cold), "$lt": stream + END_OF_STREAM}}
    return [{"$match": match}, {"$sort": {"_id": -1}}, {"$limit": 1}, {"$project": {"s": 1, "n": 1}}]


async def list_streams(mongo: Mongo, experiment: ExperimentRef, kind: str, fields: Mapping[str, int]) -> list[Listed]:
    """All streams of a kind, with these fields of their documents. Raises ReadOvertaken."""
    query = {"exp": experiment.id, "gen": experiment.generation, "kind": kind}
    moved = b""
    for delay in DELAYS_S:
        async with await mongo.causal() as session:
            documents, starts = await starts_of(mongo, session, query, fields)
            ends = dict(starts)
            async for bucket in buckets_since(mongo, session, starts, {}):
                ends[bucket["s"]] += bucket["n"]
            look = await cold_ends(mongo, session, starts)
        # As for any walk: where `cold` has passed its beginning it may have met what a late insert left.
        moved = next((stream for stream, first in starts.items() if look.get(stream, first) > first), b"")
        if not moved:
            return [Listed(document, ends[stream]) for stream, document in documents.items()]
        instruments.restarts.labels(kind).inc()
        await asyncio.sleep(delay)
    raise unsettled(experiment.stream(kind, documents[moved].get("name")), Moved())


async def starts_of(
    mongo: Mongo, session: Session, query: Mapping[str, Any], fields: Mapping[str, int]
) -> tuple[dict[bytes, dict[str, Any]], dict[bytes, int]]:
    """Documents of the live streams, and up to where each one's snapshot goes."""
    cursor = mongo.streams.find(query, {"next": 1, "cold": 1, **fields}, session=session)
    documents = {one["_id"]: one async for one in cursor if one["cold"] < CLOSED}
    return documents, {stream: int(one["next"]) for stream, one in documents.items()}


async def buckets_since(
    mongo: Mongo, session: Session, starts: Mapping[bytes, int], fields: Mapping[str, int]
) -> AsyncIterator[dict[str, Any]]:
    """Documents of the buckets of these chains from exactly these indices on, with `s`, `n` and these fields.

    Many streams at once, some hundred ranges a query. As walk_many it decides nothing: look at `cold` afterwards.
    """
    expected, items = dict(starts), list(starts.items())
    for at in range(0, len(items), _RANGES_A_QUERY):
        part = items[at : at + _RANGES_A_QUERY]
        ranges = [{"_id": {"$gte": bucket_id(stream, first), "$lt": stream + END_OF_STREAM}} for stream, first in part]
        cursor = mongo.buckets.find({"$or": ranges}, {"s": 1, "n": 1, **fields}, session=session)
        async for bucket in cursor.sort("_id", 1):
            if first_index_of(bucket["_id"]) == expected[bucket["s"]]:  # else it lies behind a gap
                expected[bucket["s"]] += bucket["n"]
                yield bucket
