"""Many chains from their snapshots on, by places and counts alone: no column crosses the wire."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple

from mldash_api import instruments
from mldash_api.stores.streams import ExperimentRef
from mldash_ingest.documents.buckets import END_OF_STREAM, bucket_id, first_index_of
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.documents.walk import cold_ends

from .attempts import DELAYS_S, Moved, unsettled

_RANGES_A_QUERY: Final = 200


class Listed(NamedTuple):
    """Parts of a stream's document, and the first free index of its chain."""

    document: Mapping[str, Any]
    end: int


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
