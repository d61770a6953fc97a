"""The receiver of the journal's records in local mode: plain files. (In remote mode: delivery/publisher.py.)"""

from collections.abc import Sequence
from typing import Protocol

from mldash.events.schema import Record


class Sink(Protocol):
    """Takes records of one session in the order of its journal, on one background thread.

    A record's blocks are decoded: schema.Rows, schema.Columns or schema.RunEvents, never signals. A run of events that
    have float or int values only may come as Columns, however it was logged. `record.session` says whose they are:
    what a dead session left comes through the same sink, before or between the own records, in that session's order.
    """

    def deliver(self, records: Sequence[Record]) -> None:
        """Returns when the records are in the files for good: then they are checkpointed, and their segment may go.

        After a crash, or where it raised, the same events come again: under the same session, stream and seq, perhaps
        cut into other records. Whoever takes them drops the seqs that it has. What it raises (a full disk) is reported,
        and the same records come again after a growing delay.
        """
        ...

    def settle(self) -> None:
        """Somebody waits for what was delivered: write what follows from it too, where that is little."""
        ...

    def take_over(self, session: bytes) -> None:
        """A dead session's rest is delivered next: what its process had put off is to be done by this one."""
        ...

    def finish(self, session: bytes) -> None:
        """All of a session was delivered; its journal is deleted next. Raises nothing for what can't be noted."""
        ...

    def close(self) -> None:
        """Nothing comes any more."""
        ...
