"""The fold of a whole chain: the snapshot in the stream's document, carried forward over the buckets since."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mldash_api import instruments
from mldash_api.stores.streams import StreamRef
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.documents.walk import cold_ends, walk_many

from .attempts import DELAYS_S, Moved, unsettled

_IN_ONE_QUERY = 1_000


class Carried(NamedTuple):
    """A stream's document, and the fold of its whole chain as it was at `cold`'s second look."""

    document: Mapping[str, Any]
    snapshot: Snapshot
    cold: int


async def carried_forward(mongo: Mongo, stream: StreamRef) -> Carried | None:
    """None: there is no such stream."""
    return (await all_carried_forward(mongo, [stream])).get(stream.id)


async def all_carried_forward(mongo: Mongo, streams: Sequence[StreamRef]) -> dict[bytes, Carried]:
    """Of those that are there. Raises ReadOvertaken where the compactor moves one under every attempt."""
    carried, waiting = dict[bytes, Carried](), list(streams)
    for delay in DELAYS_S:
        async with await mongo.causal() as session:
            waiting = await _attempt(mongo, session, waiting, carried)
        if not waiting:
            return carried
        instruments.restarts.labels(waiting[0].kind).inc(len(waiting))
        await asyncio.sleep(delay)
    raise unsettled(waiting[0], Moved())


async def _attempt(
    mongo: Mongo, session: Session, streams: Sequence[StreamRef], carried: dict[bytes, Carried]
) -> list[StreamRef]:
    """Those that moved meanwhile: `cold` has passed the index where the walk began, so it may have met garbage."""
    documents = await _documents(mongo, session, [stream.id for stream in streams])
    live = [stream for stream in streams if documents.get(stream.id, _CLOSED)["cold"] < CLOSED]
    starts = {stream.id: int(documents[stream.id]["next"]) for stream in live}
    snapshots = {stream.id: Snapshot.from_document(stream.kind, documents[stream.id]) for stream in live}
    async for bucket in walk_many(mongo, session, starts):
        snapshots[bucket.stream].advance(bucket)
    look = await cold_ends(mongo, session, starts)
    again = list[StreamRef]()
    for stream in live:
        cold = look.get(stream.id, CLOSED)
        if cold > starts[stream.id]:
            again.append(stream)
            continue
        carried[stream.id] = Carried(documents[stream.id], snapshots[stream.id], cold)
    return again


async def _documents(mongo: Mongo, session: Session, ids: Sequence[bytes]) -> dict[bytes, dict[str, Any]]:
    found = dict[bytes, dict[str, Any]]()
    for at in range(0, len(ids), _IN_ONE_QUERY):
        query = {"_id": {"$in": list(ids[at : at + _IN_ONE_QUERY])}}
        async for document in mongo.streams.find(query, session=session):
            found[document["_id"]] = document
    return found


_CLOSED: Mapping[str, Any] = {"cold": CLOSED}
