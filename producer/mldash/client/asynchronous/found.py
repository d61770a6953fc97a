"""The runs that pass a filter, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from mldash.client.found import FoundRuns
from mldash.client.rows import RunRow
from mldash.process.locks import reentrant_lock

_T = TypeVar("_T")


class AsyncFoundRuns:
    """The runs of `client.runs(…)`: `async for`, again and again. Nothing is asked before it is used, and each page
    once."""

    def __init__(self, found: FoundRuns) -> None:
        self._found = found
        self._asking = asyncio.Lock()
        self._working = reentrant_lock()
        """The thread of a call that was cancelled goes on: whoever comes next waits for it."""

    @property
    def columns(self) -> list[str]:
        """The columns of rows, beside `prefix`."""
        return self._found.columns

    async def __aiter__(self) -> AsyncIterator[RunRow]:
        at = 0
        while True:
            for row in self._found.fetched[at:]:
                at += 1
                yield row
            if at < len(self._found.fetched):
                continue
            if not await self._in_thread(partial(self._has_more, at)):
                return

    async def count(self) -> int:
        """How many runs pass, whatever the limit is. Raises as reads do."""
        return await self._in_thread(self._found.count)

    async def to_list(self) -> list[RunRow]:
        """All rows."""
        return await self._in_thread(self._found.to_list)

    async def to_arrow(self) -> Any:
        """As FoundRuns.to_arrow."""
        return await self._in_thread(self._found.to_arrow)

    async def to_pandas(self) -> Any:
        """As FoundRuns.to_pandas."""
        return await self._in_thread(self._found.to_pandas)

    async def to_polars(self) -> Any:
        """As FoundRuns.to_polars."""
        return await self._in_thread(self._found.to_polars)

    def _has_more(self, at: int) -> bool:
        return at < len(self._found.fetched) or self._found.fetch()

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        def alone() -> _T:
            with self._working:
                return call()

        async with self._asking:
            return await asyncio.to_thread(alone)

    def __repr__(self) -> str:
        return f"<Async{repr(self._found)[1:]}"
