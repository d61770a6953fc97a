"""Hot and cold as one. No HTTP: routes ask, and the rooms beside this one answer by it.

A read looks at the stream's cold end, takes the chunks below it and the chain from it on, and looks at the cold end
once more; ranges that moved meanwhile are read anew (docs/protocol.md 5). Reads never block writes. In reading order:

  attempts.py       a read until nothing moved under it, within a bound
  hot.py            the chain's buckets, by exact boundaries
  cold.py           the chunks below the cold end
  rows.py           rows of buckets and chunks → events
  snapshots.py      what follows from a whole chain
  chain_ends.py     many chains by places and counts
"""
