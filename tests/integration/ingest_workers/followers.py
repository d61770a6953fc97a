"""A follower of the world's topics, and what it was given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mldash.connections.following import Follower
from tests.world import World

from .emitting import eventually


@asynccontextmanager
async def following(world: World, *, stored: bool, beginning: bool = True) -> AsyncIterator[list[tuple[bytes, int]]]:
    """(session, seq) of the metrics' events that a follower was given so far."""
    given: list[tuple[bytes, int]] = []
    follower = Follower(world.servers, ["metrics"], stored=stored, beginning=beginning)

    async def follow() -> None:
        async for followed in follower:
            given.extend((followed.record.session, event.seq) for event in followed.events)

    async with follower:
        task = asyncio.create_task(follow())
        try:
            yield given
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(given: list[tuple[bytes, int]], count: int) -> None:
    async def enough() -> bool:
        return len(given) >= count

    await eventually(enough)
