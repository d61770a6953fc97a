"""Once a day: the remains of a kill to which no due date leads (docs/protocol.md 3.8).

A worker that died after its commit and before its snapshot leaves events that are in no snapshot. A late insert leaves
a bucket below the cold end, or of a deleted experiment. A loose index scan goes from stream to stream through the
buckets, one step a stream however many buckets it has.
"""

import asyncio
from time import time
from typing import Final

import structlog

from mldash_compactor.apart import Apart
from mldash_compactor.moving.candidates import (
    MOVING_KINDS,
    StreamState,
    chain_end,
    delete_below_cold,
    next_range,
    read_stream,
    settle,
)
from mldash_ingest.documents.buckets import END_OF_STREAM, bucket_id
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo

_STREAM_BYTES: Final = 16
_log = structlog.get_logger()


async def find_strays(mongo: Mongo, stop: asyncio.Event, *, keep_events: int, idle_s: float) -> int:
    """Give a due time to streams that lack one, and delete unread buckets; how many streams were given one."""
    after, found, apart = b"", 0, Apart()
    while not stop.is_set():
        bucket = await mongo.buckets.find_one({"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)])
        if bucket is None:
            break
        stream_id = bytes(bucket["_id"])[:_STREAM_BYTES]
        after = stream_id + END_OF_STREAM
        with apart.one(stream=stream_id.hex()):
            stream = await read_stream(mongo, stream_id)
            if stream is None or stream.is_closed:
                await _delete_of_deleted(mongo, stream_id)
            else:
                await delete_below_cold(mongo, stream.id, stream.cold)
                found += await _give_due_time(mongo, stream, keep_events, idle_s)
    if found:
        _log.info("streams without a due time found", count=found)
    apart.raise_first()
    return found


async def _give_due_time(mongo: Mongo, stream: StreamState, keep_events: int, idle_s: float) -> bool:
    if stream.due_at is not None or stream.kind not in MOVING_KINDS:
        return False
    end = await chain_end(mongo, stream.id, stream.cold)
    if next_range(stream, end, keep_events=keep_events, idle=True) is None:
        return False
    full = next_range(stream, end, keep_events=keep_events, idle=False) is not None
    await settle(mongo, stream, time() if full else time() + idle_s)
    return True


async def _delete_of_deleted(mongo: Mongo, stream_id: bytes) -> None:
    """A chain is never without its document, so one whose document is truly gone was purged."""
    document = await mongo.find_linearizable(mongo.streams, stream_id)
    if document is None or document["cold"] >= CLOSED:
        of_stream = {"_id": {"$gte": bucket_id(stream_id, 0), "$lt": stream_id + END_OF_STREAM}}
        await mongo.buckets.delete_many(of_stream)
