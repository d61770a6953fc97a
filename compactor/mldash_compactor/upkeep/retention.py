"""Retention: events of an owner or a project expire, from a chain's head on (docs/protocol.md 4.9).

A policy says for how many days logs, metrics or tracks are kept, for an owner or one project of it; kind by kind the
project's word counts before the owner's, and without a word events are kept for ever. Logs expire by the bucket, by the
time of their newest line. Metrics and tracks expire by the chunk, so many days after the chunk became cold, for the
times of their events are the user's own and may say anything; what is hot never expires.

    cover_by_snapshot  lines that leave a log's chain must be in a snapshot
    raise_floor        readers begin there; of logs the cold end goes with it, so that a late insert below is refused
    delete_below       chunks, buckets and levels, again each time: a sleeper may have left a document there

The next sweep deletes the objects, since documents no longer name them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from mldash.events.identity import Prefix
from mldash_compactor import instruments
from mldash_compactor.apart import Apart
from mldash_compactor.chunks import levels, manifest
from mldash_compactor.moving.candidates import StreamState, chain_end, delete_below_cold, from_document
from mldash_compactor.moving.covering import cover
from mldash_ingest.documents.buckets import CHUNK, END_OF_STREAM, bucket_id, first_index_of
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.crowd import KEPT
from mldash_ingest.documents.mongo import Mongo

_EXPIRING: Final = ("logs", "metrics", "tracks")
DAY_S: Final = 86_400.0

_BEHIND_SLASH: Final = "0"  # the character after "/": all prefixes of an owner sort between the two
_CHUNKS_AT_ONCE: Final = 1_000
_log = structlog.get_logger()


class Policy(Struct, frozen=True):
    """The policy of one owner, or of one project. An absent kind: no rule; None: for ever."""

    subject: str
    """`owner` or `owner/project`."""

    keep_days: dict[str, float | None]


class Expiry(Struct, frozen=True, kw_only=True):
    """The part of one stream that expires: indices [floor, new_floor)."""

    prefix: str
    stream: StreamState
    new_floor: int
    snapshot_sessions: int = KEPT

    @property
    def event_count(self) -> int:
        return self.new_floor - self.stream.floor


async def read_policies(mongo: Mongo) -> list[Policy]:
    """All of them, by subject."""
    cursor = mongo.policies.find().sort("_id", 1)
    return [Policy(document["_id"], dict(document["keep_days"])) async for document in cursor]


async def set_policy(
    mongo: Mongo, subject: str, changes: Mapping[str, float | None], unset: Sequence[str] = ()
) -> None:
    """Change these kinds alone; the `unset` ones have no policy of their own any more."""
    change: dict[str, Any] = {}
    if changes:
        change["$set"] = {f"keep_days.{kind}": days for kind, days in changes.items()}
    if unset:
        change["$unset"] = {f"keep_days.{kind}": "" for kind in unset}
    if change:
        await mongo.policies.update_one({"_id": subject}, change, upsert=bool(changes))
    await mongo.policies.delete_many({"_id": subject, "keep_days": {}})


def days_kept(policies: Sequence[Policy], prefix: Prefix) -> dict[str, float]:
    """Of each kind that expires under this prefix, after how many days."""
    said = {policy.subject: policy.keep_days for policy in policies}
    kept = {**said.get(prefix.owner, {}), **said.get(f"{prefix.owner}/{prefix.project}", {})}
    return {kind: days for kind, days in kept.items() if days is not None}


async def find_expired(mongo: Mongo, policies: Sequence[Policy], now: float) -> AsyncIterator[Expiry]:
    """Expired events that are still there. Reads only: it is the dry run too. Raises behind the last what went wrong
    with one of them (apart.py)."""
    apart = Apart()
    owners = sorted({policy.subject.split("/", 1)[0] for policy in policies})
    for owner in owners:
        query = {"prefix": {"$gte": f"{owner}/", "$lt": f"{owner}{_BEHIND_SLASH}"}}
        async for experiment in mongo.experiments.find(query, {"prefix": 1, "gen": 1}):
            kept = dict[str, float]()
            with apart.one(prefix=experiment["prefix"]):
                kept = days_kept(policies, Prefix(experiment["prefix"]))
            of_kinds = {"exp": experiment["_id"], "gen": experiment["gen"], "kind": {"$in": sorted(kept)}}
            async for document in mongo.streams.find(of_kinds):
                stream = from_document(document)
                if stream.is_closed:
                    continue
                new_floor = stream.floor
                with apart.one(prefix=experiment["prefix"], stream=stream.id.hex()):
                    new_floor = await _floor_of(mongo, stream, now - kept[stream.kind] * DAY_S)
                if new_floor > stream.floor:
                    yield Expiry(prefix=experiment["prefix"], stream=stream, new_floor=new_floor)
    apart.raise_first()


async def _floor_of(mongo: Mongo, stream: StreamState, cutoff: float) -> int:
    if stream.kind == "logs":
        return await _floor_of_lines(mongo, stream, cutoff)
    floor = stream.floor
    while True:
        first_k = floor // CHUNK
        chunks = await manifest.live_chunks(mongo, stream.id, first_k, first_k + _CHUNKS_AT_ONCE - 1)
        for chunk in chunks:
            live = chunk.live
            if live is None or chunk.k * CHUNK != floor or live.end != floor + CHUNK or live.end > stream.cold:
                return floor
            if not 0 < live.stored_at < cutoff:
                return floor
            floor = live.end
        if len(chunks) < _CHUNKS_AT_ONCE:
            return floor


async def _floor_of_lines(mongo: Mongo, stream: StreamState, cutoff: float) -> int:
    """Where the first bucket with a line that is young begins; the chain's end where there is none."""
    begin = max(stream.floor, stream.cold)
    young = await _first_young(mongo, stream, begin, cutoff)
    if young is not None:
        return young
    end = await chain_end(mongo, stream.id, begin)
    young = await _first_young(mongo, stream, begin, cutoff)  # appended since the first look, and so below the end
    return end if young is None else min(end, young)


