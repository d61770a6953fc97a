"""What waits in Kafka, for operators. In reading order:

lag.py       of each partition, what the workers have not stored yet
letters.py   what was set aside, read onwards from where it was read to
waiting.py   both, asked for at most once in a few seconds for all callers
"""
