"""The rules for a bucket or a chunk by itself. Pure."""

from collections.abc import Iterator
from itertools import pairwise
from math import isfinite

from mldash_ingest.documents.buckets import CHUNK, Bucket
from mldash_ingest.documents.columns import Column, unpack_times


def problems_of(part: Bucket) -> Iterator[str]:
    """Each broken rule as a sentence; none for a sound part."""
    if part.count < 1 or part.first_index // CHUNK != (part.end_index - 1) // CHUNK:
        yield f"it says that it holds {part.count} events from {part.first_index} on: a part lies within one chunk"
    from_sources = sum(source.count for source in part.sources)
    if from_sources != part.count or any(source.count < 1 or source.first_seq < 0 for source in part.sources):
        yield f"its sources count {from_sources} events, and it says {part.count}"
    if len(part.times) % 8:
        yield f"its times have {len(part.times)} bytes"
        return
    yield from _problems_of_times(part)
    for column in part.columns:
        yield from _problems_of_column(column, part.row_count)


def _problems_of_times(part: Bucket) -> Iterator[str]:
    rows = part.row_count
    if part.kind != "tracks":
        if rows != part.count:
            yield f"it has {rows} rows for {part.count} events"
        return
    times = unpack_times(part.times)
    if not 1 <= rows <= part.count:
        yield f"it has {rows} entries of {part.count} events"
    if not all(before < after for before, after in pairwise(times)) or not all(map(isfinite, times)):
        yield "its entries are not in time order, one a time"
    elif rows and (times[0], times[-1]) != (part.t0, part.t1):
        yield f"its entries are of {times[0]} … {times[-1]}, and it says {part.t0} … {part.t1}"


def _problems_of_column(column: Column, rows: int) -> Iterator[str]:
    wanted = rows
    if column.present is not None:
        bits = int.from_bytes(column.present, "little")
        wanted = bits.bit_count()
        if bits.bit_length() > rows:
            yield f"column {column.name!r} says that it has values behind the last row"
    try:
        found = len(column.packed())
    except Exception as error:  # whatever bytes that mean nothing make of a decoder
        yield f"column {column.name!r} can't be read: {type(error).__name__}: {error}"
        return
    if found != wanted:
        yield f"column {column.name!r} has {found} values for {wanted} rows"
