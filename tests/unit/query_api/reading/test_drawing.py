"""What is kept of a pixel column is the same from points and from summaries, in any mixture: no spike is lost."""

from bisect import bisect_right
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from mldash.answers.downsample import ViewRequest, draw, x_column
from mldash.answers.filters import COMPARISONS, Filter
from mldash.answers.pixel_columns import Span
from mldash_api.charts import summaries
from mldash_api.charts.drawing import Blocks, Drawing, SpanOf, chosen_by, inside, points_of
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.summaries import PLACES, summarise

from .parts import part_of

VALUES = st.one_of(st.integers(-5, 5), st.floats(-5, 5, width=16), st.just(float("nan")), st.none(), st.booleans())
EVENTS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "_ts"]), VALUES, max_size=3), min_size=1, max_size=60)


def pieces(events: list[dict[str, Any]], size: int) -> list[Cold]:
    times = [100.0 + at for at in range(len(events))]
    return [part_of(events[at : at + size], times[at : at + size], at) for at in range(0, len(events), size)]


@given(
    EVENTS,
    st.integers(1, 9),
    st.sampled_from(["index", "time", "a"]),
    st.integers(1, 20),
    st.booleans(),
    st.lists(st.builds(Filter, st.sampled_from("abc"), st.sampled_from(list(COMPARISONS)), st.just(1.0)), max_size=2),
)
@example([{}] * 4, 1, "index", 1, True, [])
def test_points_are_drawn_as_local_mode_draws_them(
    events: list[dict[str, Any]], columns: int, x: str, size: int, bounded: bool, filters: list[Filter]
) -> None:
    """Same fields, same points, same types; whatever the parts they come in."""
    events = [{name: value for name, value in one.items() if name != "_ts" or type(value) is int} for one in events]
    low, high = {"index": (3, 20), "time": (2.0, 110.0), "a": (-2, 2)}[x] if bounded else (None, None)
    request = ViewRequest(None, x, low, high, columns, filters)
    names = dict.fromkeys(name for event in events for name in event)
    listed = {name: [event.get(name) for event in events] for name in names}
    times = [100.0 + at for at in range(len(events))]
    expected = draw(request, lambda: [(x_column(x, range(len(events)), times, listed), listed)])
    span = SpanOf()
    parts = [chosen_by(filters, points_of(part, 0, part.row_count, x)) for part in pieces(events, size)]
    for part in parts:
        span.add_points(part, request)
    drawing = Drawing(request, span.span)
    if span.span is not None:
        for part in parts:
            drawing.add_points(part)
    found = drawing.view()
    assert found == expected
    assert [list(map(type, one["y"])) for one in found["fields"].values()] == [
        list(map(type, expected["fields"][name]["y"])) for name in found["fields"]
    ]


@given(st.lists(st.floats(-9, 9, width=16), min_size=1, max_size=200), st.integers(1, 12), st.data())
def test_every_column_keeps_its_extremes_whether_of_blocks_or_points(
    values: list[float], columns: int, data: st.DataObject
) -> None:
    """Against a loop over all points, in the columns that the answer names."""
    width = data.draw(st.integers(1, max(1, len(values) // columns)))  # as wide as a pixel column at most
    seam = len(values) // width * width if data.draw(st.booleans()) else len(values) // 2 // width * width
    request, span = ViewRequest(["y"], columns=columns), Span(0, len(values) - 1)
    drawing = Drawing(request, span)
    if seam:
        drawing.add_blocks(blocks_of(values[:seam], width))
    if seam < len(values):
        rest = part_of([{"y": value} for value in values[seam:]], first_index=seam)
        drawing.add_points(points_of(rest, 0, rest.row_count, "index"))
    view = drawing.view()
    series = dict(zip(view["fields"]["y"]["x"], view["fields"]["y"]["y"], strict=True))
    assert all(values[int(at)] == value for at, value in series.items()), "nothing is invented"
    assert view["totalPoints"] == len(values)
    if not view["sampled"]:
        assert len(series) == len(values)
        return
    edges = view["edges"]
    assert edges == sorted(edges)
    assert len(series) <= 4 * columns
    of: dict[int, list[int]] = {}
    for at in range(len(values)):
        of.setdefault(min(len(edges) - 2, bisect_right(edges, at + 1e-6) - 1), []).append(at)
    for places in of.values():
        there = [at for at in places if at in series]
        assert (there[0], there[-1]) == (places[0], places[-1])
        assert min(series[at] for at in there) == min(values[at] for at in places)
        assert max(series[at] for at in there) == max(values[at] for at in places)


def blocks_of(values: list[float], width: int) -> Blocks:
    """As they would be read from a level."""
    first = np.arange(0, len(values), width)
    records = []
    for at in first.tolist():
        part = part_of([{"y": value} for value in values[at : at + width]], first_index=at)
        (summary,), _ = summarise(part.columns, np.frombuffer(part.times, "<f8"), at)
        records.append(summary)
    kind = summaries.levels.level_type(integer=False)
    table = np.zeros(len(records), kind)
    for row, summary in zip(table, records, strict=True):
        row["count"], row["nan_count"] = summary.count, summary.nan_count
        for place in PLACES:
            spot = getattr(summary, place)
            row[f"{place}_index"], row[f"{place}_time"], row[place] = spot.index, spot.time, spot.value
    spots = summaries._spots({"y": table}, ["y"], limited=False)
    low = first.astype(np.float64)
    return Blocks(np.full(len(first), width), low, np.minimum(low + width - 1, len(values) - 1), spots)


def test_what_is_no_place_on_a_chart_is_not_inside() -> None:
    x = np.array([-1.0, 0.0, 5.0, 10.0, 11.0, np.inf, -np.inf, np.nan])
    assert inside(x, ViewRequest(start=0, end=10)).tolist() == [False, True, True, True, False, False, False, False]
    assert inside(x, ViewRequest()).tolist() == [True] * 5 + [False] * 3
