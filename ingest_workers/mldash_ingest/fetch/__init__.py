"""Kafka → batches.

decode.py        a record's bytes → what it says, or why it is set aside
float_rows.py    rows of floats of many records → columns, at once
uniform_rows.py  rows of numbers → columns, without an object a value
lines.py         rows of log lines → columns
sizes.py         does what a record says fit into documents
positions.py     does a fetch begin where the last one ended
batches.py       the next batch while this one is written; commits
assignment.py    partitions come and go
continuity.py    is a partition still the one that its committed offset speaks of
"""
