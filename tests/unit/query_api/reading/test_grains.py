"""A view is put together of the coarsest summaries that are fine enough, and nothing is left out or taken twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mldash_api.charts.grains import Stretch, Summarised, cover, merged, sample
from mldash_api.charts.shape import GRAINS, POINT, grain_of

ENDS = st.integers(0, 250_000_000)


@given(ENDS, ENDS, st.sampled_from(GRAINS), ENDS, ENDS)
def test_stretches_follow_each_other_from_the_first_index_to_the_end(
    first: int, end: int, grain: int, cold: int, joined: int
) -> None:
    stretches = cover(first, end, grain, Summarised(cold, min(joined, cold) // 1_000_000 * 1_000_000))
    if first >= end:
        assert stretches == []
        return
    assert (stretches[0].first, stretches[-1].end) == (first, end)
    assert all(before.end == after.first for before, after in pairwise(stretches))
    for one in stretches:
        assert one.grain <= grain
        assert one.first % one.grain == 0 == one.end % one.grain
        assert one.grain == POINT or one.end <= cold
    # Beside the coarsest only the ends are fine: what is cold costs a bounded number of points.
    points = sum(one.end - one.first for one in stretches if one.grain == POINT and one.end <= cold // 10_000 * 10_000)
    assert grain == POINT or points < 2 * GRAINS[1]


def test_a_summary_is_never_wider_than_a_pixel_column() -> None:
    assert [grain_of(width) for width in (0.2, 499.9, 500, 99_999, 100_000, 1e9)] == [
        *(1, 1, 500, 10_000, 100_000),
        10_000_000,
    ]


@given(st.lists(st.tuples(st.integers(0, 50_000_000), st.integers(1, 3_000_000)), max_size=5))
def test_a_sample_of_points_has_at_most_so_many_and_says_so(parts: list[tuple[int, int]]) -> None:
    whole, at = [], 0
    for gap, count in parts:
        whole.append(Stretch(POINT, at + gap, at + gap + count))
        at += gap + count
    chosen, sampled = sample(whole, 1_000_000)
    count = sum(one.end - one.first for one in whole)
    assert sampled == (count > 1_000_000)
    assert sum(one.end - one.first for one in chosen) <= 1_000_000
    assert chosen == whole if not sampled else chosen[0].first == whole[0].first
    assert all(any(one.first >= of.first and one.end <= of.end for of in merged(whole)) for one in chosen)
