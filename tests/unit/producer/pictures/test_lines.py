"""The lines of a view: through every extreme, and never across a place where there was no number."""

import math
from typing import Any

from mldash.answers.downsample import ViewRequest, draw
from mldash.answers.shapes import MetricView
from mldash.pictures.lines import lines_of


def view_of(x: str = "index", points: int = 1000, **columns: list[Any]) -> MetricView:
    """As `metrics(name).view()` makes it of these columns."""
    count = len(next(iter(columns.values())))
    return draw(ViewRequest(x=x, columns=points), lambda: [(columns.get(x, range(count)), columns)])


def test_a_line_is_broken_where_there_was_no_number() -> None:
    lines = lines_of(view_of(loss=[1.0, 2.0, math.nan, math.nan, 3.0, 4.0]), "loss", 100)
    assert lines.stretches == [[(0, 1.0), (1, 2.0)], [(4, 3.0), (5, 4.0)]]


def test_a_pixel_column_without_a_number_breaks_a_line_of_many_points() -> None:
    values = [float(at) for at in range(20_000)]
    values[8_000:9_000] = [math.nan] * 1_000
    for most in (100, 1_000):
        lines = lines_of(view_of(points=100, loss=values), "loss", most)
        first, second = lines.stretches
        assert first[-1][0] < 8_000 and second[0][0] >= 9_000


def test_a_spike_is_in_the_line_however_narrow_that_is() -> None:
    values = [0.0] * 50_000
    values[33_333], values[12_345] = 99.0, -7.0
    lines = lines_of(view_of(points=10_000, loss=values), "loss", 20)
    assert lines.range == (-7.0, 99.0)
    assert sum(map(len, lines.stretches)) <= 4 * 20


def test_an_infinity_breaks_the_line_and_has_a_mark() -> None:
    lines = lines_of(view_of(loss=[1.0, math.inf, 2.0, -math.inf, 3.0]), "loss", 100)
    assert (lines.above, lines.below) == ([1], [3])
    assert lines.stretches == [[(0, 1.0)], [(2, 2.0)], [(4, 3.0)]] and lines.range == (1.0, 3.0)


def test_a_field_that_only_some_points_have_is_one_line() -> None:
    """Every tenth point has it, again and again: that is no end in NaN."""
    sparse = [float(at) if at % 10 == 0 else None for at in range(100)]
    lines = lines_of(view_of(loss=[1.0] * 100, accuracy=sparse), "accuracy", 100)
    assert [len(stretch) for stretch in lines.stretches] == [10]


def test_where_x_says_nothing_of_gaps_points_are_joined_only_if_each_has_a_number() -> None:
    times = [0.5, 0.7, 3.0]
    whole = lines_of(view_of("step", step=times, loss=[1.0, 2.0, 3.0]), "loss", 100)
    assert whole.stretches == [[(0.5, 1.0), (0.7, 2.0), (3.0, 3.0)]]
    some = lines_of(view_of("step", step=times, loss=[1.0, math.nan, 3.0]), "loss", 100)
    assert some.stretches == [[(0.5, 1.0)], [(3.0, 3.0)]]


def test_what_has_no_number_has_no_line() -> None:
    view = draw(ViewRequest(fields=["loss"]), lambda: [(range(2), {"loss": [math.nan, "text"]})])
    lines = lines_of(view, "loss", 100)
    assert (lines.stretches, lines.range) == ([], None)
