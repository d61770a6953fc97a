"""Slices of a record's blocks, cut by seq (where new events begin) and by index (where a bucket ends)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mldash.events.schema import Columns, Record, Rows, RunEvents, Signals
from mldash_ingest.documents.buckets import CHUNK, Source

EventBlock = Rows | Columns | RunEvents


class Piece(NamedTuple):
    """Events [start, stop) of a block; the first of them has the seq `first_seq`."""

    session: bytes
    first_seq: int
    block: EventBlock
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def cut(self, at: int) -> tuple["Piece", "Piece"]:
        """The first `at` events, and the rest."""
        middle = self.start + at
        return self._replace(stop=middle), self._replace(start=middle, first_seq=self.first_seq + at)


def pieces_of(record: Record, first_seq: int, end_seq: int) -> Iterator[Piece]:
    """The events with these seqs, a piece a block."""
    seq = record.first_seq
    for block in record.blocks:
        if isinstance(block, Signals):
            continue
        start, stop = max(first_seq, seq), min(end_seq, seq + block.count)
        if start < stop:
            yield Piece(record.session, start, block, start - seq, stop - seq)
        seq += block.count


def by_chunk(pieces: Iterable[Piece], next_index: int) -> Iterator[tuple[int, list[Piece]]]:
    """(first index, pieces) of each bucket: numbered from next_index on, cut where a chunk ends."""
    first, index, gathered = next_index, next_index, list[Piece]()
    for whole in pieces:
        piece = whole
        while piece.size:
            room = CHUNK - index % CHUNK
            if piece.size < room:  # the common case
                gathered.append(piece)
                index += piece.size
                break
            taken, piece = piece.cut(room)
            gathered.append(taken)
            index += taken.size
            if index % CHUNK == 0:
                yield first, gathered
                first, gathered = index, []
    if gathered:
        yield first, gathered


def halves(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The same events in two parts of about equal count, each at least one; for a bucket that grew too large."""
    left, right = list[Piece](), list[Piece]()
    wanted = sum(piece.size for piece in pieces) // 2
    for piece in pieces:
        if wanted >= piece.size:
            left.append(piece)
            wanted -= piece.size
        elif wanted > 0:
            before, after = piece.cut(wanted)
            left.append(before)
            right.append(after)
            wanted = 0
        else:
            right.append(piece)
    return left, right


def sources_of(pieces: Iterable[Piece]) -> list[Source]:
    """Which events these are, neighbours of one session joined."""
    sources = list[Source]()
    for piece in pieces:
        last = sources[-1] if sources else None
        if last and last.session == piece.session and last.first_seq + last.count == piece.first_seq:
            sources[-1] = Source(last.session, last.first_seq, last.count + piece.size)
        else:
            sources.append(Source(piece.session, piece.first_seq, piece.size))
    return sources
