"""What the journals in an experiment's folder hold: of this process, of others, of the dead."""

from collections.abc import Iterator

from mldash.producer.events.schema import Record
from mldash.producer.journal.rounds import Gatherer
from mldash.producer.journal.scan import Scan, StoredSource
from mldash.producer.journal.session_folder import find_sessions
from mldash.producer.local.folder import Folder


def undrained_records(folder: Folder) -> Iterator[Record]:
    """Records from each session's checkpoint on, decoded, session after session in the order of their starts.

    Reads only; a session that is drained and removed meanwhile gives what was read of it.
    """
    for session in find_sessions(folder.journal):
        gatherer = Gatherer(Scan(StoredSource(session)), session.head.prefix, decoded=True, after=session.checkpoint())
        while (found := gatherer.next_round()) is not None:
            yield from found.records
