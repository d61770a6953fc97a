"""Expressions in a view: of each pixel column what a field would show, by the same values as on a grid."""

import asyncio
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mldash import Client as Reader
from mldash import Experiment
from mldash.errors import RequestRefused
from mldash.query.errors import ExpressionError
from mldash.query.expressions.parsing import parse_expression
from mldash_api.charts import views as views_module
from tests.world import World

from .conftest import Client
from .test_grid_expressions import events_of
from .test_grids import run_of
from .writing import Event

pytestmark = pytest.mark.integration

VIEW: dict[str, Any] = {"name": "loss", "prefix": "o/p/run"}
TEXTS = ["3 - 2 * a", "a - b", "d(a)/dx", "log10(a)", "abs(b) ** 0.5 / a"]


def values_of(text: str, events: list[Event], xs: list[float]) -> list[tuple[float, float]]:
    """(x, value) in the order of x, by the function for programs, where there is one."""
    columns = {name: [event.get(name) for event in events] for name in ("a", "b")}
    values = parse_expression(text).of(columns, xs).tolist()
    return sorted((x, value) for x, value in zip(xs, values, strict=True) if not math.isnan(value))


def assert_kept(view: dict[str, Any], text: str, expected: list[tuple[float, float]]) -> None:
    """Every point is one of these; each pixel column has its first, last, least and greatest."""
    series = view["expressions"][text]
    found, known = list(zip(series["x"], series["y"], strict=True)), dict(expected)
    assert [y for _, y in found] == pytest.approx([known[x] for x, _ in found], rel=1e-12, abs=1e-12)
    assert [x for x, _ in found] == sorted(known) if not view["edges"] else sorted(x for x, _ in found)
    for low, high in pairwise(view["edges"]):
        inside, kept = (
            [y for x, y in some if low <= x < high or (x == high == view["edges"][-1])] for some in (expected, found)
        )
        if inside:
            ends = [inside[0], inside[-1], min(inside), max(inside)]
            assert [kept[0], kept[-1], min(kept), max(kept)] == pytest.approx(ends, rel=1e-12, abs=1e-12), (text, low)


@pytest.mark.parametrize("points", [3, 40, 5_000])
async def test_each_pixel_column_has_what_it_would_have_of_a_field(world: World, client: Client, points: int) -> None:
    """A run that is half cold: one is made of summaries, the others of points, one has a slope over the seam."""
    events = events_of(12_400, 1)
    await run_of(world, "o/p/run", events, cold=10_000)
    expected = {text: values_of(text, events, [float(at) for at in range(len(events))]) for text in TEXTS}
    for texts in (TEXTS, TEXTS[:1]):
        view = await client.get("/v1/metrics/view", **VIEW, points=points, expression=texts)
        assert list(view["expressions"]) == texts and view["fields"] == {}
        assert view["totalPoints"] == len(events)
        for text in texts:
            assert_kept(view, text, expected[text])
    asked: dict[str, Any] = {"name": "loss", "prefixes": ["o/p/run", "o/p/none"], "expression": TEXTS, "fields": "b"}
    there, none = [one["view"] for one in (await client.get("/v1/metrics/views", **asked, points=points))["views"]]
    for text in TEXTS:
        assert_kept(there, text, expected[text])
    assert list(there["fields"]) == list(none["fields"]) == ["b"]
    assert none["expressions"] == {text: {"x": [], "y": []} for text in TEXTS}


async def test_values_are_those_of_the_grid(world: World, client: Client) -> None:
    """Where each point has a pixel column of its own, the least of a column is the value at the point."""
    await run_of(world, "o/p/run", events_of(450, 5))
    view = await client.get("/v1/metrics/view", **VIEW, points=450, expression=TEXTS)
    grid = await client.get("/v1/metrics/grid", name="loss", prefixes="o/p/run", points=450, expression=TEXTS)
    assert [one["field"] for one in grid["series"]] == TEXTS
    for series in grid["series"]:
        numbered = enumerate(series["statistics"]["least"])
        there = {x: y for x, y in numbered if y is not None and not math.isnan(y)}
        drawn = view["expressions"][series["field"]]
        assert dict(zip(drawn["x"], drawn["y"], strict=True)) == pytest.approx(there, rel=1e-12, abs=1e-12)


