"""How much one request may ask, hold and take.

What an operator sets is in settings.py. Where the SDK has to agree, the number and its reason are in
mldash/answers/limits.py; how large names and events may be is in mldash/events/limits.py.
"""

from typing import Final

# What may be asked.

MOST_WRITTEN_STREAMS: Final = 10_000
"""In one Mldash-Written header: each is looked up in MongoDB until it is stored. The SDK sends a hundred at once."""

MOST_VIEW_POINTS: Final = 4_000_000
"""Of all views of one answer: 100 experiments, 10 fields each, in 1,000 pixel columns, of which each keeps four."""

MOST_GRID_CELLS: Final = 2_000_000
"""Fields of all runs of /v1/metrics/grid, times its columns: each cell is some ten numbers while it is made."""

MOST_COMPARED: Final = 1_000_000
"""Values of one comparison: a hundred experiments with ten thousand names."""

MOST_TIMES: Final = 1_000
"""Of /v1/tracks/at: each stands in the address, and is looked for by itself."""

MOST_TRACK_FIELDS: Final = 10
"""Of /v1/tracks/grid: the numbers of each, of lists up to 16, are in memory for as many entries as are read at once."""

MOST_VIEWS: Final = 100
"""Experiments of /v1/metrics/views: each is a view of its own."""

MOST_RUN_FIELDS: Final = 500
"""Columns of one page of runs: each is looked up for every row of the page."""

MOST_GROUP_FIELDS: Final = 4
"""Levels of groups within each other."""

MOST_GROUP_VALUES: Final = 10
"""Of each a bootstrap is made in every group."""

MOST_CHANGED: Final = 200
"""Experiments of one change: each is two writes that a majority has to have."""

MOST_TAGS_AT_ONCE: Final = 100

MOST_TAG_LETTERS: Final = 256

MOST_NOTE_BYTES: Final = 64 << 10
"""A page of text; what is longer belongs into a readme."""

MOST_LOGS: Final = 100
"""Experiments whose lines are merged: the log of each is looked into for every page."""

MOST_MERGED_LINES: Final = 10_000
"""Of a page of them: it is kept in order while they come."""

MOST_LINE_FIELDS: Final = 10
"""Fields of metadata that one request asks for."""

MOST_SESSIONS: Final = 1_000
"""That one request names; likewise ranks."""

MOST_RANK: Final = 2**31
"""MPI's and torchrun's are 32 bits wide."""

MOST_SAVED_VIEWS: Final = 1_000
"""Of one scope: a list of more names is nothing to choose from."""

MOST_CARDS: Final = 500
"""Of a saved view: each is a chart, and its layout."""

MOST_LETTERS: Final = 200
"""Of an experiment's title, of a card's name."""

MOST_CARD_BYTES: Final = 64 << 10
MOST_CARD_DEPTH: Final = 64
"""Lists and objects within each other: what answers go through by calls within calls."""

MOST_VIEW_BYTES: Final = 1 << 20
"""Of all cards: its history has them twice, and a document of MongoDB has 16 MB."""

MOST_SHORT_URLS: Final = 10_000
"""Of one subject: each has up to MOST_ADDRESS_BYTES."""

MOST_BODY_BYTES: Final = 1 << 20
"""Of a request; a route that takes more says so itself."""

MOST_ADDRESS_BYTES: Final = 65_535
"""Of the path and query: httptools takes no longer ones apart."""

MOST_HEAD_BYTES: Final = 512 << 10
"""Address and headers together: MOST_WRITTEN_STREAMS stand in one header."""

# What is given where nothing is asked for: what a terminal or a first look can show.

DEFAULT_ROWS: Final = 1_000
DEFAULT_EXPERIMENTS: Final = 100
DEFAULT_COLUMNS: Final = 1_000

# What one answer holds in memory, while it is made.

RAW_POINTS: Final = 1_000_000
"""Points that a view is made of where it has no summaries to be made of; of more, parts that lie evenly."""

VIEW_PIECE_POINTS: Final = 100_000
"""Of these points so many are read together, and thinned out to what the chart shows before the next ones."""

EXPORT_PIECE_POINTS: Final = 50_000
"""Of a file of points, a row group of Parquet: large enough to compress well, and some are held at once."""

WINDOW_ROWS: Final = 50_000
"""Likewise of a file of entries, about so many in one window of time."""

MOST_WINDOW_ROWS: Final = 4 * WINDOW_ROWS
"""A window that turns out to hold more is cut to WINDOW_ROWS; one that is a little larger is not worth it."""

HOT_EVENTS_AT_ONCE: Final = 100_000
"""Of a track's chain, so many are looked through by one query: its buckets are in memory together."""

SEARCHES_AT_ONCE: Final = 2
"""Threads that look through log lines: more of them would leave the event loop less of Python's lock."""

SCHEMA_CHUNKS_AT_ONCE: Final = 100
"""Manifest entries that are read together for a file's columns: each names the fields of its chunk."""

# How long it takes.

DEFAULT_WAIT_S: Final = 10.0
"""For what the reader wrote, where it does not say how long; a worker stores within some tenths of a second."""

KAFKA_TIMEOUT_S: Final = 10.0
"""For partition counts: an SDK that connects gives up after half a minute, and shall hear why before."""

READY_TIMEOUT_S: Final = 6.0
"""For each server of /readyz: longer than MongoDB's driver looks for a primary (5 s), so that its reason is told."""
