"""Many runs on one grid: what each pixel column says of a run is what its points say, hot and cold as one."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from mldash_api.charts import grids as grids_module
from tests.world import World

from .conftest import Client
from .writing import Chain, Event

pytestmark = pytest.mark.integration

STATISTICS = ["least", "greatest", "first", "last", "mean", "count", "missing"]
GRID: dict[str, Any] = {"name": "loss", "statistics": STATISTICS}


async def run_of(
    world: World, prefix: str, events: Sequence[Event], *, cold: int = 0, piece: int = 2_500, times: Any = None
) -> None:
    """Written in pieces; the first `cold` events then lie on S3."""
    chain = await Chain(world, prefix=prefix).begin()
    for first in range(0, len(events), piece):
        some = events[first : first + piece]
        await chain.append(some, times=None if times is None else times[first : first + piece])
    for first in range(0, cold, 10_000):
        await chain.move(first // 10_000, first + 10_000)


def plain(events: Sequence[Event], edges: Sequence[float], xs: Sequence[float], field: str) -> dict[str, list[float]]:
    """The same by a loop over points in the order of x."""
    found: dict[str, list[float]] = {name: [] for name in STATISTICS}
    for low, high in pairwise(edges):
        inside = [e for e, x in zip(events, xs, strict=True) if low <= x < high or (x == high == edges[-1])]
        values = [e[field] for e in inside if type(e.get(field)) in (int, float) and not math.isnan(e[field])]
        nan = math.nan
        found["least"].append(min(values, default=nan))
        found["greatest"].append(max(values, default=nan))
        found["first"].append(values[0] if values else nan)
        found["last"].append(values[-1] if values else nan)
        found["mean"].append(math.fsum(values) / len(values) if values else nan)
        found["count"].append(len(values))
        found["missing"].append(len(inside) - len(values))
    return found


def series_of(grid: dict[str, Any], run: int, field: str) -> dict[str, list[float]]:
    (found,) = [one for one in grid["series"] if (one["run"], one["field"]) == (run, field)]
    values: dict[str, list[float]] = found["statistics"]
    return values


def assert_same(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    for name in STATISTICS:
        assert found[name] == pytest.approx(expected[name], rel=1e-12, nan_ok=True), name


def noisy(count: int, seed: int) -> list[Event]:
    """With NaN, texts, infinities and absent fields between."""
    chance = random.Random(seed)
    events: list[Event] = [{"loss": chance.gauss(0, 1), "step": 3 * at} for at in range(count)]
    for at in chance.sample(range(count), count // 20):
        events[at]["loss"] = chance.choice([math.nan, "text", None, math.inf, 7])
    for at in chance.sample(range(count), count // 20):
        events[at].pop("loss")
    return events


@pytest.mark.parametrize(
    ("asked", "width"),
    [
        ({"points": 10}, 2_500),
        ({"points": 40}, 1_000),
        ({"points": 1_000}, 25),
        ({"points": 7, "start": 1_234, "end": 20_567}, 3_000),
        ({"points": 50, "start": 4_321, "end": 4_400}, 2),
        ({"points": 2}, 20_000),
    ],
)
async def test_each_column_of_indices_is_exact(world: World, client: Client, asked: dict[str, Any], width: int) -> None:
    """Of a run that is half cold, a short one, and one that is not there; whatever was asked for."""
    long, short = noisy(24_600, 1), noisy(900, 2)
    await run_of(world, "o/p/long", long, cold=20_000)
    await run_of(world, "o/p/short", short)
    grid = await client.get("/v1/metrics/grid", **GRID, prefixes=["o/p/long", "o/p/none", "o/p/short"], **asked)
    edges = grid["edges"]
    assert {high - low for low, high in pairwise(edges)} == {width}
    assert len(edges) - 1 <= asked["points"]
    low, high = asked.get("start", 0), asked.get("end", 10**9)
    for run, events in ((0, long), (2, short)):
        chosen = [at for at in range(len(events)) if low <= at <= high]
        inside = [events[at] for at in chosen]
        assert grid["runs"][run]["totalPoints"] == len(inside)
        if inside:
            assert_same(series_of(grid, run, "loss"), plain(inside, edges, chosen, "loss"))
    assert grid["runs"][1] == {"prefix": "o/p/none", "totalPoints": 0, "sampled": False}


async def test_by_time_and_by_a_field_all_runs_share_the_columns(world: World, client: Client) -> None:
    one, two = noisy(3_000, 3), noisy(2_000, 4)
    chance = random.Random(5)
    times = sorted(chance.uniform(0, 1_000) for _ in range(3_000))
    await run_of(world, "o/p/one", one, times=times)
    await run_of(world, "o/p/two", two, times=times[500:2_500])
    prefixes = ["o/p/one", "o/p/two"]
    by_time = await client.get("/v1/metrics/grid", **GRID, prefixes=prefixes, x="time", points=40, fields="loss")
    assert (by_time["edges"][0], by_time["edges"][-1], len(by_time["edges"])) == (times[0], times[-1], 41)
    assert_same(series_of(by_time, 0, "loss"), plain(one, by_time["edges"], times, "loss"))
    assert_same(series_of(by_time, 1, "loss"), plain(two, by_time["edges"], times[500:2_500], "loss"))
    by_step = await client.get("/v1/metrics/grid", **GRID, prefixes=prefixes, x="step", points=30, fields="loss")
    assert (by_step["edges"][0], by_step["edges"][-1]) == (0, 8_997)
    assert_same(series_of(by_step, 1, "loss"), plain(two, by_step["edges"], [e["step"] for e in two], "loss"))


async def test_values_are_those_of_single_views(world: World, client: Client) -> None:
    """Cold, of summaries: what a view of one run keeps lies between the grid's least and greatest."""
    await run_of(world, "o/p/run", [{"loss": math.sin(at / 700)} for at in range(40_000)], cold=40_000)
    grid = await client.get("/v1/metrics/grid", **GRID, prefixes="o/p/run", points=80)
    view = await client.get("/v1/metrics/view", prefix="o/p/run", name="loss", points=80)
    found, drawn = series_of(grid, 0, "loss"), view["fields"]["loss"]
    assert max(drawn["y"]) == max(found["greatest"]) and min(drawn["y"]) == min(found["least"])
    by_column = dict[int, list[float]]()
    for x, y in zip(drawn["x"], drawn["y"], strict=True):
        by_column.setdefault(x // 500, []).append(y)
    assert found["least"] == [min(by_column[at]) for at in range(80)]
    assert found["greatest"] == [max(by_column[at]) for at in range(80)]


async def test_a_column_that_hides_a_gap_says_so(world: World, client: Client) -> None:
    events: list[Event] = [{"loss": 1.0} for _ in range(40)]
    events[5], events[25] = {"other": 1}, {"loss": math.nan}
    events[30:40] = [{"other": 2}] * 10
    await run_of(world, "o/p/run", events)
    grid = await client.get("/v1/metrics/grid", prefixes="o/p/run", name="loss", fields="loss", points=4)
    assert grid["series"] == [
        {
            "run": 0,
            "field": "loss",
            "statistics": {
                "least": [1.0, 1.0, 1.0, pytest.approx(math.nan, nan_ok=True)],
                "greatest": [1.0, 1.0, 1.0, pytest.approx(math.nan, nan_ok=True)],
            },
            "hides": [0, 2],
        }
    ]
    as_json = await client.raw("/v1/metrics/grid", prefixes="o/p/run", name="loss", fields="loss", points=4)
    assert as_json.json()["series"][0]["statistics"]["least"] == [1.0, 1.0, 1.0, None]


async def test_arrow_has_a_column_for_each_statistic_and_says_whose_it_is(world: World, client: Client) -> None:
    for number in range(2):
        await run_of(world, f"o/p/{number}", noisy(600, number))
    asked: dict[str, Any] = {**GRID, "prefixes": ["o/p/0", "o/p/1"], "fields": ["loss", "step"], "points": 60}
    answer = await client.raw("/v1/metrics/grid", {"Accept": "application/vnd.apache.arrow.stream"}, **asked)
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(answer.content).read_all()
    grid = await client.get("/v1/metrics/grid", **asked)
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert (told["mldash.rows"], told["mldash.x"], told["mldash.end"]) == ("60", "index", "600.0")
    assert table.column("x").to_pylist() == grid["edges"][:-1]
    assert len(table.column_names) == 1 + 2 * 2 * len(STATISTICS)
    for field in table.schema:
        assert (field.type, field.nullable) == (pa.float64(), False)
        if field.name != "x":
            said = {key.decode(): value.decode() for key, value in field.metadata.items()}
            run = asked["prefixes"].index(said["mldash.prefix"])
            expected = series_of(grid, run, said["mldash.field"])[said["mldash.statistic"]]
            assert table.column(field.name).to_pylist() == pytest.approx(expected, nan_ok=True)
    by_name = await client.raw("/v1/metrics/grid", **asked, format="arrow")
    assert by_name.content == answer.content


async def test_filters_choose_points(world: World, client: Client) -> None:
    events = noisy(1_000, 9)
    await run_of(world, "o/p/run", events)
    grid = await client.get(
        "/v1/metrics/grid", **GRID, prefixes="o/p/run", fields="loss", points=10, filter="step < 900"
    )
    inside = [event if event["step"] < 900 else {} for event in events]
    found, expected = series_of(grid, 0, "loss"), plain(inside, grid["edges"], range(1_000), "loss")
    assert (found["count"], found["least"][:3]) == (expected["count"], expected["least"][:3])
    assert grid["runs"][0]["totalPoints"] == 300


async def test_nothing_is_an_empty_grid(client: Client) -> None:
    grid = await client.get("/v1/metrics/grid", **GRID, prefixes=["o/p/none"])
    assert grid == {
        "x": "index",
        "edges": [],
        "series": [],
        "runs": [{"prefix": "o/p/none", "totalPoints": 0, "sampled": False}],
    }
    arrow = await client.raw("/v1/metrics/grid", **GRID, prefixes=["o/p/none"], format="arrow")
    assert pa.ipc.open_stream(arrow.content).read_all().num_rows == 0


async def test_a_grid_that_would_not_fit_is_refused_with_what_to_ask_instead(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids_module, "MOST_GRID_CELLS", 2_000)
    for number in range(3):
        await run_of(world, f"o/p/{number}", noisy(1_000, number))
    asked: dict[str, Any] = {"name": "loss", "prefixes": [f"o/p/{number}" for number in range(3)]}
    told = await client.problem("/v1/metrics/grid", 422, **asked, points=1_000)
    assert "points" in told["detail"] and told["type"] == "answer-too-large"
    assert len((await client.get("/v1/metrics/grid", **asked, points=300))["series"]) == 6
    twice = await client.get("/v1/metrics/grid", name="loss", prefixes=["o/p/0"] * 2, points=300)
    assert repr(series_of(twice, 0, "loss")) == repr(series_of(twice, 1, "loss")) and len(twice["series"]) == 4
    await client.problem("/v1/metrics/grid", 422, name="loss", prefixes=["o/p/0"] * 8, points=300)
    many = {"name": "loss", "prefixes": ["o/p/0"] * 101}
    assert (await client.problem("/v1/metrics/grid", 400, **many))["parameter"] == "number of prefixes"
