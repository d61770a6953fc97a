"""A file as a route sends it: what of a stream is in it, its schema where the format needs one, its bytes as they come.

What is wrong with the first piece is raised before the file begins, and is an answer of its own; a fault on the way
ends the connection in the middle, so that no broken file looks whole.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

from mldash.answers.mcap import check_times
from mldash.answers.rows import NonFinite
from mldash_api.errors import WrongParameter
from mldash_api.experiments.about import NOTHING_SAID, read_about
from mldash_api.stores.streams import Stores, StreamRef
from mldash_api.tracks.entries import Asked
from mldash_api.tracks.windows import plan_windows, windows

from . import entries, points
from .entries import EntryFormat, entry_export
from .points import PointFormat, point_export
from .ranges import begun, find_extent, no_pieces, pieces
from .schemas import entry_schema, point_schema
from .tables import ENTRY_OWN, SchemaOf
from .writing import written


class AskedPoints(NamedTuple):
    """Points from `first_index` on, `limit` of them (None: all), with these fields (None: all)."""

    first_index: int
    limit: int | None
    fields: Sequence[str] | None


async def point_file(
    stores: Stores, stream: StreamRef | None, asked: AskedPoints, format: PointFormat, nonfinite: NonFinite
) -> AsyncGenerator[bytes]:
    """Of no stream: a file without points."""
    rows, schema = no_pieces(), SchemaOf(asked.fields)
    if stream is not None:
        extent = await find_extent(stores, stream, asked.first_index, asked.limit)
        rows = await begun(pieces(stores, stream, extent, asked.fields))
        if format in points.WITH_SCHEMA:
            schema = await point_schema(stores, stream, extent, asked.fields)
    return written(rows, point_export(format, schema.schema(), asked.fields, nonfinite))


async def entry_file(
    stores: Stores, stream: StreamRef | None, topic: str, asked: Asked, format: EntryFormat, nonfinite: NonFinite
) -> AsyncGenerator[bytes]:
    """Of no stream: a file without entries."""
    rows, schema, about = no_pieces(), SchemaOf(asked.fields, ENTRY_OWN), NOTHING_SAID
    if stream is not None:
        plan = await plan_windows(stores, stream, asked)
        if format == "mcap" and plan.span is not None:
            _check_mcap_times(*plan.span)
        rows = await begun(windows(stores, stream, asked, plan))
        about = await read_about(stores, stream)
        if format in entries.WITH_SCHEMA:
            schema = await entry_schema(stores, stream, asked)
    return written(rows, entry_export(format, topic, about, schema, asked.fields, nonfinite))


def _check_mcap_times(first: float, last: float) -> None:
    """MCAP has no times before 1970."""
    try:
        check_times(first, last)
    except (ValueError, OverflowError) as error:
        raise WrongParameter("format", str(error)) from None
