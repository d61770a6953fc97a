"""Ranges say what sets of seqs would."""

from hypothesis import given
from hypothesis import strategies as st

from mldash.events.seen import Seen
from mldash_api.audit.ranges import Ranges, intersect, length, stored_in, subtract

RANGES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
)


def as_set(ranges: Ranges) -> set[int]:
    return {seq for first, end in ranges for seq in range(first, end)}


def normal(ranges: Ranges) -> Ranges:
    """Rising and not touching, as they are kept."""
    merged: Ranges = []
    for first, end in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((first, end))
    return merged


@given(RANGES, RANGES)
def test_subtracting_and_intersecting_are_those_of_sets(one: Ranges, other: Ranges) -> None:
    left, both = subtract(normal(one), other), intersect(normal(one), other)
    assert as_set(left) == as_set(one) - as_set(other)
    assert as_set(both) == as_set(one) & as_set(other)
    assert length(left) == len(as_set(left))
    assert left == sorted(left)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=12))
def test_what_is_stored_is_everything_below_the_highest_but_for_the_holes(parts: list[tuple[int, int]]) -> None:
    seen, stored = Seen(), set[int]()
    for first, count in parts:
        for fresh in seen.fresh(first, first + count):
            seen.add(fresh.first, fresh.end)
        stored |= set(range(first, first + count))
    assert as_set(stored_in(seen)) == stored
