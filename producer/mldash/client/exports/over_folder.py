"""Rows of one local run, page after page, as they were when they were first looked at; a file may need them twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mldash.events.identity import parse_prefix
from mldash.local.folder import experiment_folder
from mldash.local.reading.entry_windows import entry_windows
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.stream_rows import StreamRows
from mldash.local.reading.undrained import undrained_records

from .asked import AskedExport, Stream

Page = Sequence[dict[str, Any]]
Pages = Callable[[], Iterator[Page]]


def folder_pages(root: Path, prefix: str, stream: Stream, asked: AskedExport) -> Pages:
    """Of a metric or a track; both times the same rows."""
    named = parse_prefix(prefix)
    folder = experiment_folder(str(root), named.text)
    reader = LocalReader(folder, named, undrained=partial(undrained_records, folder))
    if stream.kind == "tracks":
        low, high = -math.inf if asked.start is None else asked.start, math.inf if asked.end is None else asked.end
        return partial(entry_windows, reader.track_rows(str(stream.name)), low, high, asked.fields)
    return partial(_points, reader.metric_rows(stream.name), asked)


def _points(rows: StreamRows, asked: AskedExport) -> Iterator[Page]:
    for page in rows.pages(asked.start_index, asked.end_index):
        yield [
            {"index": row["index"], "data": _chosen(row["data"], asked.fields), "createdAt": row["createdAt"]}
            for row in page
        ]


def _chosen(fields: dict[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    return fields if names is None else {name: fields[name] for name in names if name in fields}
