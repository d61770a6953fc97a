"""Columns ↔ Parquet. Nothing of S3, and nothing of the manifest.

columns.py      types, encodings and pages, for points and entries alike
parts.py        the same a row group at a time, for a chunk that is too large to be held
mixed_types.py  values of one field → a typed Parquet column, or MessagePack where the type changes
marks.py        which numbers of a column are integers, and which nulls are None
names.py        what a field's column is called
inherited.py    the columns of earlier chunks that a chunk goes on with
metadata.py     what an object says of itself
pages.py        some rows and fields, from a small part of an object's bytes
footer.py       the footer that makes files end to end one Parquet file · thrift.py  its bytes
"""
