"""Of points in given columns the same are kept as a loop over each column keeps, in whatever order they come."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mldash_api.charts.dots import Dots, Numbers, kept, together

POINT = st.tuples(
    st.integers(0, 4), st.integers(-3, 3), st.one_of(st.integers(-3, 3), st.floats(-3, 3, width=16), st.just(2**62))
)


def dots_of(points: list[tuple[int, tuple[int, int, Any]]]) -> Dots:
    """(index, (column, x, y)) of each."""
    return Dots(
        Numbers.of_list([x for _, (_, x, _) in points]),
        Numbers.of_list([y for _, (_, _, y) in points]),
        np.array([index for index, _ in points], np.int64),
        np.array([column for _, (column, _, _) in points], np.int64),
    )


@given(st.lists(POINT, min_size=1, max_size=40), st.randoms(use_true_random=False), st.integers(0, 5))
def test_each_column_keeps_first_last_least_and_greatest(
    points: list[tuple[int, int, Any]], random: Any, again: int
) -> None:
    numbered = list(enumerate(points))
    expected = []
    for column in sorted({column for column, _, _ in points}):
        there = sorted(
            ((index, x, y) for index, (own, x, y) in numbered if own == column), key=lambda one: (one[1], one[0])
        )
        least = min(there, key=lambda one: one[2])
        greatest = max(there, key=lambda one: one[2])
        chosen = {there[0], there[-1], least, greatest}
        expected += [(column, *one) for one in there if one in chosen]
    mixed = numbered + numbered[:again]
    random.shuffle(mixed)
    half = len(mixed) // 2
    parts = [dots_of(part) for part in (mixed[:half], mixed[half:]) if part]
    found = kept(together(parts))
    y = found.y.to_list()
    got = list(zip(found.column.tolist(), found.indices.tolist(), found.x.to_list(), y, strict=True))
    assert got == expected
    assert list(map(type, y)) == [type(one[3]) for one in expected]
