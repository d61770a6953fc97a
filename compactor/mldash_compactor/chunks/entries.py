"""A track's chunk ↔ Parquet: `time` (float64 seconds, the entries' timestamps), rising, then the fields.

Entries of one timestamp are one, field by field, the later in index order winning: within a chunk for good, over chunks
and buckets by whoever reads (a late entry for an old time lies in a later chunk). Laying entries over one another is
associative, so the outcome does not depend on where buckets and chunks were cut.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from mldash.events.merging import merge_entries
from mldash_ingest.documents.columns import columns_of_events, events_of_columns, pack_times, unpack_times

from .objects import Encoded, decode_rows, encode_rows
from .parquet.metadata import Metadata
from .parquet.mixed_types import Field
from .rows import Cold, Part, join


def fold(parts: Sequence[Part]) -> Cold:
    """Neighbouring parts of a track, in index order, as one: rows in time order, one a timestamp."""
    if _follow_in_time(parts):
        return join(parts)
    merged: dict[float, dict[str, object]] = {}
    for part in parts:
        merge_entries(unpack_times(part.times), events_of_columns(part.columns, part.row_count), merged)
    times = sorted(merged)
    return Cold(
        first_index=parts[0].first_index,
        count=sum(part.count for part in parts),
        times=pack_times(times),
        columns=columns_of_events([merged[time] for time in times]),
    )


def encode(rows: Cold, metadata: Metadata, known: Sequence[Field] = ()) -> Encoded:
    """The object that holds these entries; `known`: the fields of the stream's chunks before it (inherited.py)."""
    times = np.frombuffer(rows.times, "<f8")
    return encode_rows(rows, metadata, {"time": pa.array(times)}, times, 0, known)


def decode(data: bytes, fields: Sequence[str] | None = None) -> Cold:
    """The entries of an object, with all fields or only these. Raises ChunkDamaged."""
    return decode_rows(data, fields)


def _follow_in_time(parts: Sequence[Part]) -> bool:
    """Whether every part begins after the one before has ended: then nothing meets, and columns are put end to end."""
    spans = [(times[0], times[-1]) for times in (np.frombuffer(part.times, "<f8") for part in parts) if len(times)]
    return all(before[1] < after[0] for before, after in pairwise(spans))
