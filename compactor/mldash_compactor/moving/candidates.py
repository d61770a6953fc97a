"""The choice of cold ranges.

A stream is due when a chunk of it is full, or when nothing came for the idle time: the worker's snapshot says so
(`due_at`). Full chunks move, of a track all but its newest events; the short rest of a metric moves when it is idle.
When the work is done, `due_at` is removed, or set to the time at which the rest will be idle, on the condition that
`next` has not changed since it was read: a later snapshot has a due time of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash_ingest.documents.buckets import CHUNK, END_OF_STREAM, bucket_id, first_index_of
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo

MOVING_KINDS: Final = ("metrics", "tracks")

_RANGES_A_LOOK: Final = 16

_FIELDS: Final = dict.fromkeys(("exp", "gen", "kind", "name", "next", "cold", "joined", "floor", "due_at", "lastAt"), 1)


class StreamState(Struct, frozen=True, kw_only=True):
    """Of a stream's document what the compactor judges by."""

    id: bytes
    experiment: bytes
    generation: int
    kind: str
    name: str | None
    next: int
    cold: int
    due_at: float | None
    last_at: float | None
    joined: int = 0
    floor: int = 0

    @property
    def is_closed(self) -> bool:
        return self.cold >= CLOSED


class Range(NamedTuple):
    """The next range to move: chunk k up to `want`."""

    k: int
    want: int


async def due_streams(mongo: Mongo, now: float, limit: int, excluded: Collection[bytes]) -> list[StreamState]:
    """Streams that are due, longest first; not those that are in hand or rest."""
    query: dict[str, Any] = {"due_at": {"$lte": now}}
    if excluded:
        query["_id"] = {"$nin": list(excluded)}
    cursor = mongo.streams.find(query, _FIELDS).sort("due_at", 1).limit(limit)
    return [from_document(document) async for document in cursor]


async def read_stream(mongo: Mongo, stream: bytes) -> StreamState | None:
    document = await mongo.streams.find_one({"_id": stream}, _FIELDS)
    return None if document is None else from_document(document)


async def chain_end(mongo: Mongo, stream: bytes, cold: int) -> int:
    """The end of the chain's last bucket; a bucket that begins below the cold end does not count."""
    query = {"_id": {"$gte": bucket_id(stream, cold), "$lt": stream + END_OF_STREAM}}
    newest = await mongo.buckets.find_one(query, {"n": 1}, sort=[("_id", -1)])
    return cold if newest is None else first_index_of(newest["_id"]) + int(newest["n"])


async def hot_bytes(mongo: Mongo, stream: bytes, first_index: int, ends: Sequence[int]) -> list[int]:
    """Bytes of the hot buckets in [first_index, ends[0]), [ends[0], ends[1]), …"""
    boundaries = [bucket_id(stream, index) for index in (first_index, *ends)]
    pipeline: list[dict[str, Any]] = [
        {"$match": {"_id": {"$gte": boundaries[0], "$lt": boundaries[-1]}}},
        {
            "$bucket": {
                "groupBy": "$_id",
                "boundaries": boundaries,
                "output": {"bytes": {"$sum": {"$bsonSize": "$$ROOT"}}},
            }
        },
    ]
    found = {bytes(one["_id"]): int(one["bytes"]) async for one in mongo.buckets.aggregate(pipeline)}
    return [found.get(boundary, 0) for boundary in boundaries[:-1]]


def due_ranges(stream: StreamState, end: int, *, keep_events: int, idle: bool) -> list[Range]:
    """The ranges to move of a chain up to `end`, in order, as far as one look goes; the short rest only by itself."""
    ranges: list[Range] = []
    while len(ranges) < _RANGES_A_LOOK:
        found = next_range(stream, end, keep_events=keep_events, idle=idle and not ranges)
        if found is None:
            break
        ranges.append(found)
        stream = msgspec.structs.replace(stream, cold=found.want)
    return ranges


def next_range(stream: StreamState, end: int, *, keep_events: int, idle: bool) -> Range | None:
    """The next range to move of a chain that ends at `end`, or None."""
    k = stream.cold // CHUNK
    full_end = (k + 1) * CHUNK
    if full_end <= end - (keep_events if stream.kind == "tracks" else 0):
        return Range(k, full_end)
    if stream.kind == "metrics" and idle and end > stream.cold:
        return Range(k, min(end, full_end))
    return None


def is_idle(stream: StreamState, end: int, now: float, idle_s: float) -> bool:
    """Whether a stream that is due was truly quiet: nothing came since its snapshot, nor is its last event young."""
    if stream.due_at is None or stream.due_at > now or end != stream.next:
        return False
    return not _is_young(stream, now, idle_s)


def idle_at(stream: StreamState, now: float, idle_s: float) -> float:
    """When the stream's rest will be idle, if nothing comes."""
    if stream.last_at is not None and _is_young(stream, now, idle_s):
        return stream.last_at + idle_s
    return now + idle_s


def _is_young(stream: StreamState, now: float, idle_s: float) -> bool:
    """Users give times of their own: one in the future says nothing, then the due time alone counts."""
    return stream.last_at is not None and now - idle_s < stream.last_at <= now


async def delete_below_cold(mongo: Mongo, stream: bytes, cold: int) -> None:
    """Delete the hot buckets of ranges that have moved, and those of late inserts there, which readers ignore."""
    await mongo.buckets.delete_many({"_id": {"$gte": bucket_id(stream, 0), "$lt": bucket_id(stream, cold)}})


async def settle(mongo: Mongo, stream: StreamState, due_at: float | None) -> None:
    """Due at this time, or no more; nothing changes where a newer snapshot is there."""
    change = {"$unset": {"due_at": ""}} if due_at is None else {"$set": {"due_at": due_at}}
    await mongo.streams.update_one({"_id": stream.id, "next": stream.next}, change)


def from_document(document: Mapping[str, Any]) -> StreamState:
    """Of a stream's document with at least the fields above."""
    return StreamState(
        id=bytes(document["_id"]),
        experiment=bytes(document["exp"]),
        generation=document["gen"],
        kind=document["kind"],
        name=document["name"],
        next=document["next"],
        cold=document["cold"],
        due_at=document.get("due_at"),
        last_at=document.get("lastAt"),
        joined=document.get("joined", 0),
        floor=document.get("floor", 0),
    )
