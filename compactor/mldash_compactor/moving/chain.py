"""The hot part of a range, read so that nothing of it can have moved away meanwhile."""

from mldash_compactor.errors import HoleInChain, NeighboursTooLarge, RangeMoved, StreamClosed
from mldash_ingest.documents.buckets import CHUNK, Bucket
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.walk import cold_ends, walk_through


async def read_chain(mongo: Mongo, stream: bytes, cold: int, want: int, most_bytes: int | None = None) -> list[Bucket]:
    """The buckets of [cold, want).

    Raises StreamClosed, RangeMoved (the cold end moved), HoleInChain, NeighboursTooLarge (beyond `most_bytes`).
    """
    buckets, size = list[Bucket](), 0
    async with await mongo.causal() as session:
        async for bucket in walk_through(mongo, session, stream, cold, want):
            buckets.append(bucket)
            size += bucket.stored_bytes
            if most_bytes is not None and size > most_bytes:
                raise NeighboursTooLarge(stream, cold, most_bytes)
        look = (await cold_ends(mongo, session, [stream])).get(stream, CLOSED)
    if look >= CLOSED:
        raise StreamClosed(stream)
    if look > cold:
        raise RangeMoved(stream, cold // CHUNK, f"its cold end is {look}, and was {cold}")
    found_end = buckets[-1].end_index if buckets else cold
    if found_end != want:
        raise HoleInChain(stream, found_end, want)
    return buckets
