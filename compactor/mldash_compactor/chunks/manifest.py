"""A chunk's document: intent, lease, fence and manifest entry in one (docs/protocol.md 2 and 4).

    _id     {s: stream, k}: the range [k·10,000, (k+1)·10,000) of its chain
    epoch   raised by each intent, never lowered: the fence; the object is written under a key that holds it
    owner   who holds the intent · until  the lease's end in seconds, null: free · want  up to which index it will go
    joining the key of a joined object that the holder of this epoch may still commit to this chunk. Set with the epoch,
            cleared by the commit, and replaced by any later intent: what it names is never swept (join.py)
    live    the object that counts, null before the first commit:
              key, offset, bytes, crc32c  where the chunk's own bytes lie, a Parquet file by themselves; their checksum
              end                         the first index that they do not hold
              schema, summaries   MessagePack, for names that users chose are values: [Field, …], [FieldSummary, …]
              t0, t1              least and greatest time of its events
              stored_at           when the chunk was committed with this end: retention counts from there
              tail_bytes, tail_crc32c  page indexes and footer at the end of these bytes: with them a part of the rows
                                  is read alone (pages.py); 0: the chunk is of a time before this, and read whole
              joined              of an object that holds neighbours too: which, and where their finer summaries lie

Readers take `live` alone. Where live.end is beyond the stream's `cold`, the move is not finished: of a metric take the
rows below `cold` and the rest from the chain; a track may be read whole and the chain from `cold` laid over it, for
laying the same events over themselves changes nothing.
"""

import builtins
from collections.abc import AsyncIterator, Mapping, Sequence
from time import time
from typing import Any, Final

import msgspec
from msgspec import Struct

from mldash_ingest.documents.mongo import BulkWriteError, DuplicateKeyError, Mongo, Session, UpdateOne

from .errors import ChunkDamaged
from .parquet.mixed_types import Field
from .summaries import FieldSummary

_DUPLICATE_KEY: Final = 11_000
_fields = msgspec.msgpack.Decoder(list[Field])
_summaries = msgspec.msgpack.Decoder(list[FieldSummary])
_anything = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Joined(Struct, frozen=True, kw_only=True):
    """The part of a joined object that its chunks share (joined.py)."""

    first_k: int
    count: int
    blocks_offset: int
    blocks_bytes: int


class Live(Struct, frozen=True, kw_only=True):
    """The bytes that hold a chunk's events up to `end`: `bytes` of the object `key`, from `offset` on."""

    key: str
    end: int
    crc32c: int
    bytes: int
    schema: builtins.bytes
    summaries: builtins.bytes
    t0: float
    t1: float
    offset: int = 0
    joined: Joined | None = None
    stored_at: float = 0.0
    tail_bytes: int = 0
    tail_crc32c: int = 0

    def fields(self) -> list[Field]:
        """Names and types of the fields that its events have, in order. Raises ChunkDamaged where a newer version's."""
        return [field for field in self.stored_fields() if not field.inherited]

    def stored_fields(self) -> list[Field]:
        """The same with those that only earlier chunks have, of which it has columns of nulls."""
        try:
            return _fields.decode(self.schema)
        except msgspec.ValidationError as error:
            raise ChunkDamaged(self.key, f"a newer version wrote it: {error}") from error

    def field_summaries(self) -> list[FieldSummary]:
        """Of the first 256 numeric fields, over the whole chunk."""
        return _summaries.decode(self.summaries)

    def summary_count(self) -> int:
        """How many there are, without a look into them."""
        return len(_anything.decode(self.summaries))


class Chunk(Struct, frozen=True, kw_only=True):
    """The document of one chunk."""

    stream: bytes
    k: int
    epoch: int
    owner: str
    until: float | None
    want: int
    live: Live | None = None
    joining: str | None = None


async def live_chunks(
    mongo: Mongo, stream: bytes, first_k: int, last_k: int | None = None, session: Session | None = None
) -> list[Chunk]:
    """Chunks first_k … last_k (None: to the last) that have a live object, in k order."""
    bounds = {"$gte": first_k} if last_k is None else {"$gte": first_k, "$lte": last_k}
    query = {"_id.s": stream, "_id.k": bounds, "live": {"$ne": None}}
    return [from_document(one) async for one in mongo.chunks.find(query, session=session).sort("_id.k", 1)]


async def chunks_by_time(
    mongo: Mongo, stream: bytes, t0: float, t1: float, session: Session | None = None
) -> list[Chunk]:
    """Chunks with an event in [t0, t1], both ends included, in k order."""
    return sorted([one async for one in each_by_time(mongo, stream, t0, t1, session)], key=lambda chunk: chunk.k)


async def each_by_time(
    mongo: Mongo, stream: bytes, t0: float, t1: float, session: Session | None = None
) -> AsyncIterator[Chunk]:
    """The same one after the other, in no order."""
    query = {"_id.s": stream, "live.t1": {"$gte": t0}, "live.t0": {"$lte": t1}}
    async for one in mongo.chunks.find(query, session=session):
        yield from_document(one)


