"""How a waiting tool learns of news: it looks again and again, at most a second apart.

The one place that a live stream can take: whoever waits gives a look and is told when it has found something.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from .threads import in_thread

Found = TypeVar("Found")

_FIRST_S: Final = 0.1
_MOST_S: Final = 1.0
_FACTOR: Final = 1.5
_PROGRESS_S: Final = 4.0


async def until(
    look: Callable[[], Found | None],
    timeout_s: float,
    tell: Callable[[float], Awaitable[None]],
    ending: asyncio.Event,
) -> Found | None:
    """What `look` has found, the first time that it is not None; None: nothing in this time, or before `ending`.

    `look` runs in a thread, one at a time. `tell` is given the seconds so far, every few seconds. Raises what they
    raise. Where the caller is cancelled, the look in hand ends by itself and nothing comes after it.
    """
    begun, pause = time.monotonic(), _FIRST_S
    told = begun
    while True:
        found = await in_thread(look)
        now = time.monotonic()
        if found is not None or now - begun >= timeout_s or ending.is_set():
            return found
        if now - told >= _PROGRESS_S:
            told = now
            await tell(now - begun)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), max(0.0, min(pause, begun + timeout_s - now)))
        pause = min(_MOST_S, pause * _FACTOR)
