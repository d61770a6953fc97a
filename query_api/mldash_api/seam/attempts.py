"""A read until nothing moved under it, within a bound. It starts over; it never answers with what may be wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mldash_api import instruments
from mldash_api.errors import ApiError, ChainHasGap, ReadOvertaken
from mldash_api.stores.streams import StreamRef
from mldash_ingest.documents.mongo import Mongo, Session

_Answer = TypeVar("_Answer")

DELAYS_S: Final = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Before each further attempt: a compactor passes in milliseconds, and a gap that stays is told within a second."""


class Moved(Exception):
    """The stream changed while it was read: start over. `gap_at`: an index that was in neither store."""

    def __init__(self, gap_at: int | None = None) -> None:
        super().__init__(gap_at)
        self.gap_at = gap_at


async def settled(mongo: Mongo, stream: StreamRef, read: Callable[[Session], Awaitable[_Answer]]) -> _Answer:
    """The answer of `read` in a causally consistent session of its own. Raises ReadOvertaken or ChainHasGap."""
    moved = Moved()
    for delay in DELAYS_S:
        async with await mongo.causal() as session:
            try:
                return await read(session)
            except Moved as caught:
                moved = caught
        instruments.restarts.labels(stream.kind).inc()
        await asyncio.sleep(delay)
    raise unsettled(stream, moved)


def unsettled(stream: StreamRef, moved: Moved) -> ApiError:
    """The error for a reader when every attempt ended like this one."""
    if moved.gap_at is not None:
        return ChainHasGap(str(stream), moved.gap_at)
    return ReadOvertaken(str(stream), len(DELAYS_S))
