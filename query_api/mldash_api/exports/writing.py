"""A file that is sent while it is written: its format turns each piece, and the end, into bytes."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from mldash.answers.rows import NonFinite, jsonl_bytes
from mldash_api.seam.rows import Rows


class Export(Protocol):
    """One file that is being written."""

    def piece(self, rows: Sequence[Rows]) -> bytes:
        """What can be sent now."""
        ...

    def finish(self) -> bytes: ...


class JsonLines:
    """A line for each of what `items_of` makes of the rows."""

    def __init__(self, items_of: Callable[[Sequence[Rows]], Sequence[Mapping[str, Any]]], nonfinite: NonFinite) -> None:
        self._items_of, self._nonfinite = items_of, nonfinite

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return jsonl_bytes(self._items_of(rows), self._nonfinite)

    def finish(self) -> bytes:
        return b""


async def written(pieces: AsyncGenerator[Sequence[Rows]], export: Export) -> AsyncGenerator[bytes]:
    """The file, piece after piece; the next is read when the one before is on its way."""
    # Where the reader goes, the reading ends with the writing, and not when the collector comes to it.
    async with aclosing(pieces):
        async for rows in pieces:
            data = await asyncio.to_thread(export.piece, rows)
            if data:
                yield data
        yield await asyncio.to_thread(export.finish)
