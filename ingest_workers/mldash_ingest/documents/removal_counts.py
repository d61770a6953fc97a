"""Counts of what a removal would delete, before it starts: for a dry run, and for the question before it."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from .buckets import END_OF_STREAM, bucket_id
from .collections import CLOSED
from .mongo import Mongo
from .snapshot import Snapshot

_STREAMS_AT_ONCE: Final = 200


class Counts(Struct):
    """Of one generation of an experiment. Events are counted hot and cold; bytes are those of documents and objects."""

    streams: dict[str, int] = {}
    """By kind."""
    events: int = 0
    hot_events: int = 0
    buckets: int = 0
    bucket_bytes: int = 0
    chunks: int = 0
    chunk_bytes: int = 0
    sessions: int = 0
    live_sessions: list[dict[str, Any]] = []
    """Sessions that have said that they live since `live_after`: session (hex), host, pid, rank."""


async def count(mongo: Mongo, experiment: bytes, generation: int, live_after: float) -> Counts:
    """Reads only."""
    counts, own = Counts(), {"exp": experiment, "gen": generation}
    by_kind: list[dict[str, Any]] = [{"$match": own}, {"$group": {"_id": "$kind", "n": {"$sum": 1}}}]
    counts.streams = {one["_id"]: one["n"] async for one in mongo.streams.aggregate(by_kind)}
    cold: list[dict[str, Any]] = [
        {"$match": own | {"cold": {"$gt": 0, "$lt": CLOSED}}},
        {"$group": {"_id": None, "n": {"$sum": {"$subtract": ["$cold", {"$ifNull": ["$floor", 0]}]}}}},
    ]
    async for one in mongo.streams.aggregate(cold):
        counts.events += one["n"]
    part: list[bytes] = []
    async for document in mongo.streams.find(own, {"_id": 1}):
        part.append(bytes(document["_id"]))
        if len(part) == _STREAMS_AT_ONCE:
            await _count_streams(mongo, part, counts)
            part = []
    if part:
        await _count_streams(mongo, part, counts)
    counts.events += counts.hot_events
    await _count_sessions(mongo, own, live_after, counts)
    return counts


async def _count_streams(mongo: Mongo, streams: Sequence[bytes], counts: Counts) -> None:
    ranges = [{"_id": {"$gte": bucket_id(stream, 0), "$lt": stream + END_OF_STREAM}} for stream in streams]
    sums = {"n": {"$sum": "$n"}, "buckets": {"$sum": 1}, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}
    hot: list[dict[str, Any]] = [{"$match": {"$or": ranges}}, {"$group": {"_id": None, **sums}}]
    async for one in mongo.buckets.aggregate(hot):
        counts.hot_events += one["n"]
        counts.buckets += one["buckets"]
        counts.bucket_bytes += one["bytes"]
    live = {"_id.s": {"$in": list(streams)}, "live": {"$ne": None}}
    total = {"_id": None, "n": {"$sum": 1}, "bytes": {"$sum": "$live.bytes"}}
    of_chunks: list[dict[str, Any]] = [{"$match": live}, {"$group": total}]
    async for one in mongo.chunks.aggregate(of_chunks):
        counts.chunks += one["n"]
        counts.chunk_bytes += one["bytes"]


async def _count_sessions(mongo: Mongo, own: dict[str, Any], live_after: float, counts: Counts) -> None:
    counts.sessions = await mongo.sessions.count_documents(own)
    runs = await mongo.streams.find_one(own | {"kind": "runs"}, {"data": 1})
    ended = _ended(runs or {})
    fields = {"host": 1, "pid": 1, "rank": 1}
    # By the broker's clock, where a heartbeat was stored with it: a host's own may be wrong.
    by_broker: dict[str, Any] = {"seen_at": {"$gte": live_after}}
    by_host: dict[str, Any] = {"seen_at": None, "heartbeat": {"$gte": live_after}}
    async for one in mongo.sessions.find(own | {"$or": [by_broker, by_host]}, fields):
        if one["_id"] not in ended:
            counts.live_sessions.append({"session": one["_id"].hex(), **{key: one.get(key) for key in fields}})


def _ended(runs: dict[str, Any]) -> set[bytes]:
    """Sessions that have said that they ended, as the snapshot of their runs has it."""
    folded = Snapshot.from_document("runs", runs).runs
    assert folded is not None
    return {session for session, state in folded.sessions.items() if state.ended is not None}
