"""The hot part of a stream: buckets of its chain by exact boundaries, from the cold end on.

The caller reads `cold` before, and again afterwards. Buckets that begin below `cold` are ignored: their events are in
S3, or they are garbage of a late insert, even where they reach beyond (docs/protocol.md 4.8).
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from mldash_api.stores.streams import StreamRef
from mldash_ingest.documents.buckets import END_OF_STREAM, Bucket, bucket_id, first_index_of, from_document
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo, Session

from .attempts import Moved


class Seam(Struct, frozen=True):
    """Where a stream's readable indices begin, from where on they are hot, and up to where chunks are joined."""

    floor: int
    cold: int
    joined: int = 0


async def find_seam(mongo: Mongo, session: Session, stream: bytes) -> Seam | None:
    """None: there is no such stream, or it was deleted a moment ago."""
    return (await find_seams(mongo, session, [stream])).get(stream)


async def find_seams(mongo: Mongo, session: Session, streams: Sequence[bytes]) -> dict[bytes, Seam]:
    """Of those that are there."""
    query = {"_id": {"$in": list(streams)} if len(streams) > 1 else streams[0]}
    cursor = mongo.streams.find(query, {"cold": 1, "floor": 1, "joined": 1}, session=session)
    return {
        one["_id"]: Seam(one.get("floor", 0), one["cold"], one.get("joined", 0))
        for one in await cursor.to_list(None)
        if one["cold"] < CLOSED
    }


async def look_again(mongo: Mongo, session: Session, stream: bytes, first_used: int) -> None:
    """Raises Moved where `cold` has passed the first hot index that was used."""
    document = await mongo.streams.find_one({"_id": stream}, {"_id": 1, "cold": 1}, session=session)
    if document is None or document["cold"] > first_used:
        raise Moved


async def chain_end(mongo: Mongo, session: Session, stream: bytes, cold: int) -> int:
    """The first free index: the end of the last bucket, or `cold` where none begins there or later."""
    query = {"_id": {"$gte": bucket_id(stream, cold), "$lt": stream + END_OF_STREAM}}
    last = await mongo.buckets.find_one(query, {"n": 1}, sort=[("_id", -1)], session=session)
    return cold if last is None else first_index_of(last["_id"]) + int(last["n"])


async def goes_on_at(mongo: Mongo, session: Session, stream: bytes, index: int) -> bool:
    """Whether a bucket begins exactly here."""
    return await mongo.buckets.find_one({"_id": bucket_id(stream, index)}, {"_id": 1}, session=session) is not None


async def chain_between(
    mongo: Mongo,
    session: Session,
    stream: bytes,
    cold: int,
    first_index: int,
    end_index: int,
    fields: Sequence[str] | None = None,
) -> list[Bucket]:
    """The buckets that hold [first_index, end_index), as far as there are any; `first_index` is not below `cold`.

    From the last bucket that begins at or before `first_index`, by exact boundaries. Raises Moved at a gap.
    """
    start = await _beginning(mongo, session, stream, cold, first_index)
    query = {"_id": {"$gte": bucket_id(stream, start), "$lt": bucket_id(stream, end_index)}}
    expected, buckets = start, list[Bucket]()
    async for document in mongo.buckets.find(query, _projection(fields), session=session).sort("_id", 1):
        if first_index_of(document["_id"]) != expected:
            raise Moved(expected)
        buckets.append(from_document(document))
        expected = buckets[-1].end_index
    return buckets


async def _beginning(mongo: Mongo, session: Session, stream: bytes, cold: int, index: int) -> int:
    if index == cold:
        return cold
    query = {"_id": {"$gte": bucket_id(stream, cold), "$lte": bucket_id(stream, index)}}
    last = await mongo.buckets.find_one(query, {"_id": 1}, sort=[("_id", -1)], session=session)
    return cold if last is None else first_index_of(last["_id"])


async def buckets_by_time(
    mongo: Mongo,
    session: Session,
    stream: StreamRef,
    span: tuple[int, int],
    times: tuple[float, float],
    fields: Sequence[str] | None,
) -> list[Bucket]:
    """The buckets that begin in `span` and have an event in `times` (both ends included), in index order."""
    query = {
        "_id": {"$gte": bucket_id(stream.id, span[0]), "$lt": bucket_id(stream.id, span[1])},
        "s": stream.id,
        "kind": stream.kind,  # the index over times is a partial one
        "t1": {"$gte": times[0]},
        "t0": {"$lte": times[1]},
    }
    found = [from_document(one) async for one in mongo.buckets.find(query, _projection(fields), session=session)]
    return sorted(found, key=lambda bucket: bucket.first_index)


def _projection(fields: Sequence[str] | None) -> dict[str, Any] | None:
    """Only the columns of these fields cross the wire. Their names are literals: a field may be called "$where"."""
    if fields is None:
        return None
    wanted = {"$or": [{"$in": ["$$this.name", {"$literal": list(fields)}]}, {"$eq": ["$$this.type", "events"]}]}
    columns = {"$filter": {"input": "$cols", "cond": wanted}}
    return dict.fromkeys(("s", "kind", "n", "src", "t0", "t1", "times", "levels"), 1) | {"cols": columns}
