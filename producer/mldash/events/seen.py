"""The seqs of a session that are stored in a stream: all below `hi`, except the holes.

    [hi, a1, b1, a2, b2, …]    stored are [0, hi) without [a1, b1), [a2, b2), …; holes rise and lie below hi

Why holes and not the highest seq alone: a replayed dead letter, a repair, or a broker that forgot a producer brings an
earlier seq after a later one, and 'highest' would throw it away (docs/protocol.md 3.4). Loss is the length of the
holes.
"""

from typing import NamedTuple

from msgspec import Struct

HOLES = 64
"""Of one session in one stream; what would open one more is set aside."""


class Fresh(NamedTuple):
    """Seqs [first, end) that are not stored yet; late: they fill a hole, so they come after later ones."""

    first: int
    end: int
    late: bool


class Seen(Struct):
    """The stored seqs of one session in one stream."""

    hi: int = 0
    holes: list[tuple[int, int]] = []

    def __contains__(self, seq: int) -> bool:
        return seq < self.hi and not any(first <= seq < end for first, end in self.holes)

    def fresh(self, first: int, end: int) -> list[Fresh]:
        """The parts of [first, end) that are not stored, in order."""
        parts = [
            Fresh(max(first, hole_first), min(end, hole_end), True)
            for hole_first, hole_end in self.holes
            if hole_first < end and first < hole_end
        ]
        if end > self.hi:
            parts.append(Fresh(max(first, self.hi), end, False))
        return parts

    def would_open_one_too_many(self, first: int, end: int) -> bool:
        """Whether storing [first, end) would leave more than HOLES holes."""
        if first == self.hi:
            return False  # the common case: the next seqs of the session
        after = Seen(self.hi, list(self.holes))
        for part in after.fresh(first, end):
            after.add(part.first, part.end)
        return len(after.holes) > HOLES and len(after.holes) > len(self.holes)

    def add(self, first: int, end: int) -> None:
        """[first, end) is stored; of what was known to be stored before, nothing changes."""
        if first >= self.hi:
            if first > self.hi:
                self.holes = [*self.holes, (self.hi, first)]
            self.hi = end
            return
        holes = []
        for hole_first, hole_end in self.holes:
            if end <= hole_first or hole_end <= first:
                holes.append((hole_first, hole_end))
                continue
            if hole_first < first:
                holes.append((hole_first, first))
            if end < hole_end:
                holes.append((end, hole_end))
        self.holes = holes
        self.hi = max(self.hi, end)

    def has_all_of(self, other: "Seen") -> bool:
        united = Seen(self.hi, list(self.holes))
        united.unite(other)
        return united.to_document() == self.to_document()

    def unite(self, other: "Seen") -> None:
        """Everything that the other one has is stored too."""
        first = 0
        for hole_first, hole_end in [*other.holes, (other.hi, other.hi)]:
            if first < hole_first:
                self.add(first, hole_first)
            first = hole_end

    @property
    def missing(self) -> int:
        """Seqs in holes."""
        return sum(end - first for first, end in self.holes)

    def to_document(self) -> list[int]:
        return [self.hi, *(bound for hole in self.holes for bound in hole)]

    @classmethod
    def from_document(cls, flat: list[int]) -> "Seen":
        bounds = flat[1:]
        return cls(flat[0], list(zip(bounds[::2], bounds[1::2], strict=True)))
