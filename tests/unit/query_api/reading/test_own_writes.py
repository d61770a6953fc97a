"""How many of the seqs below a number are missing."""

from hypothesis import given
from hypothesis import strategies as st

from mldash.events.seen import Seen
from mldash_api.experiments.own_writes import missing_below


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=12), st.integers(0, 60))
def test_it_agrees_with_a_set_of_all_seqs(ranges: list[tuple[int, int]], next_seq: int) -> None:
    seen, stored = Seen(), set[int]()
    for first, count in ranges:
        for part in seen.fresh(first, first + count):
            seen.add(part.first, part.end)
        stored.update(range(first, first + count))
    assert missing_below(seen, next_seq) == len(set(range(next_seq)) - stored)
