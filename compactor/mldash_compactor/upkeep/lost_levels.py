"""With each sweep: summaries in `levels` that are gone, made anew from the manifest, which keeps what they are made of.

Version 0.1.0 deleted, with an experiment, the levels of every stream whose id sorts before one of its own: MongoDB
compares the length of binary ids before their bytes. A view of such a stream finds no peace (ReadOvertaken).
"""

import asyncio
from typing import Final

import structlog

from mldash_compactor.apart import Apart
from mldash_compactor.chunks.levels import SPAN, block_id
from mldash_compactor.moving.candidates import read_stream
from mldash_compactor.moving.join import span_chunks, write_levels
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo

_log: Final = structlog.get_logger()


async def restore_levels(mongo: Mongo, stop: asyncio.Event) -> int:
    """Of all streams; of how many spans there were none. What cannot be restored is left for the next time."""
    restored, apart = 0, Apart()
    long_ones = {"joined": {"$gt": 0}, "cold": {"$lt": CLOSED}}
    async for document in mongo.streams.find(long_ones, {"joined": 1, "floor": 1}):
        if stop.is_set():
            break
        stream, first, end = bytes(document["_id"]), -(-document.get("floor", 0) // SPAN), document["joined"] // SPAN
        whole = {"$gte": block_id(stream, 0, first), "$lt": block_id(stream, 0, end)}
        if await mongo.levels.count_documents({"_id": whole}) < end - first:
            with apart.one(stream=stream.hex()):
                restored += await _restore(mongo, stream, range(first, end))
    if restored:
        _log.warning("summaries of long streams were gone, and are made anew", spans=restored)
    apart.raise_first()
    return restored


async def _restore(mongo: Mongo, stream: bytes, spans: range) -> int:
    """In order, for a coarse block is made of finer ones; what is there stays."""
    state = await read_stream(mongo, stream)
    if state is None or state.is_closed:
        return 0
    for span in spans:
        await write_levels(mongo, stream, span, await span_chunks(mongo, state, span))
    return len(spans)
