"""The plan for a batch, made without I/O.

admission.py   which seqs of a record are new
pieces.py      slices of a record's blocks, cut by seq and by index
joining.py     pieces → columns
merging.py     columns with repeated times → one row a time
building.py    pieces → a bucket, by kind
room.py        do further events fit into the document that holds params or runs
appends.py     records of one stream, and what is known of it → the buckets to append
"""
