"""A line and a band a group of runs: what is said over runs is what NumPy says of single grids."""

import math
import random
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from mldash_api.charts.groups import OVER, RESAMPLES, SEED
from tests.world import World

from .conftest import Client
from .runs import put_run, until
from .writing import Event

pytestmark = pytest.mark.integration

RUNS = [f"o/p/run-{at}" for at in range(7)]
ABSENT = "o/p/none"
GRID: dict[str, Any] = {"name": "loss", "points": 20}


async def put_runs(world: World, client: Client) -> None:
    """Of unlike lengths and learning rates; the last has no such parameter, and NaN here and there."""
    for at, prefix in enumerate(RUNS):
        chance = random.Random(at)
        events: list[Event] = [{"loss": chance.gauss(at, 1), "acc": step / 100} for step in range(60 + 40 * (at % 3))]
        if at == 6:
            events[10:40] = [{"loss": math.nan}] * 30
        params = {"lr": 0.1 if at % 2 else 1, "seed": at} if at < 6 else {"seed": at}
        await put_run(world, prefix, params, {"loss": events})
    await until(client, RUNS, sort="prefix", filter="params.seed < 7", limit=20)


def plain(lines: np.ndarray[Any, Any]) -> dict[str, list[float]]:
    """Column by column."""
    found: dict[str, list[float]] = {
        name: [] for name in ("count", "mean", "median", "min", "max", "se", "low", "high")
    }
    for column in lines.T:
        known = column[~np.isnan(column)]
        n = len(known)
        drawn = np.random.default_rng(SEED).integers(0, max(n, 1), (RESAMPLES, n), np.int32)
        low, high = np.percentile(known[drawn].mean(axis=1), (2.5, 97.5)) if n > 1 else (math.nan, math.nan)
        se = known.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
        some = [known.mean(), np.median(known), known.min(), known.max()] if n else [math.nan] * 4
        for name, value in zip(found, [n, *some, se, low, high], strict=True):
            found[name].append(float(value))
    return found


async def single(client: Client, prefix: str, edges: list[float], statistic: str) -> list[float]:
    """Of one run alone: its points by the columns of the grid."""
    page = await client.get("/v1/metrics/points", prefix=prefix, name="loss", limit=1_000)
    found = list[float]()
    for low, high in pairwise(edges):
        inside = [one["data"]["loss"] for one in page["data"] if low <= one["index"] < high]
        numbers = [value for value in inside if not math.isnan(value)]
        of = {"mean": lambda n: math.fsum(n) / len(n), "last": lambda n: n[-1], "least": min}[statistic]
        found.append(of(numbers) if numbers else math.nan)
    return found


async def test_over_the_runs_of_a_group_it_is_what_numpy_says_of_single_runs(world: World, client: Client) -> None:
    await put_runs(world, client)
    asked: dict[str, Any] = {**GRID, "prefixes": [*RUNS, ABSENT], "statistics": ["mean", "last"], "fields": "loss"}
    answer = await client.get("/v1/metrics/grid", **asked, group="params.lr", over=[*OVER])
    assert answer["groups"] == [
        {"values": {"params.lr": 0.1}, "runs": [1, 3, 5]},
        {"values": {"params.lr": 1}, "runs": [0, 2, 4]},
        {"values": {}, "runs": [6, 7]},
    ]
    assert answer["series"] == [] and answer["asOf"] is not None
    assert len(answer["bands"]) == 3 * 2
    for band in answer["bands"]:
        prefixes = [asked["prefixes"][run] for run in answer["groups"][band["group"]]["runs"]]
        alone = [await single(client, one, answer["edges"], band["statistic"]) for one in prefixes if one != ABSENT]
        expected = plain(np.array(alone))
        for name, values in band["over"].items():
            assert values == pytest.approx(expected[name], rel=1e-12, abs=1e-12, nan_ok=True), (band, name)
    arrow = await client.raw("/v1/metrics/grid", **asked, group="params.lr", over=[*OVER], format="arrow")
    table = pa.ipc.open_stream(arrow.content).read_all()
    assert len(table.column_names) == 1 + 6 * 8
    for field in table.schema:
        if field.metadata:
            told = {key.decode().removeprefix("mldash."): value.decode() for key, value in field.metadata.items()}
            (band,) = [
                one
                for one in answer["bands"]
                if (str(one["group"]), one["statistic"]) == (told["group"], told["statistic"])
            ]
            expected = band["over"][told["over"]]
            assert table.column(field.name).to_pylist() == pytest.approx(expected, nan_ok=True)


async def test_a_group_may_be_of_several_fields_of_expressions_and_of_all_runs(world: World, client: Client) -> None:
    await put_runs(world, client)
    asked: dict[str, Any] = {**GRID, "prefixes": [RUNS[0], RUNS[1], RUNS[0]], "expression": ["acc * 2"]}
    by_two = await client.get("/v1/metrics/grid", **asked, group=["status", "params.seed"])
    assert [one["values"] for one in by_two["groups"]] == [
        {"status": "COMPLETED", "params.seed": 0},
        {"status": "COMPLETED", "params.seed": 1},
    ]
    assert [one["runs"] for one in by_two["groups"]] == [[0], [1]], "a prefix that is named twice counts once"
    (first, _) = by_two["bands"]
    assert (first["field"], first["expression"], first["statistic"]) == ("acc * 2", True, "mean")
    assert set(first["over"]) == {"mean", "min", "max", "count"}
    whole = await client.get("/v1/metrics/grid", **asked, over="median")
    assert whole["groups"] == [{"values": {}, "runs": [0, 1]}]
    (band,) = whole["bands"]
    both, alone = band["over"], first["over"]
    assert both["count"] == [2.0] * 12 + [1.0] * 8
    assert both["median"][:12] == pytest.approx(alone["mean"][:12], rel=1e-12), "both log the same"


async def test_in_arrow_too_nan_infinities_and_null_are_groups_of_their_own(world: World, client: Client) -> None:
    rates = (-math.inf, math.inf, math.nan, None)
    prefixes = [f"o/p/odd-{at}" for at in range(len(rates))]
    for prefix, rate in zip(prefixes, rates, strict=True):
        await put_run(world, prefix, {"rate": rate}, {"loss": [{"loss": 1.0}]})
    await until(client, prefixes, sort="prefix", filter='prefix starts with "o/p/odd-"')
    answer = await client.raw("/v1/metrics/grid", **GRID, prefixes=prefixes, group="params.rate", format="arrow")
    told = msgspec.json.decode(pa.ipc.open_stream(answer.content).schema.metadata[b"mldash.groups"])
    assert [(one["values"]["params.rate"], one["runs"]) for one in told] == [
        ("-Infinity", [0]),
        ("Infinity", [1]),
        ("NaN", [2]),
        (None, [3]),
    ]


async def test_what_is_no_field_of_runs_is_a_problem(client: Client) -> None:
    asked: dict[str, Any] = {**GRID, "prefixes": RUNS}
    told = await client.problem("/v1/metrics/grid", 400, **asked, group="params.lr = 1")
    assert (told["type"], told["parameter"], told["position"]) == ("wrong-filter", "group", 10)
    many = await client.problem("/v1/metrics/grid", 400, **asked, group=[f"params.a{at}" for at in range(5)])
    assert many["parameter"] == "number of group"
    await client.problem("/v1/metrics/grid", 400, **asked, over="sum")
