"""Runs beside one another: what they differ in, and from where on two of them have parted."""

import math
import random
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash import Experiment
from mldash_api.comparing.apart import first_apart, last_meeting
from tests.world import World

from .conftest import Client
from .writing import Chain

pytestmark = pytest.mark.integration

PAIR = ["o/p/one", "o/p/two"]


async def write(world: World, prefix: str, values: Sequence[float | None], *, cold: int = 0) -> None:
    chain = await Chain(world, prefix=prefix).begin()
    events: list[dict[str, Any]] = [{"loss": one} if one is not None else {"other": 1} for one in values]
    for first in range(0, len(events), 2_500):
        await chain.append(events[first : first + 2_500])
    for first in range(0, cold, 10_000):
        await chain.move(first // 10_000, first + 10_000)


async def parted(client: Client, **asked: Any) -> Any:
    return await client.get("/v1/compare/parted", prefixes=PAIR, name="loss", field="loss", **asked)


async def test_the_very_index_is_found_from_which_on_two_runs_lie_apart(world: World, client: Client) -> None:
    """Cold and hot; noise before it crosses, and lies apart for a column now and then."""
    chance = random.Random(7)
    one = [chance.gauss(0, 1) for _ in range(24_000)]
    two = [chance.gauss(0, 1) for _ in range(17_345)] + [chance.uniform(10, 11) for _ in range(24_000 - 17_345)]
    two[17_344] = -5.0  # what lies apart by chance just before is apart, too
    await write(world, PAIR[0], one, cold=20_000)
    await write(world, PAIR[1], two, cold=10_000)
    for points in (24, 100, 1_000):
        found = await parted(client, points=points)
        assert (found["found"], found["x"], found["above"]) == ("parted", 17_345, 1), points
        low, high = found["column"]
        assert low - (high - low) <= 17_345 < high
        assert found["bands"][1][0] > found["bands"][0][1]
    reverse = await client.get("/v1/compare/parted", prefixes=PAIR[::-1], name="loss", field="loss")
    assert (reverse["x"], reverse["above"]) == (17_345, 0)


async def test_a_single_column_apart_is_noise_and_so_is_a_change_of_sides(world: World, client: Client) -> None:
    one = [0.0] * 100
    two = [0.0] * 100
    two[30:40] = [5.0] * 10  # one column of ten
    two[60:70], two[70:80], two[80:90] = [5.0] * 10, [-5.0] * 10, [5.0] * 10
    await write(world, PAIR[0], one)
    await write(world, PAIR[1], two)
    assert (await parted(client, points=10, together=2))["found"] == "never"
    assert (await parted(client, points=10, together=1))["x"] == 30


async def test_never_and_no_common_x_are_answers(world: World, client: Client) -> None:
    assert (await parted(client))["found"] == "no common x"
    await write(world, PAIR[0], [1.0] * 50 + [None] * 50)
    assert (await parted(client))["found"] == "no common x"
    await write(world, PAIR[1], [None] * 50 + [2.0] * 50)
    assert (await parted(client, points=10))["found"] == "no common x"


async def test_columns_without_numbers_of_both_are_passed_over(world: World, client: Client) -> None:
    one: list[float | None] = [float(at % 3) for at in range(100)]
    two: list[float | None] = [float(at % 3) for at in range(40)] + [9.0] * 60
    two[50:70] = [None] * 20
    await write(world, PAIR[0], one)
    await write(world, PAIR[1], two)
    assert (await parted(client, points=10, together=4))["x"] == 40
    assert (await parted(client, points=10, together=5))["found"] == "never"


async def test_by_another_x_too(world: World, client: Client) -> None:
    for prefix, far in zip(PAIR, (0.0, 3.0), strict=True):
        chain = await Chain(world, prefix=prefix).begin()
        events = [{"loss": far if at >= 600 else 0.0, "step": at / 2} for at in range(1_000)]
        await chain.append(events, times=[5_000.0 + at for at in range(1_000)])
    assert (await parted(client, points=20, x="step"))["x"] == 300.0
    assert (await parted(client, points=20, x="time"))["x"] == 5_600.0


async def test_what_is_asked_wrongly_is_named(client: Client) -> None:
    asked: dict[str, Any] = {"name": "loss", "field": "loss"}
    told = await client.problem("/v1/compare/parted", 400, **asked, prefixes=["o/p/one"])
    assert told["parameter"] == "prefixes"
    assert (await client.problem("/v1/compare/parted", 400, **asked, prefixes=PAIR, together=0))[
        "parameter"
    ] == "together"
    assert (await client.problem("/v1/compare", 400, prefixes=["o"]))["parameter"] == "prefix"


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(0, 3), st.floats(0, 3)), max_size=40),
    st.integers(1, 5),
)
def test_the_first_columns_apart_are_those_of_a_plain_look(columns: Any, together: int) -> None:
    least = np.array([[a for a, _, _, _ in columns], [b for _, b, _, _ in columns]])
    greatest = least + np.array([[u for _, _, u, _ in columns], [v for _, _, _, v in columns]])
    expected = None
    for at in range(len(columns) - together + 1):
        some = range(at, at + together)
        if all(least[0, k] > greatest[1, k] for k in some) or all(least[1, k] > greatest[0, k] for k in some):
            expected = at
            break
    assert first_apart(least, greatest, together) == expected


