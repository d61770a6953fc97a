"""Summaries of every 500 rows that were read from joined objects; those used least recently leave first.

As in chunk_cache.py, the object under a key never changes. A chart that is drawn again, or another part of it, finds
the summaries of its objects here.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence

from mldash_compactor.chunks import joined
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.chunks.summaries import FieldBlocks

_Place = tuple[str, frozenset[str] | None]
"""An object's key, and the fields that were asked for."""


class BlockCache:
    """Of one object store, `capacity_bytes` of them at most."""

    def __init__(self, objects: ObjectStore, capacity_bytes: int) -> None:
        self._objects, self._capacity = objects, capacity_bytes
        self._held: OrderedDict[_Place, Sequence[FieldBlocks]] = OrderedDict()
        self.held_bytes = 0

    async def get(self, live: Live, names: Collection[str] | None) -> Sequence[FieldBlocks]:
        """As joined.read_blocks, with its errors."""
        place = live.key, None if names is None else frozenset(names)
        held = self._held.get(place)
        if held is not None:
            self._held.move_to_end(place)
            return held
        found = await joined.read_blocks(self._objects, live, names)
        if place not in self._held:
            self._held[place] = found
            self.held_bytes += _size(found)
        while self.held_bytes > self._capacity:
            self.held_bytes -= _size(self._held.popitem(last=False)[1])
        return found


def _size(blocks: Sequence[FieldBlocks]) -> int:
    return 200 + sum(len(one.records) for one in blocks)
