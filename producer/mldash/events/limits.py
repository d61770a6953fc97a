"""How large things may be. What is above a limit raises at the call, with its size and the limit (docs/sdk.md)."""

NAME_BYTES = 1024
"""Of a metric's name, a topic, a field or a parameter's key, in UTF-8."""

SEGMENT_BYTES = 200
"""Of one segment of a prefix, in UTF-8: it is a folder's name in local mode, and may have to be escaped there."""

CALL_BYTES = 15 * 1024 * 1024
"""Of one call, encoded as the journal has it, with its time and names: what it takes no worker refuses, for that counts
less around the values. A MongoDB document holds 16 MiB, and one event always fits into one bucket."""

COLUMN_BYTES = 64
"""At most, around the packed values of one column of a call, and around all of them, beside names and shapes."""

PARAMS_BYTES = 8 * 1024 * 1024
"""Of all parameters of an experiment together: they are folded into one document."""

PARAMS_KEYS = 100_000
"""Parameters of one experiment."""

RECORD_BYTES = 16 * 1024 * 1024 - 64 * 1024
"""Of one Kafka record: the largest call and what stands around it. Brokers and topics are set to at least 16 MiB."""

RECORD_TARGET_BYTES = 256 * 1024
"""Where the packer closes a record: large enough to amortise a record's cost, small enough to be handled at once."""

RECORD_EVENTS = 5_000
"""Events in one record at most, so that a record never makes more than one full bucket by itself."""

NESTING = 64
"""Depth of lists and dicts within one value."""

TRACEBACK_BYTES = 4 * 1024
"""Of the traceback kept with a run's end; a longer one goes to the log in full."""

ABOUT_BYTES = 1024 * 1024
"""Of a description, a readme, tags, metadata or a run's context, encoded: each stands in a document with others."""