async def test_an_expression_of_one_field_that_never_turns_costs_no_point(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_of(world, "o/p/run", events_of(20_000, 2, least=0.5), cold=20_000)
    reads, real = list[str](), views_module.read_range

    async def counted(stores: Any, stream: Any, *rest: Any) -> Any:
        reads.append(stream.prefix)
        return await real(stores, stream, *rest)

    monkeypatch.setattr(views_module, "read_range", counted)
    await client.get("/v1/metrics/view", **VIEW, points=40, expression=["log10(a)", "1 - a / 4"])
    assert reads == []
    await client.get("/v1/metrics/view", **VIEW, points=40, expression=["log10(a - 5)"])
    assert reads, "where it has no value at the least of a column, points tell"


async def test_by_time_by_a_field_and_with_a_filter_it_is_of_the_points_that_are_drawn(
    world: World, client: Client
) -> None:
    events: list[Event] = [{"a": 0.5 * at, "b": (at * 7) % 13, "k": 900 - at} for at in range(900)]
    times = [1_000.0 + at / 4 for at in range(900)]
    await run_of(world, "o/p/run", events, times=times)
    by_time = await client.get("/v1/metrics/view", **VIEW, x="time", points=300, expression="d(b)/dx")
    assert_kept(by_time, "d(b)/dx", values_of("d(b)/dx", events, times))
    by_field = await client.get("/v1/metrics/view", **VIEW, x="k", points=30, expression="a * b")
    assert_kept(by_field, "a * b", values_of("a * b", events, [event["k"] for event in events]))
    asked: dict[str, Any] = {"points": 300, "expression": "d(b)/dx", "filter": "b > 2", "start": 100, "end": 299}
    filtered = await client.get("/v1/metrics/view", **VIEW, **asked)
    chosen = [at for at in range(100, 300) if events[at]["b"] > 2]
    expected = values_of("d(b)/dx", [events[at] for at in chosen], [float(at) for at in chosen])
    assert_kept(filtered, "d(b)/dx", expected)
    assert filtered["totalPoints"] == len(chosen)


async def test_what_is_no_expression_is_the_problem_of_grids(client: Client) -> None:
    for path, query in (("view", VIEW), ("views", {"name": "loss", "prefixes": "o/p/run"})):
        told = await client.problem(f"/v1/metrics/{path}", 400, **query, expression=["a", "log10(a"])
        assert (told["type"], told["parameter"], told["position"]) == ("wrong-expression", "expression", 7)
        many = await client.problem(f"/v1/metrics/{path}", 400, **query, expression=[f"a + {at}" for at in range(11)])
        assert many["parameter"] == "number of expression"


async def test_programs_draw_the_same_over_an_api_and_over_a_folder(
    world: World, client: Client, tmp_path: Path
) -> None:
    """Of the same points."""
    events = [event for event in events_of(3_000, 6) if not math.isnan(event["a"])]
    await run_of(world, "o/p/run", events)
    address = str(client.http.base_url).rstrip("/")
    await asyncio.to_thread(_draw_both, events, address, str(tmp_path))


def _draw_both(events: list[Event], address: str, root: str) -> None:
    with Experiment("o/p/run", root=root, echo=False).run as run:
        for event in events:
            run.metrics("loss").log(**event)
    asked: tuple[dict[str, Any], ...] = (
        {"expression": TEXTS, "points": 5_000},
        {"expression": "a - b", "points": 50, "fields": ["b"]},
        {"expression": "d(b)/dx", "points": 50, "filter": "a > 1", "start": 10, "end": 2_000},
        {"expression": "a * b", "points": 50, "x": "a"},
    )
    for one in asked:
        there, local = (dict(Reader(place).run("o/p/run").metrics("loss").view(**one)) for place in (address, root))
        drawn = there.pop("expressions"), local.pop("expressions")
        assert drawn[0].keys() == drawn[1].keys() and there == local
        for text, series in drawn[0].items():
            assert series["x"] == drawn[1][text]["x"]
            assert series["y"] == pytest.approx(drawn[1][text]["y"], rel=1e-12, abs=1e-12)
    for place, error in ((address, RequestRefused), (root, ExpressionError)):
        with pytest.raises(error, match="the end stands where"):
            Reader(place).run("o/p/run").metrics("loss").view(expression="log10(a")
