"""Which seqs of a session are stored: ranges with holes, held against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from mldash.events.seen import HOLES, Fresh, Seen

ranges = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), max_size=25)


@given(ranges)
def test_it_agrees_with_a_set_of_all_seqs(drawn: list[tuple[int, int]]) -> None:
    seen, stored = Seen(), set[int]()
    for first, count in drawn:
        fresh = seen.fresh(first, first + count)
        new = [seq for part in fresh for seq in range(part.first, part.end)]
        assert new == [seq for seq in range(first, first + count) if seq not in stored]
        assert all(part.late == (bool(stored) and part.first < max(stored)) for part in fresh)
        for part in fresh:
            seen.add(part.first, part.end)
        stored.update(new)
    assert {seq for seq in range(70) if seq in seen} == stored
    assert seen.missing == (max(stored) + 1 - len(stored) if stored else 0)
    assert Seen.from_document(seen.to_document()) == seen


def test_the_next_seqs_of_a_session_are_one_fresh_part() -> None:
    assert Seen(7).fresh(7, 9) == [Fresh(7, 9, False)]


def test_a_session_may_have_a_bounded_number_of_holes() -> None:
    seen = Seen()
    for number in range(HOLES):
        assert not seen.would_open_one_too_many(2 * number + 1, 2 * number + 2)
        seen.add(2 * number + 1, 2 * number + 2)
    assert seen.would_open_one_too_many(2 * HOLES + 1, 2 * HOLES + 2)
    assert not seen.would_open_one_too_many(2 * HOLES, 2 * HOLES + 1), "the next seq opens none"
    assert not seen.would_open_one_too_many(0, 1), "filling a hole opens none"


overlapping = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=8)


def seen_of(drawn: list[tuple[int, int]]) -> tuple[Seen, set[int]]:
    seen, seqs = Seen(), set[int]()
    for first, count in drawn:
        seen.add(first, first + count)
        seqs |= set(range(first, first + count))
    return seen, seqs


@given(overlapping)
def test_ranges_that_overlap_are_taken_in_as_sets(drawn: list[tuple[int, int]]) -> None:
    seen, seqs = seen_of(drawn)
    assert {seq for seq in range(40) if seq in seen} == seqs


@given(overlapping, overlapping)
def test_two_unite_as_sets(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    (seen, seqs), (more, others) = seen_of(one), seen_of(other)
    seen.unite(more)
    assert {seq for seq in range(40) if seq in seen} == seqs | others
    assert all(first < end <= seen.hi for first, end in seen.holes)
