"""Sets of seqs as lists of ranges [first, end) that rise and do not touch."""

from collections.abc import Iterable

from mldash.events.seen import Seen

Ranges = list[tuple[int, int]]


def stored_in(seen: Seen) -> Ranges:
    """The seqs that are stored."""
    return subtract([(0, seen.hi)] if seen.hi else [], seen.holes)


def subtract(ranges: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> Ranges:
    """`ranges` without `taken`, which may be in any order and overlap."""
    left = list(ranges)
    for first, end in taken:
        cut: Ranges = []
        for begin, stop in left:
            if end <= begin or stop <= first:
                cut.append((begin, stop))
                continue
            if begin < first:
                cut.append((begin, first))
            if end < stop:
                cut.append((end, stop))
        left = cut
    return left


def intersect(ranges: Iterable[tuple[int, int]], other: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges in both."""
    whole = list(ranges)
    return subtract(whole, subtract(whole, other))


def length(ranges: Iterable[tuple[int, int]]) -> int:
    return sum(end - first for first, end in ranges)
