"""Reads of calls that are in hand at once: those who ask the same as the same caller share one.

A hundred who wait for one run look when something of it is told, and would ask the API a hundred times for the same.
Nobody is given an answer that was begun before they asked: who asks while one is being read shares the next, which
begins when that one has ended, or beside it where it takes long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Final

_PATIENCE_S: Final = 1.0

ReadAnswer = tuple[int, str, bytes, Mapping[str, str]]
"""Status, content type, body, headers."""
Ask = Callable[[], Awaitable[ReadAnswer]]


class SharedReads:
    """Within one event loop."""

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        """`patience_s`: so long a read waits for the one before it."""
        self._patience_s = patience_s
        self._latest = dict[Hashable, _Read]()

    async def read(self, same: Hashable, ask: Ask) -> ReadAnswer:
        """The answer of `ask`, or of another one with the same `same` that begins from now on. Raises what it raises;
        who is cancelled ends it where nobody else waits for it."""
        latest = self._latest.get(same)
        if latest is None or latest.has_begun:
            behind = None if latest is None else latest.reading
            latest = self._latest[same] = _Read(ask, behind, self._patience_s)
            latest.reading.add_done_callback(lambda _: self._forget(same))
        return await latest.answer()

    def _forget(self, same: Hashable) -> None:
        if (latest := self._latest.get(same)) is not None and latest.reading.done():
            del self._latest[same]


class _Read:
    def __init__(self, ask: Ask, behind: "asyncio.Task[ReadAnswer] | None", patience_s: float) -> None:
        self.has_begun = False
        self._asking = 0
        self.reading = asyncio.create_task(self._read(ask, behind, patience_s))

    async def answer(self) -> ReadAnswer:
        self._asking += 1
        try:
            return await asyncio.shield(self.reading)
        finally:
            self._asking -= 1
            if not self._asking:
                self.has_begun = True  # nobody joins what is given up
                self.reading.cancel()

    async def _read(self, ask: Ask, behind: "asyncio.Task[ReadAnswer] | None", patience_s: float) -> ReadAnswer:
        if behind is not None and not behind.done():
            await asyncio.wait([behind], timeout=patience_s)
        self.has_begun = True
        return await ask()
