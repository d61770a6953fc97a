"""The cold store: ranges of a chain as Parquet objects on S3, and the manifest that says which of them count.

    s3.py           the objects: put, get, range, list, delete; the only module that imports aioboto3
    uploads.py      an object that is put in parts
    s3_errors.py    what an error of S3 means
    keys.py         an object's key: owner=…/project=…/experiment=…/gen=…/stream=…/{k}-{epoch}.parquet
    checksum.py     CRC32C
    manifest.py     a chunk's document: intent, lease, fence and live object in one
    join_intents.py intents on neighbouring chunks at once
    rows.py         the rows of a range, hot or cold, as columns
    parquet/        rows ↔ Parquet: which types, encodings and pages
    objects.py      one chunk as the bytes of an object
    points.py       of metrics · entries.py  of tracks: what the rows of each mean
    summaries.py    of each numeric field: a chunk's, and finer ones for every 500 rows
    levels.py       coarser ones over many chunks, in a collection of their own
    joined.py       neighbouring chunks in one object, their files end to end
    errors.py       what can go wrong

A reader takes `cold` from the stream's document, `manifest.live_chunks` below it, `objects.read_chunk` of each
`live`, which checks the bytes, and `points.decode` or `entries.decode`: the result has the columns of a hot bucket.
"""
