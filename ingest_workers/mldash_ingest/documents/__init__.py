"""The hot store: MongoDB's collections and what stands in their documents (docs/protocol.md 2).

This folder is the face of `ingest_workers` for everything downstream. In reading order:

  collections.py   every collection, its fields and indexes
  columns.py       values of many events, packed a column a field
  buckets.py       a bucket of a chain ↔ its document
  column_statistics.py  a packed column's part in the statistics of its field
  run_states.py    the fold of run events
  snapshot.py      the fold of the first `next` events of a chain, pure
  crowd.py         sessions moved out of a crowded snapshot
  walk.py          along a chain by exact boundaries
  mongo.py         the only module that imports motor
"""
