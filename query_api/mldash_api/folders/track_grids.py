"""A track of a local run on pixel columns (charts/tracks/cells.py)."""

from mldash.local.reading.entry_windows import entry_windows
from mldash.local.reading.reader import LocalReader
from mldash_api.charts.tracks.asking import AskedTrackGrid
from mldash_api.charts.tracks.cells import TrackGrid
from mldash_api.charts.tracks.numbers import pieces_of


def track_grid(reader: LocalReader, topic: str, asked: AskedTrackGrid) -> TrackGrid:
    """Of the track as it is now. Raises AnswerTooLarge."""
    rows = reader.track_rows(topic)
    times = rows.times()
    span = times and asked.span(*times)
    if span is None:
        return asked.nothing()
    cells = asked.cells(span)
    for entries in entry_windows(rows, span.low, span.high, asked.fields):
        for piece in pieces_of(entries, asked.fields):
            cells.add(piece)
    return cells.answer(asked.statistics)
