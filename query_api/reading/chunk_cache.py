"""Decoded chunks in memory, those used least recently leaving first. What a key names never changes, so nothing here
ever has to be thrown away for being old."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from mldash.compactor.chunks.checksum import check
from mldash.compactor.chunks.manifest import Live
from mldash.compactor.chunks.rows import Cold
from mldash.compactor.chunks.s3 import ObjectStore
from mldash.query_api import instruments

Decode = Callable[[bytes, Sequence[str] | None], Cold]

_SHARE: Final = 8
"""An object of more than this part of the cache would only push others out: of it the fields asked for are decoded."""


class ChunkCache:
    """Chunks of one object store, `capacity_bytes` of them at most."""

    def __init__(self, objects: ObjectStore, capacity_bytes: int) -> None:
        self._objects, self._capacity = objects, capacity_bytes
        self._held: OrderedDict[str, tuple[Cold, int]] = OrderedDict()
        self.held_bytes = 0

    async def get(self, live: Live, decode: Decode, fields: Sequence[str] | None) -> Cold:
        """The chunk with at least these fields. Raises ObjectMissing, ChunkDamaged, StoreUnreachable, StoreRefused."""
        held = self._held.get(live.key)
        if held is not None:
            self._held.move_to_end(live.key)
            instruments.cache_hits.inc()
            return held[0]
        begun = perf_counter()
        data = await self._objects.get(live.key)
        wanted = None if live.bytes * _SHARE <= self._capacity else fields
        chunk = await asyncio.to_thread(_checked, live, data, decode, wanted)
        instruments.chunk_bytes.inc(len(data))
        instruments.chunk_seconds.observe(perf_counter() - begun)
        if wanted is None:
            self._hold(live.key, chunk)
        return chunk

    def _hold(self, key: str, chunk: Cold) -> None:
        size = len(chunk.times) + sum(column.stored_bytes for column in chunk.columns)
        if size * _SHARE > self._capacity or key in self._held:
            return
        self._held[key] = chunk, size
        self.held_bytes += size
        while self.held_bytes > self._capacity:
            _, (_, freed) = self._held.popitem(last=False)
            self.held_bytes -= freed
        instruments.cache_bytes.set(self.held_bytes)


def _checked(live: Live, data: bytes, decode: Decode, fields: Sequence[str] | None) -> Cold:
    check(live.key, data, live.crc32c)
    return decode(data, fields)
