"""Looks until one finds something: whenever something was heard, and now and then.

What was heard may be readable a moment later than it is told (the index of runs is one behind): the first look waits
for that, and those behind it come in growing pauses, close together at first. Between two looks there is a rest as
long as a look took, so that many who wait share a machine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mldash.errors import RequestRefused, ServerUnreachable
from mldash_api.agents.threads import in_thread

from .hearing import Hearing

Found = TypeVar("Found")

_FIRST_S: Final = 0.1
_FACTOR: Final = 1.5
_MOST_S: Final = 0.6
"""Between looks by the clock alone."""
_MOST_HEARD_S: Final = 5.0
"""Between looks while a stream tells of everything."""
_REST_S: Final = (0.2, 0.6)
"""Behind a look, at least and at most."""
_PROGRESS_S: Final = 4.0
_PASSING: Final = (429, 502, 503, 504)
"""Statuses of an API that restarts, or has too much to do."""


async def until(
    look: Callable[[], Found | None],
    timeout_s: float,
    hearing: Hearing,
    tell: Callable[[float], Awaitable[None]],
    ending: asyncio.Event,
    was_away: Callable[[float], None],
) -> Found | None:
    """What `look` has found, the first time that it is not None; None: nothing in this time, or before `ending`.

    `look` runs in a thread, one at a time. `tell` is given the seconds so far, every few seconds; `was_away` how long
    the API has not answered, before the look that it answers, or at the end. Raises what they raise; of `look`, once it
    has returned, nothing that passes by itself. Where the caller is cancelled, the look in hand ends by itself and
    nothing comes after it.
    """
    begun = told = answered = time.monotonic()
    pause, has_returned = _FIRST_S, False
    while True:
        hearing.heard.clear()
        looked, found = time.monotonic(), None
        try:
            found = await in_thread(look)
            has_returned, answered = True, time.monotonic()
        except (ServerUnreachable, RequestRefused) as error:
            if not has_returned or not _passes(error):
                raise
            was_away(time.monotonic() - answered)
        now = time.monotonic()
        end = begun + timeout_s
        if found is not None or now >= end or ending.is_set():
            return found
        rest = min(max(now - looked, _REST_S[0]), _REST_S[1])
        next_look = min(end, now + max(rest, min(pause, _MOST_HEARD_S if hearing.is_open else _MOST_S)))
        pause *= _FACTOR
        while (now := time.monotonic()) < next_look and not ending.is_set():
            if await _one_of(hearing.heard, ending, min(next_look, told + _PROGRESS_S) - now):
                worth_at = max(looked + rest, time.monotonic() + hearing.settles_s)
                pause, next_look = _FIRST_S, min(next_look, worth_at)
                hearing.heard.clear()
            if time.monotonic() - told >= _PROGRESS_S:
                told = time.monotonic()
                await tell(told - begun)


async def _one_of(heard: asyncio.Event, ending: asyncio.Event, within_s: float) -> bool:
    """Whether something was heard in this time, or before the ending."""
    waits = [asyncio.create_task(one.wait()) for one in (heard, ending)]
    try:
        await asyncio.wait(waits, timeout=max(0.0, within_s), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
    return heard.is_set()


def _passes(error: ServerUnreachable | RequestRefused) -> bool:
    return isinstance(error, ServerUnreachable) or error.status in _PASSING