_POINTS = st.lists(st.tuples(st.integers(0, 12), st.integers(-4, 4)), max_size=20)


@given(_POINTS, _POINTS)
def test_the_last_meeting_is_that_of_a_plain_look(above: Any, below: Any) -> None:
    expected = None
    for x in sorted({x for x, _ in above + below}, reverse=True):
        floor = min((y for at, y in above if at >= x), default=math.inf)
        ceiling = max((y for at, y in below if at >= x), default=-math.inf)
        if not floor > ceiling:
            break
        expected = float(x)
    arrays = [np.array([point[part] for point in one], np.float64) for one in (above, below) for part in (0, 1)]
    assert last_meeting(*arrays) == expected


def row(rows: Any, **keys: Any) -> Any:
    found = [one for one in rows if all(one[name] == value for name, value in keys.items())]
    return found[0] if found else None


def test_only_what_differs_is_told_value_by_value(api_address: str, remote: dict[str, Any]) -> None:
    """Through everything: logged, stored, compared."""
    prefixes = [f"o/compare-{random.randrange(10**9)}/run{number}" for number in range(3)]
    for number, prefix in enumerate(prefixes[:2]):
        with Experiment(prefix, **remote).run as run:
            run.params.set(lr=0.1, model={"layers": 2 + number, "name": "m"}, seed=1 if number else 1.0)
            if number:
                run.params.set(extra=[1, 2])
            run.metrics("train").log_many(loss=[1.0, 2.0 + number], same=[5, 5])
            run.metrics(None).log(epoch=3)
        Experiment(prefix, **remote).metrics("train").read()  # waits until all of it is stored

    def compared(**asked: Any) -> Any:
        answer = httpx.get(f"{api_address}/v1/compare", params={"prefixes": prefixes, **asked}, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    answer = compared()
    assert answer["prefixes"] == prefixes and answer["absent"] == [2]
    assert [one["name"] for one in answer["params"]] == ["extra", "model.layers", "seed"]
    assert row(answer["params"], name="model.layers") == {"name": "model.layers", "values": [2, 3, None], "missing": []}
    assert row(answer["params"], name="extra") == {"name": "extra", "values": [None, [1, 2], None], "missing": [0]}
    statistics = answer["statistics"]
    assert row(statistics, metric="train", field="loss", statistic="max")["values"] == [2.0, 3.0, None]
    assert row(statistics, metric="train", field="loss", statistic="min") is None
    assert row(statistics, field="same") is None and row(statistics, metric=None) is None
    whole = compared(everything=True)
    assert row(whole["params"], name="lr")["values"] == [0.1, 0.1, None]
    assert row(whole["statistics"], metric=None, field="epoch", statistic="last")["values"] == [3, 3, None]
    prefixes[2] = prefixes[0]
    twice = compared()
    assert row(twice["statistics"], metric="train", field="loss", statistic="max")["values"] == [2.0, 3.0, 2.0]
