"""What a chart needs of many points: no spike is lost, and NumPy keeps the same as plain Python."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers import downsample, kept_points
from mldash.answers.downsample import Drawing, Piece, ViewRequest, draw, kept
from mldash.answers.pixel_columns import Span
from mldash.answers.view_request import checked_request

NUMBERS = st.one_of(st.integers(-50, 50), st.floats(allow_nan=False, width=32))
XS = st.one_of(st.integers(-1000, 1000), st.floats(-1e300, 1e300))


def span_of(x: list[Any]) -> Span:
    return Span(min(x), max(x))


def columns_of(x: list[Any], span: Span, columns: int) -> list[int]:
    """The definition, in fractions of what the code does in halves."""
    half = span.high / 2 - span.low / 2
    scale = columns / half if half and math.isfinite(columns / half) else 0.0
    return [min(columns - 1, int((value / 2 - span.low / 2) * scale)) for value in x]


@given(st.lists(st.tuples(XS, NUMBERS), min_size=1, max_size=60), st.integers(1, 12))
def test_each_column_keeps_first_last_least_and_greatest(points: list[tuple[Any, Any]], columns: int) -> None:
    x, y = [point[0] for point in points], [point[1] for point in points]
    span = span_of(x)
    places = kept(x, y, span, columns)
    assert [x[at] for at in places] == sorted(x[at] for at in places)
    assert len(set(places)) == len(places)
    of = columns_of(x, span, columns)
    for column in set(of):
        inside = sorted((at for at in range(len(x)) if of[at] == column), key=lambda at: x[at])
        found = [at for at in places if of[at] == column]
        assert len(found) <= 4
        assert found[0] == inside[0]
        assert found[-1] == inside[-1]
        assert min(y[at] for at in found) == min(y[at] for at in inside)
        assert max(y[at] for at in found) == max(y[at] for at in inside)


@given(st.lists(st.tuples(XS, NUMBERS), min_size=1, max_size=60), st.integers(1, 12))
def test_numpy_keeps_the_same_as_plain_python(points: list[tuple[Any, Any]], columns: int) -> None:
    x, y = [point[0] for point in points], [point[1] for point in points]
    by_loop = downsample._kept_by_loop(x, y, span_of(x), columns)
    assert kept_points.kept(x, y, span_of(x), columns) == by_loop


@given(st.lists(st.tuples(XS, NUMBERS), min_size=1, max_size=200), st.integers(1, 5), st.integers(1, 40))
def test_pieces_keep_the_same_as_all_at_once(points: list[tuple[Any, Any]], columns: int, size: int) -> None:
    """A view is thinned out as it goes, and so made in bounded memory."""
    pieces = [points[at : at + size] for at in range(0, len(points), size)]
    as_pieces = [([x for x, _ in piece], {"y": [y for _, y in piece]}) for piece in pieces]
    whole = [([x for x, _ in points], {"y": [y for _, y in points]})]
    request = ViewRequest(x="x", columns=columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downsample, "_PIECE", 1)
        made = draw(request, lambda: as_pieces)
    assert made == draw(request, lambda: whole)


def test_a_spike_among_a_million_points_is_kept() -> None:
    values = [math.sin(at / 1000) for at in range(1_000_000)]
    values[123_456], values[654_321] = 99, -math.inf
    view = draw(ViewRequest(columns=100), lambda: [(range(1_000_000), {"loss": values})])
    drawn = dict(zip(view["fields"]["loss"]["x"], view["fields"]["loss"]["y"], strict=True))
    assert (drawn[123_456], drawn[654_321]) == (99, -math.inf)
    assert len(drawn) <= 400
    assert (view["sampled"], view["totalPoints"], view["start"], view["end"]) == (True, 1_000_000, 0, 999_999)
    assert len(view["edges"]) == 101
    assert (view["edges"][0], view["edges"][-1]) == (0, 999_999)


def test_what_fits_is_whole_and_as_it_was_logged() -> None:
    values = [1, 1.0, True, None, "text", math.nan, math.inf, [1.0], 2**63 - 1]
    view = draw(ViewRequest(columns=3), lambda: [(range(9), {"a": values, "_ts": values})])
    assert view["sampled"] is False
    assert view["edges"] == []
    assert view["fields"] == {"a": {"x": [0, 1, 6, 8], "y": [1, 1.0, math.inf, 2**63 - 1]}}
    assert [type(value) for value in view["fields"]["a"]["y"]] == [int, float, float, int]


def test_fields_are_those_that_were_named_or_all_numeric_ones_but_x() -> None:
    pieces: list[Piece] = [([3.0, 1.0], {"x": [3.0, 1.0], "a": [1, 2], "b": [3, None], "text": ["t", "t"]})]

    def fields(*names: str) -> dict[str, Any]:
        return draw(ViewRequest(list(names) or None, "x"), lambda: pieces)["fields"]

    assert fields() == {"a": {"x": [1.0, 3.0], "y": [2, 1]}, "b": {"x": [3.0], "y": [3]}}
    assert fields("b", "absent", "text") == {
        "b": {"x": [3.0], "y": [3]},
        "absent": {"x": [], "y": []},
        "text": {"x": [], "y": []},
    }


def test_bounds_are_inclusive_and_x_is_finite() -> None:
    x = [0.0, 1.0, 2.0, math.nan, math.inf, None, "text", 3.0]
    request = ViewRequest(None, "x", 1, 2)
    view = draw(request, lambda: [(x, {"a": list(range(8))})])
    assert (view["fields"]["a"], view["totalPoints"]) == ({"x": [1.0, 2.0], "y": [1, 2]}, 2)
    assert (view["start"], view["end"]) == (1.0, 2.0)
    empty = draw(ViewRequest(["a"], "x", 5, 4), lambda: [(x, {"a": list(range(8))})])
    assert (empty["fields"], empty["start"], empty["totalPoints"]) == ({"a": {"x": [], "y": []}}, None, 0)


def test_a_view_of_all_fields_is_of_the_first_256() -> None:
    columns = {f"f{at}": [at] for at in range(300)}
    assert list(draw(ViewRequest(), lambda: [([0], columns)])["fields"]) == [f"f{at}" for at in range(256)]


def test_a_span_wider_than_a_float_has_columns() -> None:
    drawing = Drawing(ViewRequest(x="x", columns=2), Span(-1.7e308, 1.7e308))
    drawing.add([-1.7e308, -1.0, 1.0, 1.7e308] * 3, {"y": [0, 5, 1, 2] * 3})
    view = drawing.view()
    assert all(math.isfinite(edge) for edge in view["edges"])
    assert {-1.7e308, -1.0, 1.0, 1.7e308} >= set(view["fields"]["y"]["x"])


@pytest.mark.parametrize(
    ("start", "end", "points", "match"),
    [(math.nan, None, 1, "start"), (None, "1", 1, "end"), (True, None, 1, "start"), (None, None, 0, "points is 0")],
)
def test_a_wrong_request_is_refused_by_name(start: Any, end: Any, points: int, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        checked_request(None, "index", start, end, points)


def test_an_infinite_bound_is_none() -> None:
    assert checked_request(None, "index", -math.inf, math.inf, 10).indices == (0, None)
    assert checked_request(None, "index", 1.5, 3.5, 10).indices == (2, 4)
    assert checked_request(None, "index", -5, -1, 10).indices == (0, 0)
