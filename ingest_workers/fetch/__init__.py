"""Kafka → batches.

decode.py      a record's bytes → what it says, or why it is set aside
batches.py     the next batch while this one is written; commits
assignment.py  partitions come and go
"""
