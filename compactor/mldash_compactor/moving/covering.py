"""Events that leave the chain must be in a snapshot: the fold of the chain up to exactly some index, and its write.

The snapshot that a worker would write, made by the same walk (docs/protocol.md 3.3, with its second look at the cold
end) and written by the same rule (3.8): only where the document's `next` is below.
"""

from mldash_compactor.errors import HoleInChain, RangeMoved, StreamClosed
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.crowd import KEPT, complete, move_out
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.documents.walk import cold_ends, walk


async def cover(
    mongo: Mongo, stream: bytes, end_index: int, *, sessions: int = KEPT, due_at: float | None = None
) -> None:
    """Make the stream's snapshot reach `end_index` at least, with `sessions` in it at most; `due_at` is set with it
    where it is given.

    Raises StreamClosed, RangeMoved where the cold end passed the place where the walk began, HoleInChain.
    """
    covered = {"_id": stream, "next": {"$gte": end_index}, "cold": {"$lt": CLOSED}}
    if await mongo.streams.find_one(covered, {"_id": 1}) is not None:
        return  # the common case, without the snapshot itself, which may be large
    async with await mongo.causal() as session:
        document = await mongo.streams.find_one({"_id": stream}, session=session)
        if document is None or document["cold"] >= CLOSED:
            raise StreamClosed(stream)
        snapshot = Snapshot.from_document(document["kind"], document)
        if snapshot.next >= end_index:
            return
        first_index = snapshot.next
        buckets = await walk(mongo, session, stream, first_index, end_index)
        crowded = bool(document.get("crowded"))
        absent = {one.session for bucket in buckets for one in bucket.sources} - snapshot.seen.keys()
        look = await cold_ends(mongo, session, [stream])
        if look.get(stream, CLOSED) > first_index:
            raise RangeMoved(stream, first_index // document["chunk"], "its cold end passed the snapshot")
        for bucket in buckets:
            snapshot.advance(bucket)
        if crowded and absent:
            await complete(mongo, session, {stream: (snapshot, absent)})
    if snapshot.next != end_index:
        raise HoleInChain(stream, snapshot.next, end_index)
    crowded = bool(await move_out(mongo, {stream: snapshot}, sessions)) or crowded
    fields = snapshot.to_update() | ({"crowded": True} if crowded else {})
    if due_at is not None:
        fields["due_at"] = due_at
    await mongo.streams.update_one({"_id": stream, "next": {"$lt": end_index}}, {"$set": fields})