async def _first_young(mongo: Mongo, stream: StreamState, begin: int, cutoff: float) -> int | None:
    query = {"_id": {"$gte": bucket_id(stream.id, begin), "$lt": stream.id + END_OF_STREAM}, "t1": {"$gte": cutoff}}
    first = await mongo.buckets.find_one(query, {"_id": 1}, sort=[("_id", 1)])
    return None if first is None else first_index_of(first["_id"])


async def cover_by_snapshot(mongo: Mongo, expiry: Expiry) -> None:
    await cover(mongo, expiry.stream.id, expiry.new_floor, sessions=expiry.snapshot_sessions)


async def raise_floor(mongo: Mongo, expiry: Expiry) -> None:
    """Never back, never past the snapshot, and of metrics and tracks never past the cold end."""
    stream, floor = expiry.stream, expiry.new_floor
    if stream.kind == "logs":
        covered: dict[str, Any] = {"_id": stream.id, "next": {"$gte": floor}}
        ends = {"floor": floor, "cold": floor}
    else:
        covered = {"_id": stream.id, "next": {"$gte": floor}, "cold": {"$gte": floor}}
        ends = {"floor": floor}
    await mongo.streams.update_one(covered, {"$max": ends})


async def delete_below(mongo: Mongo, expiry: Expiry) -> None:
    await _delete_below(mongo, expiry.stream.id, expiry.new_floor)


async def _delete_below(mongo: Mongo, stream: bytes, floor: int) -> None:
    """By the floor as it is: nothing goes of which readers may still ask."""
    document = await mongo.streams.find_one({"_id": stream}, {"floor": 1})
    if document is None or document["floor"] < floor:
        return
    await delete_below_cold(mongo, stream, floor)
    await mongo.chunks.delete_many({"_id.s": stream, "_id.k": {"$lt": floor // CHUNK}})
    await levels.delete_below(mongo, stream, floor)


Step = Callable[[Mongo, Expiry], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (cover_by_snapshot, raise_floor, delete_below)


async def expire(mongo: Mongo, expiry: Expiry) -> None:
    """All steps. Cut anywhere and run again it goes on."""
    for step in STEPS:
        await step(mongo, expiry)
    instruments.events_expired.labels(expiry.stream.kind).inc(expiry.event_count)


async def keep_retention(mongo: Mongo, now: float, snapshot_sessions: int = KEPT) -> int:
    """A compactor's step of now and then; how many events expired."""
    policies = await read_policies(mongo)
    expired, apart = 0, Apart()
    with apart.one(what="what has expired"):
        async for expiry in find_expired(mongo, policies, now):
            with apart.one(prefix=expiry.prefix, stream=expiry.stream.id.hex()):
                await expire(mongo, msgspec.structs.replace(expiry, snapshot_sessions=snapshot_sessions))
                expired += expiry.event_count
    async for document in mongo.streams.find({"floor": {"$gt": 0, "$lt": CLOSED}}, {"floor": 1}):
        with apart.one(stream=bytes(document["_id"]).hex()):
            await _delete_below(mongo, bytes(document["_id"]), document["floor"])
    if expired:
        _log.info("events expired", count=expired)
    apart.raise_first()
    return expired
