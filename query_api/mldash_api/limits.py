"""How much one request may ask, hold and take.

What an operator sets is in settings.py. Where the SDK has to agree, the number and its reason are in
mldash/answers/limits.py; how large names and events may be is in mldash/events/limits.py.
"""

from typing import Final

# What may be asked.

MOST_WRITTEN_STREAMS: Final = 10_000
"""In one Mldash-Written header: each is looked up in MongoDB until it is stored. The SDK sends a hundred at once."""

MOST_TIMES: Final = 1_000
"""Of /v1/tracks/at: each stands in the address, and is looked for by itself."""

MOST_VIEWS: Final = 100
"""Experiments of /v1/metrics/views: each is a view of its own."""

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

SCHEMA_CHUNKS_AT_ONCE: Final = 100
"""Manifest entries that are read together for a file's columns: each names the fields of its chunk."""

# How long it takes.

DEFAULT_WAIT_S: Final = 10.0
"""For what the reader wrote, where it does not say how long; a worker stores within some tenths of a second."""

KAFKA_TIMEOUT_S: Final = 10.0
"""For partition counts: an SDK that connects gives up after half a minute, and shall hear why before."""

READY_TIMEOUT_S: Final = 6.0
"""For each server of /readyz: longer than MongoDB's driver looks for a primary (5 s), so that its reason is told."""
