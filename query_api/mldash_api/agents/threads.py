"""The threads in which tools read.

They are of their own: a read within the API (http/inside.py) waits for a request that is answered by the event loop,
which may need one of the loop's usual threads for it. Where reads had taken all of these, both would wait for ever.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar

_MOST: Final = 32

_Arguments = ParamSpec("_Arguments")
_ResultT = TypeVar("_ResultT")

_threads = ThreadPoolExecutor(_MOST)
share: Final[ContextVar[asyncio.Semaphore | None]] = ContextVar("share", default=None)
"""Of the threads, what the caller in hand may take at once. None: all."""


async def in_thread(
    call: Callable[_Arguments, _ResultT], *arguments: _Arguments.args, **named: _Arguments.kwargs
) -> _ResultT:
    """What the call returns, or raises. It goes on where the caller is cancelled."""
    async with share.get() or contextlib.nullcontext():
        return await asyncio.wrap_future(_threads.submit(call, *arguments, **named))
