"""Calls in a thread, with their signatures and their documentation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same call, awaited. Who is cancelled waits no more; the request goes on to its end, and its answer is
    dropped."""

    @wraps(function)
    async def call(*args: P.args, **keywords: P.kwargs) -> T:
        return await asyncio.to_thread(function, *args, **keywords)

    return call


def made(function: Callable[P, T], make: Callable[[T], R]) -> Callable[P, R]:
    """The same call, which asks nothing of a server; `make` of what it returns."""

    @wraps(function)
    def call(*args: P.args, **keywords: P.kwargs) -> R:
        return make(function(*args, **keywords))

    return call
