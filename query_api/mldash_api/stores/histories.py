"""Histories that stand in the document that they tell of: its newest lines, bounded in number and in bytes.

A change and its line are one update, which finds the version that the change was made from.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from mldash_ingest.documents.mongo import Collection

MOST_HISTORY: Final = 1_000
MOST_HISTORY_BYTES: Final = 4 << 20
"""Of all lines, each of which has what it changed twice: MongoDB takes no document of more than 16 MB."""


async def with_sizes(collection: Collection, id_: Any) -> Mapping[str, Any] | None:
    """A document; in the place of each line of its history how many bytes it has."""
    sizes = {"$map": {"input": "$history", "in": {"$bsonSize": "$$this"}}}
    found = collection.aggregate([{"$match": {"_id": id_}}, {"$set": {"history": sizes}}])
    return next(iter([one async for one in found]), None)


def pushed(sizes: Sequence[int], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `$push` does with `history`: these lines at its end, and as many of the older ones as there is room for."""
    left, kept = MOST_HISTORY_BYTES - len(msgspec.msgpack.encode(lines)), len(lines)
    for size in reversed(sizes):
        left -= size
        if left < 0 or kept == MOST_HISTORY:
            break
        kept += 1
    return {"$each": list(lines), "$slice": -kept}
