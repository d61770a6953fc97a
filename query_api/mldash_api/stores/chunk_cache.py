"""Decoded chunks in memory; those used least recently leave first. The object under a key never changes, so an entry
here never becomes stale."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from copy import copy
from time import perf_counter
from typing import Final

from mldash_api import instruments
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.s3 import ObjectStore

from .part_reads import PartReads

Decode = Callable[[bytes, Sequence[str] | None], Cold]
Place = tuple[str, int]
"""An object's key, and where in it a chunk begins."""

_SHARE: Final = 8
"""An object of more than this part of the cache would only push others out: of it the fields asked for are decoded."""


class ChunkCache:
    """Chunks of one object store, `capacity_bytes` of them at most."""

    def __init__(self, objects: ObjectStore, capacity_bytes: int, tail_bytes: int) -> None:
        self._objects, self._capacity = objects, capacity_bytes
        self.parts = PartReads(objects, tail_bytes)
        self._held: OrderedDict[Place, tuple[Cold, int]] = OrderedDict()
        self.held_bytes = 0
        self._keeps = True

    def passing(self) -> "ChunkCache":
        """The same for a read that goes over very much once: it finds what is held here, and pushes nothing out."""
        made = copy(self)
        made._keeps = False
        return made

    async def get(self, live: Live, decode: Decode, fields: Sequence[str] | None, indices: range | None = None) -> Cold:
        """The chunk with at least these fields, and at least the rows of these indices (None: all of them).

        Raises ObjectMissing, ChunkDamaged, StoreUnreachable, StoreRefused.
        """
        place = live.key, live.offset
        held = self._held.get(place)
        if held is not None:
            self._held.move_to_end(place)
            instruments.cache_hits.inc()
            return held[0]
        begun = perf_counter()
        part = await self.parts.rows(live, fields, indices)
        if part is not None:
            instruments.chunk_seconds.observe(perf_counter() - begun)
            return part
        data = await read_chunk(self._objects, live)
        wanted = None if self._keeps and live.bytes * _SHARE <= self._capacity else fields
        chunk = await asyncio.to_thread(decode, data, wanted)
        instruments.chunk_bytes.inc(len(data))
        instruments.chunk_seconds.observe(perf_counter() - begun)
        if wanted is None and self._keeps:
            self._hold(place, chunk)
        return chunk

    def _hold(self, place: Place, chunk: Cold) -> None:
        size = len(chunk.times) + sum(column.stored_bytes for column in chunk.columns)
        if size * _SHARE > self._capacity or place in self._held:
            return
        self._held[place] = chunk, size
        self.held_bytes += size
        while self.held_bytes > self._capacity:
            _, (_, freed) = self._held.popitem(last=False)
            self.held_bytes -= freed
        instruments.cache_bytes.set(self.held_bytes)
