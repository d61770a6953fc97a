"""Points and entries as the API exports them: its bytes are the file's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mldash.remote.queries import metric_query

from .asked import AskedExport, Stream

if TYPE_CHECKING:
    from mldash.remote.streaming import OpenAnswer


def route_of(prefix: str, stream: Stream, asked: AskedExport) -> tuple[str, dict[str, Any]]:
    """The path, and what stands behind it."""
    query: dict[str, Any] = {"prefix": prefix, "format": asked.format, "nonfinite": asked.nonfinite}
    if stream.kind == "tracks":
        times = {"start": asked.start, "end": asked.end}
        return "/v1/tracks/export", {**query, "topic": stream.name, "columns": asked.fields, **times}
    limit = None if asked.end_index is None else max(0, asked.end_index - asked.start_index)
    points = {"start_index": asked.start_index, "limit": limit, "fields": asked.fields}
    return "/v1/metrics/export", {**query, **metric_query(stream.name), **points}


def each_piece(answer: OpenAnswer) -> Iterator[bytes]:
    """To its end. Raises ServerUnreachable where it breaks off: what came before is no whole file."""
    try:
        while data := answer.read():
            yield data
    finally:
        answer.close()
