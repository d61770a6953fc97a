"""Which streams of a run an export is of: those that were named, or all that the run has."""

from __future__ import annotations

from typing import NamedTuple

from mldash.client.open_run import OpenRun

from .asked import AskedExport, Stream


class FoundStreams(NamedTuple):
    """`missing`: what was named and is not there."""

    there: list[Stream]
    missing: list[Stream]


def streams_of(run: OpenRun, asked: AskedExport) -> FoundStreams:
    """In the order of metrics, tracks, logs, parameters. A run that is there has logs and parameters, perhaps none.

    None of what was named is there where nothing was logged to the run. Raises as reads do.
    """
    found = FoundStreams([], [])
    is_there = run.about() is not None
    if asked.metrics is None or asked.metrics:
        known = dict.fromkeys(Stream("metrics", one["name"]) for one in run.metrics.list()) if is_there else {}
        wanted = known if asked.metrics is None else [Stream("metrics", name) for name in asked.metrics]
        _sort_out(found, wanted, known)
    if asked.tracks is None or asked.tracks:
        known = dict.fromkeys(Stream("tracks", one["topic"]) for one in run.tracks.list()) if is_there else {}
        wanted = known if asked.tracks is None else [Stream("tracks", topic) for topic in asked.tracks]
        _sort_out(found, wanted, known)
    for stream, is_wanted in ((Stream("logs"), asked.logs), (Stream("params"), asked.params)):
        if is_wanted:
            (found.there if is_there else found.missing).append(stream)
    return found


def _sort_out(found: FoundStreams, wanted: dict[Stream, None] | list[Stream], known: dict[Stream, None]) -> None:
    for stream in dict.fromkeys(wanted):
        (found.there if stream in known else found.missing).append(stream)
