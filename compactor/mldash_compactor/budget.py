"""A limit on the bytes of chunks in memory at once, whatever the size of one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteBudget:
    """Chunks enter while their bytes fit, in the order in which they came; one that is larger than all enters alone."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def reserve(self, wanted_bytes: int) -> AsyncIterator[None]:
        """Wait for room, and give it back."""
        taken = min(wanted_bytes, self._limit_bytes)
        if self._waiting or self._used_bytes + taken > self._limit_bytes:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((taken, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back(taken)  # it was let in just before it was cancelled
                raise
        else:
            self._used_bytes += taken
        try:
            yield
        finally:
            self._give_back(taken)

    def _give_back(self, taken: int) -> None:
        self._used_bytes -= taken
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.cancelled():
                if self._used_bytes + size > self._limit_bytes:
                    return
                self._used_bytes += size
                turn.set_result(None)
            self._waiting.popleft()
