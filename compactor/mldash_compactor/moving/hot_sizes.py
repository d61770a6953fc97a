"""How much of a track stays in MongoDB: its newest events, as many as fit in a number of events and of bytes.

Chunks move whole, so what is kept begins where a chunk does; a chunk that is not full stays, whatever its size. A full
chunk's buckets never change, so each is measured once; the sizes are kept in memory, and the next compactor measures
anew.
"""

from collections import OrderedDict
from typing import Final

from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Mongo

from .candidates import StreamState, hot_bytes

_STREAMS: Final = 10_000


class HotSizes:
    """Sizes of full chunks that are hot, of the tracks seen most recently."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, dict[int, int]] = OrderedDict()  # stream → {k: bytes}

    async def kept_events(
        self, mongo: Mongo, stream: StreamState, end: int, *, keep_events: int, keep_bytes: int
    ) -> int:
        """How many events of a track that ends at `end` stay: what its chunks below hold moves."""
        first_k, last_k = max(stream.cold, end - keep_events, 0) // CHUNK, (end - 1) // CHUNK
        sizes = await self._measure(mongo, stream, first_k, last_k, end)
        total = 0
        for k in range(last_k, first_k - 1, -1):
            total += sizes[k]
            if total > keep_bytes:
                return min(keep_events, max(0, end - (k + 1) * CHUNK))
        return keep_events

    async def _measure(self, mongo: Mongo, stream: StreamState, first_k: int, last_k: int, end: int) -> dict[int, int]:
        known = self._known.pop(stream.id, {})
        missing = [k for k in range(first_k, last_k + 1) if k not in known]
        sizes = {k: known[k] for k in range(first_k, last_k + 1) if k in known}
        if missing:
            # What is known lies below what is not, or nothing is: the rest is one range.
            begin, ends = missing[0] * CHUNK, [min((k + 1) * CHUNK, end) for k in range(missing[0], last_k + 1)]
            found = await hot_bytes(mongo, stream.id, max(begin, stream.cold), ends)
            sizes |= dict(zip(range(missing[0], last_k + 1), found, strict=True))
        self._known[stream.id] = {k: size for k, size in sizes.items() if (k + 1) * CHUNK <= end}
        if len(self._known) > _STREAMS:
            self._known.popitem(last=False)
        return sizes
