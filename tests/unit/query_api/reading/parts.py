"""Buckets made of events, as a worker packs them."""

from collections.abc import Sequence
from typing import Any

from mldash.events.merging import merge_entries
from mldash_compactor.chunks.rows import Cold
from mldash_ingest.documents.columns import columns_of_events, pack_times


def part_of(events: Sequence[dict[str, Any]], times: Sequence[float] | None = None, first_index: int = 0) -> Cold:
    """A row an event."""
    stamps = [float(first_index + row) for row in range(len(events))] if times is None else times
    return Cold(first_index=first_index, count=len(events), times=pack_times(stamps), columns=columns_of_events(events))


def track_part(entries: Sequence[tuple[float, dict[str, Any]]]) -> Cold:
    """A row a time, in time order."""
    merged = merge_entries([time for time, _ in entries], [fields for _, fields in entries])
    order = sorted(merged)
    return part_of([merged[time] for time in order], order)
