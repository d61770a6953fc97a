"""Pieces → a bucket, by kind. Each kind's columns mean what documents/buckets.py and snapshot.py say."""

from collections.abc import Sequence
from math import isfinite

import msgspec
import numpy as np

from mldash.events.field_statistics import is_number
from mldash.events.levels import LEVELS
from mldash.events.merging import merge_entries
from mldash.events.schema import RunEvents
from mldash_ingest.documents.buckets import BUCKET_BYTES, Bucket
from mldash_ingest.documents.columns import ABSENT, Column, columns_of_events, pack_events, pack_times, unpack_times
from mldash_ingest.documents.run_states import StoredRunEvent

from .joining import columns_of, events_of, times_of
from .merging import merge_columns
from .pieces import Piece, halves, sources_of

_FEW_TIMES = 200  # for which Python is the quicker
_ENCODED_LEVELS = {level: msgspec.msgpack.encode(level) for level in LEVELS}


def build(stream: bytes, kind: str, first_index: int, pieces: Sequence[Piece]) -> list[Bucket]:
    """The bucket of these events, or several where one would be larger than 8 MiB; one event alone may be."""
    bucket = _bucket(stream, kind, first_index, pieces)
    if bucket.stored_bytes <= BUCKET_BYTES or bucket.count == 1:
        return [bucket]
    left, right = halves(pieces)
    middle = first_index + sum(piece.size for piece in left)
    return [*build(stream, kind, first_index, left), *build(stream, kind, middle, right)]


def _bucket(stream: bytes, kind: str, first_index: int, pieces: Sequence[Piece]) -> Bucket:
    times, columns = times_of(pieces), list[Column]()
    if kind == "tracks":
        times, columns = _entries(times, pieces)
    elif kind == "params":
        columns = [pack_events(events_of(pieces))]
    elif kind == "runs":
        columns = [_run_events(pieces)]
    else:
        columns = columns_of(pieces)
    t0, t1 = _span(times, columns if kind == "metrics" else ())
    return Bucket(
        stream=stream,
        kind=kind,
        first_index=first_index,
        count=sum(piece.size for piece in pieces),
        sources=sources_of(pieces),
        t0=t0,
        t1=t1,
        times=times,
        columns=columns,
        levels=_levels(columns) if kind == "logs" else None,
    )


def _entries(times: bytes, pieces: Sequence[Piece]) -> tuple[bytes, list[Column]]:
    """Sorted by time, entries of one time merged in index order."""
    stamps = np.frombuffer(times, "<f8")
    columns = columns_of(pieces)
    if (stamps[1:] > stamps[:-1]).all():
        return times, columns
    if all(column.type != "events" for column in columns):
        return merge_columns(stamps, columns)
    merged = merge_entries(stamps.tolist(), events_of(pieces))
    order = sorted(merged)
    return pack_times(order), columns_of_events([merged[time] for time in order])


def _run_events(pieces: Sequence[Piece]) -> Column:
    events = list[StoredRunEvent]()
    for piece in pieces:
        assert isinstance(piece.block, RunEvents)
        for offset, event in enumerate(piece.block.events[piece.start : piece.stop]):
            events.append(StoredRunEvent(piece.session, piece.first_seq + offset, event))
    return Column("event", "values", msgspec.msgpack.encode(events))


def _span(times: bytes, columns: Sequence[Column]) -> tuple[float, float]:
    """Least and greatest time: `_ts` where it is given, else that of logging."""
    given = next((column for column in columns if column.name == "_ts" or column.type == "events"), None)
    if given is None:
        if len(times) < _FEW_TIMES * 8:
            few = unpack_times(times)
            return min(few), max(few)
        logged = np.frombuffer(times, "<f8")
        return float(logged.min()), float(logged.max())
    stamps = given.values(len(times) // 8)
    if given.type == "events":
        stamps = [event.get("_ts", ABSENT) for event in stamps]
    known = [
        float(stamp) if is_number(stamp) and isfinite(stamp) else time
        for stamp, time in zip(stamps, unpack_times(times), strict=True)
    ]
    return min(known), max(known)


def _levels(columns: Sequence[Column]) -> dict[str, int]:
    """Counted in the bytes: each value is the level's name behind its head, a byte that names never contain."""
    encoded = next((column.data for column in columns if column.name == "level"), b"")
    counts = {level: encoded.count(name) for level, name in _ENCODED_LEVELS.items()}
    return {level: count for level, count in counts.items() if count}
