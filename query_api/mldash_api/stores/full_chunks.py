"""Manifest entries of full chunks in memory, for charts of long streams: a hundred of them for each million points.

What such an entry says of its events never changes, for these are cold and final. What else it depends on comes from
the stream's document, which every request reads: whether the stream is there at all, from which index on (floor), up to
where it is cold, and whether its chunks are joined. So ask for indices in [floor, cold) alone; entries that were read
when a span's chunks lay apart no longer count once the document says that they are joined. Where the bytes lie can
change beside that: whoever misses an object looks at its entry anew (seam/cold.py, judged), and drops it here.
"""

from collections import OrderedDict
from typing import Final

from msgspec import Struct, field

from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.levels import RECORDS, SPAN
from mldash_compactor.chunks.manifest import Chunk
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Mongo

_ENTRY_BYTES: Final = 1_500
"""Of an entry's objects in Python, beside the texts and bytes that users' fields make long."""

_Place = tuple[bytes, int]
"""A stream, and the number of a span of it."""


class _Span(Struct):
    """`joined`: what the stream's document said of the span when these were read."""

    joined: bool
    chunks: dict[int, Chunk] = field(default_factory=dict)
    size: int = 0


class FullChunks:
    """`capacity_bytes` of them at most; those of spans that were used least recently leave first."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._held: OrderedDict[_Place, _Span] = OrderedDict()
        self.held_bytes = 0

    async def get(self, mongo: Mongo, stream: bytes, first_k: int, end_k: int, joined: int) -> list[Chunk]:
        """The full ones of the chunks first_k … end_k - 1, in order; `joined`: as the stream's document says now."""
        found = list[Chunk]()
        for number in range(first_k // RECORDS, -(-end_k // RECORDS)):
            first, end = max(first_k, number * RECORDS), min(end_k, (number + 1) * RECORDS)
            span = await self._span(mongo, (stream, number), range(first, end), joined=joined >= (number + 1) * SPAN)
            found += [span[k] for k in range(first, end) if k in span]
        return found

    def drop(self, stream: bytes, k: int) -> None:
        """Ask MongoDB the next time for the span of chunk k."""
        span = self._held.pop((stream, k // RECORDS), None)
        if span is not None:
            self.held_bytes -= span.size

    async def _span(self, mongo: Mongo, place: _Place, ks: range, *, joined: bool) -> dict[int, Chunk]:
        """At least these chunks of one span, as far as they are full."""
        held = self._held.get(place)
        if held is None or held.joined != joined:
            self.drop(place[0], ks.start)
            held = _Span(joined)
        else:
            self._held.move_to_end(place)
        missing = [k for k in ks if k not in held.chunks]
        if not missing:
            return held.chunks
        read = await manifest.live_chunks(mongo, place[0], missing[0], missing[-1])
        full = {one.k: one for one in read if one.live is not None and one.live.end == (one.k + 1) * CHUNK}
        self._hold(place, _Span(joined, held.chunks | full))
        return held.chunks | full

    def _hold(self, place: _Place, span: _Span) -> None:
        self.drop(place[0], place[1] * RECORDS)
        span.size = sum(_size(one) for one in span.chunks.values())
        self._held[place] = span
        self.held_bytes += span.size
        while self.held_bytes > self._capacity:
            self.held_bytes -= self._held.popitem(last=False)[1].size


def _size(chunk: Chunk) -> int:
    assert chunk.live is not None, "full chunks are live"
    return _ENTRY_BYTES + len(chunk.live.schema) + len(chunk.live.summaries) + len(chunk.live.key)
