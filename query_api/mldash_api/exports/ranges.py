"""A range of points in pieces, however long it is, in constant memory: for files and for programs.

The range ends where the stream ended at the first look; each piece is read by itself, hot and cold as one.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import NamedTuple

from msgspec import structs

from mldash_api.limits import EXPORT_PIECE_POINTS
from mldash_api.points.points import read_range
from mldash_api.seam import hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.rows import Rows
from mldash_api.stores.streams import Stores, StreamRef
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Session


class Extent(NamedTuple):
    """Indices [first, end), of which those below `cold` were cold at the first look."""

    first: int
    end: int
    cold: int


async def find_extent(stores: Stores, stream: StreamRef, first_index: int, limit: int | None) -> Extent:
    """The part of a range that the stream has now; `limit` None: all that follows."""

    async def look(session: Session) -> Extent:
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return Extent(first_index, first_index, first_index)
        chain_end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
        await hot.look_again(stores.mongo, session, stream.id, seam.cold)
        first = max(first_index, seam.floor)
        end = chain_end if limit is None else min(chain_end, first_index + limit)
        return Extent(first, max(first, end), seam.cold)

    return await settled(stores.mongo, stream, look)


async def pieces(
    stores: Stores, stream: StreamRef, extent: Extent, fields: Sequence[str] | None
) -> AsyncGenerator[list[Rows]]:
    """The rows, in index order. Raises DamagedRange where an object is broken: what came before is whole."""
    first, stores = extent.first, structs.replace(stores, chunks=stores.chunks.passing())
    while first < extent.end:
        # Pieces end where chunks do, so that each is read once.
        count = EXPORT_PIECE_POINTS - (first % CHUNK if EXPORT_PIECE_POINTS > CHUNK else 0)
        found = await read_range(stores, stream, first, min(count, extent.end - first), fields)
        if found.count:
            yield found.rows
        elif found.first_index <= first:
            return  # the stream has become shorter: the experiment was deleted meanwhile
        # Where retention has raised the floor meanwhile, the file goes on there: what is left is in it.
        first = found.first_index + found.count


async def no_pieces() -> AsyncGenerator[list[Rows]]:
    """Of what is not there."""
    for rows in list[list[Rows]]():
        yield rows


async def begun(rows: AsyncGenerator[list[Rows]]) -> AsyncGenerator[list[Rows]]:
    """The same once the first piece is read: what is wrong with it is still an answer of its own."""
    first = await anext(rows, None)

    async def go_on() -> AsyncGenerator[list[Rows]]:
        async with aclosing(rows):
            if first is not None:
                yield first
            async for one in rows:
                yield one

    return go_on()
