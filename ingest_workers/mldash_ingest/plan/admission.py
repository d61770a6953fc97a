"""The new seqs of a record: docs/protocol.md 3.4."""

from mldash.events.schema import Record
from mldash.events.seen import Fresh, Seen


def admit(record: Record, seen: Seen) -> list[Fresh] | None:
    """The seqs of the record that are not stored, in order; None where it would open one hole too many."""
    first, end = record.first_seq, record.first_seq + record.count
    return None if seen.would_open_one_too_many(first, end) else seen.fresh(first, end)
