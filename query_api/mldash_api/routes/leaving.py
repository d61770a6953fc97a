"""Work that ends with its caller, for nobody waits for the answer once the connection is gone; and with its time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import Request

from mldash_api.run_errors import ChartTooLong

_Answer = TypeVar("_Answer")


async def while_connected(request: Request[Any, Any, Any], work: Coroutine[Any, Any, _Answer]) -> _Answer | None:
    """The outcome of the work, which is cancelled where the caller goes away first; None: there is no one to take it.

    Of a request without a body: what arrives after it is the end of the connection.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_leaves(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.wait({working, leaving})


async def within(limit_s: float, work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """The outcome of gathering a chart's columns, which is cancelled when the time is over. Raises ChartTooLong."""
    try:
        async with asyncio.timeout(limit_s) as limit:
            return await work
    except TimeoutError:
        if not limit.expired():  # of something below
            raise
        raise ChartTooLong(limit_s) from None


async def _leaves(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
