"""Which buckets and chunks have to be opened to count distinct timestamps."""

from hypothesis import given
from hypothesis import strategies as st

from mldash_api.tracks.tracks import Span, overlapping

spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=12)


@given(spans)
def test_no_time_is_in_two_groups_and_a_group_hangs_together(drawn: list[tuple[int, int]]) -> None:
    groups = overlapping([Span(float(start), float(start + length), 1) for start, length in drawn])
    assert sum(map(len, groups)) == len(drawn)
    covered = [{time for span in group for time in _times(span)} for group in groups]
    assert len(set().union(*covered)) == sum(map(len, covered))
    for times in covered:
        assert times == set(range(min(times), max(times) + 1)), "each meets another of its group"


def _times(span: Span) -> range:
    return range(int(span.t0), int(span.t1) + 1)
