"""Hot and cold as one. No HTTP: routes ask, these files answer.

A read looks at the stream's cold end, takes the chunks below it and the chain from it on, and looks at the cold end
once more; what moved meanwhile is read anew (docs/protocol.md 5). Reads never block writes. In reading order:

  streams.py        what a request names → ids, with the generation that counts now
  attempts.py       a read until nothing moved under it, within a bound
  hot.py            the chain's buckets, by exact boundaries
  cold.py           the chunks below the cold end · chunk_cache.py  their decoded columns, bounded
                    block_cache.py  the summaries of every 500 rows, likewise
  rows.py           rows of buckets and chunks → events
  own_writes.py     wait until what the reader itself wrote is stored
  chain_ends.py     many chains by places and counts
  snapshots.py      what follows from a whole chain, carried forward from the stream's snapshot

  points.py         of metrics, by index: the seam of hot and cold
  packed_points.py  points as MessagePack, laid out by hand
  export.py         a range in pieces, however long · tables.py  as Arrow · schemas.py  what its columns will be
  views.py          what a chart needs of a metric
    grains.py       of which summaries, and where of points · summaries.py  these, wherever they lie
    drawing.py      what is kept of a pixel column · dots.py  the same as arrays
  entries.py        of tracks, by time, merged field by field in index order
  windows.py        any stretch of a track in windows of time, however long
  moments.py        entries at given times, and at a fixed rate
  lines.py          of logs, by index, time, level and text
  params.py         folded
  metrics.py        lists and statistics of metrics · tracks.py  lists of tracks
  experiments.py    description and status · sessions.py  each process's own
  audit/            what was written against what is stored
"""
