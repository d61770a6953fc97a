"""Which seqs of a record are new: docs/protocol.md 3.4."""

from mldash.ingest_workers.documents.seen import Fresh, Seen
from mldash.producer.events.schema import Record


def admit(record: Record, seen: Seen) -> list[Fresh] | None:
    """The seqs of the record that are not stored, in order; None where it would open one hole too many.

    `seen` takes them in, so that the next record of the session is held against them.
    """
    first, end = record.first_seq, record.first_seq + record.count
    if seen.would_open_one_too_many(first, end):
        return None
    parts = seen.fresh(first, end)
    for part in parts:
        seen.add(part.first, part.end)
    return parts