async def read(mongo: Mongo, stream: bytes, k: int, session: Session | None = None) -> Chunk | None:
    """The chunk's document, majority."""
    document = await mongo.chunks.find_one({"_id": {"s": stream, "k": k}}, session=session)
    return None if document is None else from_document(document)


async def stored_fields(mongo: Mongo, stream: bytes, k: int) -> list[Field]:
    """Those of chunk k; none where it has no live object, or one of a newer version whose types mean nothing here."""
    found = await mongo.chunks.find_one({"_id": {"s": stream, "k": k}}, {"live.schema": 1})
    schema = ((found or {}).get("live") or {}).get("schema")
    try:
        return [] if schema is None else _fields.decode(schema)
    except msgspec.ValidationError:
        return []


async def read_linearizable(mongo: Mongo, stream: bytes, k: int) -> Chunk | None:
    """The chunk's document as it truly is now: what a sweep may judge by."""
    document = await mongo.find_linearizable(mongo.chunks, {"s": stream, "k": k})
    return None if document is None else from_document(document)


async def declare_intent(mongo: Mongo, stream: bytes, k: int, *, owner: str, lease_s: float, want: int) -> Chunk | None:
    """Take the chunk under a new epoch; None where another holds it or was quicker. Judge by what this returns."""
    taken = {"owner": owner, "until": time() + lease_s, "want": want, "joining": None}
    document: dict[str, Any] = {"_id": {"s": stream, "k": k}, "epoch": 1, **taken, "live": None}
    try:
        await mongo.chunks.insert_one(document)
        return from_document(document)
    except DuplicateKeyError:
        seen = await read(mongo, stream, k)
    if seen is None or (seen.until is not None and seen.until > time()):
        return None
    changed = await mongo.chunks.find_one_and_update(
        {"_id": {"s": stream, "k": k}, "epoch": seen.epoch},
        {"$inc": {"epoch": 1}, "$set": taken},
        return_document=True,
    )
    return None if changed is None else from_document(changed)


async def declare_first_intents(
    mongo: Mongo, stream: bytes, wants: Sequence[tuple[int, int]], *, owner: str, lease_s: float
) -> list[Chunk]:
    """Claim consecutive unclaimed chunks (k, want), up to the first that has a document: one write for all."""
    taken = {"owner": owner, "until": time() + lease_s, "joining": None, "live": None}
    documents: list[dict[str, Any]] = [
        {"_id": {"s": stream, "k": k}, "epoch": 1, "want": want, **taken} for k, want in wants
    ]
    try:
        await mongo.chunks.insert_many(documents, ordered=True)
    except BulkWriteError as error:
        details = error.details
        if details.get("writeConcernErrors") or any(one["code"] != _DUPLICATE_KEY for one in details["writeErrors"]):
            raise
        documents = documents[: details["nInserted"]]
    return [from_document(document) for document in documents]


async def commit_all(mongo: Mongo, commits: Sequence[tuple[Chunk, Live]]) -> bool:
    """Commit each; one write for all. False where one of them, and perhaps not the others, did not go through."""
    updates = [UpdateOne(*_commit_of(intent, live)) for intent, live in commits]
    done = await mongo.chunks.bulk_write(updates, ordered=True)
    return done.matched_count == len(updates) or all([await commit(mongo, *one) for one in commits])


def _commit_of(intent: Chunk, live: Live) -> tuple[dict[str, Any], dict[str, Any]]:
    mine = {"_id": {"s": intent.stream, "k": intent.k}, "epoch": intent.epoch, "live.end": {"$not": {"$gte": live.end}}}
    return mine, {"$set": {"live": to_document(live), "until": None}}


async def commit(mongo: Mongo, intent: Chunk, live: Live) -> bool:
    """Make `live` the object that counts; False where the intent's epoch has passed or as much is committed already."""
    done = await mongo.chunks.update_one(*_commit_of(intent, live))
    if done.matched_count:
        return True
    there = await read(mongo, intent.stream, intent.k)
    return there is not None and there.live is not None and there.live.key == live.key


async def release(mongo: Mongo, intent: Chunk) -> None:
    """Let others have the chunk at once, if the epoch is still the intent's."""
    mine = {"_id": {"s": intent.stream, "k": intent.k}, "epoch": intent.epoch}
    await mongo.chunks.update_one(mine, {"$set": {"until": None}})


def to_document(live: Live) -> dict[str, Any]:
    """As the chunk's document holds it."""
    fields = msgspec.structs.asdict(live)
    fields["joined"] = None if live.joined is None else msgspec.structs.asdict(live.joined)
    return fields


def _live_from_document(document: Mapping[str, Any]) -> Live:
    """The reverse."""
    joined = document.get("joined")
    return Live(**{**document, "joined": None if joined is None else Joined(**joined)})


def from_document(document: Mapping[str, Any]) -> Chunk:
    """The chunk of a document that holds all of its fields."""
    live = document.get("live")
    return Chunk(
        stream=bytes(document["_id"]["s"]),
        k=document["_id"]["k"],
        epoch=document["epoch"],
        owner=document["owner"],
        until=document["until"],
        want=document["want"],
        live=None if live is None else _live_from_document(live),
        joining=document.get("joining"),
    )
