"""Parts of large chunks: the pages of some rows and columns, where these are few of the object's bytes.

A chunk of the usual size is read whole by one small request, and the next read finds it in the cache. A chunk that
holds vectors, long texts or hundreds of fields is read in parts: its tail (page indexes and footer, checked by their
CRC32C, kept in memory) says which pages are wanted, and these alone are fetched.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from mldash_api import instruments
from mldash_compactor.chunks import checksum
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.parquet import pages
from mldash_compactor.chunks.parquet.pages import Span, Tail
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.s3 import ObjectStore

_LARGE_BYTES: Final = 1 << 20
_SHARE: Final = 4
"""Where the pages are more than this part of the chunk, it is read whole, and kept."""

_MOST_SPANS: Final = 16
_PARSED: Final = 32
"""What a byte of a footer takes once it is parsed; its text stays as it is."""


class PartReads:
    """Of the chunks of one object store; tails take `capacity_bytes` of memory at most."""

    def __init__(self, objects: ObjectStore, capacity_bytes: int) -> None:
        self._objects, self._capacity = objects, capacity_bytes
        self._tails: OrderedDict[tuple[str, int], tuple[Tail, int]] = OrderedDict()
        self.held_bytes = 0

    async def tail(self, live: Live) -> Tail | None:
        """Page indexes, footer and the text in it; None of a chunk whose manifest entry does not say where it begins.

        Raises ObjectMissing, ChunkDamaged, StoreUnreachable, StoreRefused.
        """
        if not live.tail_bytes:
            return None
        place = live.key, live.offset
        held = self._tails.get(place)
        if held is not None:
            self._tails.move_to_end(place)
            return held[0]
        data = await self._get(live, Span(live.bytes - live.tail_bytes, live.bytes))
        checksum.check(live.key, data, live.tail_crc32c)
        tail = await asyncio.to_thread(pages.read_tail, live.bytes, data)
        self._hold(place, tail)
        return tail

    async def rows(self, live: Live, fields: Sequence[str] | None, indices: range | None) -> Cold | None:
        """These rows (None: all) and fields (None: all); None where reading the whole chunk is better.

        Raises ObjectMissing, ChunkDamaged, StoreUnreachable, StoreRefused.
        """
        if live.bytes < _LARGE_BYTES or (fields is None and indices is None):
            return None
        tail = await self.tail(live)
        plan = None if tail is None else pages.plan(tail, fields, indices)
        if tail is None or plan is None or len(plan.spans) > _MOST_SPANS or plan.total_bytes * _SHARE > live.bytes:
            return None
        fetched = await asyncio.gather(*(self._get(live, span) for span in plan.spans))
        try:
            return await asyncio.to_thread(pages.decode, tail, plan, dict(zip(plan.spans, fetched, strict=True)))
        except ChunkDamaged as error:
            raise ChunkDamaged(live.key, error.reason) from error

    async def _get(self, live: Live, span: Span) -> bytes:
        length = span.stop - span.start
        data = await self._objects.get_range(live.key, live.offset + span.start, length)
        if len(data) != length:
            raise ChunkDamaged(live.key, f"{len(data)} bytes came of {length} from {live.offset + span.start} on")
        instruments.chunk_bytes.inc(length)
        return data

    def _hold(self, place: tuple[str, int], tail: Tail) -> None:
        text = sum(map(len, tail.text.values()))
        size = text + _PARSED * (len(tail.data) - text)
        if size > self._capacity or place in self._tails:
            return
        self._tails[place] = tail, size
        self.held_bytes += size
        while self.held_bytes > self._capacity:
            _, (_, freed) = self._tails.popitem(last=False)
            self.held_bytes -= freed
