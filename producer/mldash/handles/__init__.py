"""`experiment.metrics`, `.tracks`, `.params` and `.logs`: a user's values in, events out; and reads.

handle.py            what all four share
metrics.py (metric.py: one of them)  tracks.py  params.py  logs.py
point_calls.py       log() made for the fields that a loop logs
values.py            what may be logged → plain data · parameter_values.py  the lenient form, of parameters
bulk_columns.py      what log_many and append_many are given · library_columns.py  columns of pandas, Polars, Arrow
timestamps.py        `_ts` · summaries.py  buffer and summary_cache
log_text.py          what a log line is given → text · logging_handler.py  Python's logging → logs
"""
