"""Expressions on a grid: a column's statistics are those of the expression's values at its points, hot and cold."""

import math
import random
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from mldash.query.expressions.parsing import parse_expression
from mldash_api.charts import grids as grids_module
from tests.world import World

from .conftest import Client
from .test_grids import STATISTICS, run_of
from .writing import Event

pytestmark = pytest.mark.integration

GRID: dict[str, Any] = {"name": "loss", "prefixes": "o/p/run", "statistics": STATISTICS}


def events_of(count: int, seed: int, *, least: float = -5.0) -> list[Event]:
    """Two fields; some points without one of them, some NaN."""
    chance = random.Random(seed)
    events: list[Event] = [{"a": chance.uniform(least, 9), "b": chance.gauss(2, 1)} for _ in range(count)]
    for at in chance.sample(range(count), count // 20):
        events[at]["a"] = math.nan
    for at in chance.sample(range(count), count // 20):
        events[at].pop("b")
    return events


def plain(text: str, events: list[Event], edges: list[float], xs: list[float]) -> dict[str, list[float]]:
    """By the function for programs, point by point."""
    columns = {name: [event.get(name) for event in events] for name in ("a", "b")}
    values = parse_expression(text).of(columns, xs).tolist()
    found: dict[str, list[float]] = {name: [] for name in STATISTICS}
    for low, high in pairwise(edges):
        inside = [v for v, x in zip(values, xs, strict=True) if low <= x < high or (x == high == edges[-1])]
        numbers = [v for v in inside if not math.isnan(v)]
        found["least"].append(min(numbers, default=math.nan))
        found["greatest"].append(max(numbers, default=math.nan))
        found["first"].append(numbers[0] if numbers else math.nan)
        found["last"].append(numbers[-1] if numbers else math.nan)
        found["mean"].append(math.fsum(numbers) / len(numbers) if numbers else math.nan)
        found["count"].append(len(numbers))
        found["missing"].append(len(inside) - len(numbers))
    return found


def assert_same(grid: dict[str, Any], text: str, events: list[Event], xs: list[float] | None = None) -> None:
    (series,) = [one for one in grid["series"] if one["field"] == text]
    assert series["expression"] is True
    expected = plain(text, events, grid["edges"], xs or [float(at) for at in range(len(events))])
    for name in series["statistics"]:
        found = series["statistics"][name]
        assert found == pytest.approx(expected[name], rel=1e-12, abs=1e-12, nan_ok=True), (text, name)


@pytest.mark.parametrize("points", [3, 24, 500])
async def test_values_are_those_of_the_function_for_programs(world: World, client: Client, points: int) -> None:
    """A run that is half cold: some are made of its columns, some of its points, one has a slope over the seam."""
    events = events_of(12_400, 1)
    await run_of(world, "o/p/run", events, cold=10_000)
    texts = ["3 - 2 * a", "a - b", "d(a)/dx", "log10(a)", "abs(b) ** 0.5 / a", "exp(a)"]
    grid = await client.get("/v1/metrics/grid", **GRID, points=points, expression=texts)
    assert [one["field"] for one in grid["series"]] == texts, "fields that were not asked for are not shown"
    for text in texts:
        assert_same(grid, text, events)


async def test_an_expression_of_one_field_that_never_turns_costs_no_point(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a cold run its least and greatest come from summaries; a mean, and columns where log has no value, do not."""
    events = events_of(20_000, 2, least=0.5)
    await run_of(world, "o/p/run", events, cold=20_000)
    await run_of(world, "o/p/below", events_of(20_000, 3), cold=20_000)
    reads, real = list[str](), grids_module.read_range

    async def counted(stores: Any, stream: Any, *rest: Any) -> Any:
        reads.append(stream.prefix)
        return await real(stores, stream, *rest)

    monkeypatch.setattr(grids_module, "read_range", counted)
    asked: dict[str, Any] = {**GRID, "points": 40, "expression": ["log10(a)"]}
    asked["statistics"] = ["least", "greatest", "first", "last", "count", "missing"]
    grid = await client.get("/v1/metrics/grid", **asked)
    assert_same(grid, "log10(a)", events)
    line = await client.get("/v1/metrics/grid", **{**GRID, "points": 40, "expression": ["1 - a / 4"]})
    assert_same(line, "1 - a / 4", events)
    assert reads == []
    assert_same(await client.get("/v1/metrics/grid", **{**asked, "statistics": ["mean"]}), "log10(a)", events)
    assert reads == ["o/p/run"]
    both = await client.get("/v1/metrics/grid", **{**asked, "prefixes": ["o/p/run", "o/p/below"]})
    assert reads == ["o/p/run", "o/p/below"], "a run with values below zero alone is made of its points"
    below = {**both, "series": [one for one in both["series"] if one["run"] == 1]}
    assert_same(below, "log10(a)", events_of(20_000, 3))


async def test_by_time_by_a_field_and_with_a_filter_it_is_of_the_points_that_are_drawn(
    world: World, client: Client
) -> None:
    events = events_of(900, 4)
    times = [1_000.0 + at / 4 for at in range(900)]
    await run_of(world, "o/p/run", events, times=times)
    texts = ["a * 2", "d(b)/dx"]
    by_time = await client.get("/v1/metrics/grid", **GRID, x="time", points=30, expression=texts, fields="a")
    assert [one["field"] for one in by_time["series"]] == ["a", *texts]
    for text in texts:
        assert_same(by_time, text, events, times)
    chosen = [{**event, "a": event["a"] if event.get("b", 0) > 2 else math.nan} for event in events]
    chosen = [event if event.get("b", 0) > 2 else {} for event in chosen]
    filtered = await client.get("/v1/metrics/grid", **GRID, points=30, expression=["d(b)/dx"], filter="b > 2")
    (series,) = filtered["series"]
    expected = plain("d(b)/dx", chosen, filtered["edges"], [float(at) for at in range(900)])
    assert series["statistics"]["least"] == pytest.approx(expected["least"], nan_ok=True)


async def test_a_field_that_is_called_like_an_expression_is_a_field_of_its_own(world: World, client: Client) -> None:
    await run_of(world, "o/p/run", [{"a": 3, "b": 1, "a - b": 7, "loss": 5}] * 10)
    asked: dict[str, Any] = {"name": "loss", "prefixes": "o/p/run", "points": 2, "statistics": ["mean", "count"]}
    texts = ["a - b", '"a - b"', "loss"]
    grid = await client.get("/v1/metrics/grid", **asked, fields=["a - b", "loss"], expression=texts)
    said = [(one["field"], one.get("expression", False), one["statistics"]["mean"][0]) for one in grid["series"]]
    assert said == [
        ("a - b", False, 7),
        ("loss", False, 5),
        ("a - b", True, 2),
        ('"a - b"', True, 7),
        ("loss", True, 5),
    ]
    assert {count for one in grid["series"] for count in one["statistics"]["count"]} == {5}
    arrow = await client.raw("/v1/metrics/grid", **asked, expression=texts, format="arrow")
    table = pa.ipc.open_stream(arrow.content).read_all()
    told = [field.metadata.get(b"mldash.expression") for field in table.schema if field.metadata]
    assert told == [b"true"] * 6 and table.column(1).to_pylist() == [2.0, 2.0]


async def test_what_is_no_expression_is_a_problem_that_points_at_the_character(client: Client) -> None:
    told = await client.problem("/v1/metrics/grid", 400, **GRID, expression=["a", "log10(a"])
    assert (told["type"], told["parameter"], told["position"]) == ("wrong-expression", "expression", 7)
    assert ")" in told["expected"] and "^" in told["detail"]
    for text in ("__import__('os').system('x')", "a.__class__.__mro__[0]", "{'$where': 1}", "a" * 5_000):
        assert (await client.problem("/v1/metrics/grid", 400, **GRID, expression=text))["type"] == "wrong-expression"
    many = await client.problem("/v1/metrics/grid", 400, **GRID, expression=[f"a + {at}" for at in range(11)])
    assert many["parameter"] == "number of expression"
