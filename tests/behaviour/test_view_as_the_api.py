"""What `mldash view` answers of a folder is what the API answers of the same runs, but for times and hosts."""

import math
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored
from tests.viewing import viewing

pytestmark = pytest.mark.integration

WITHIN_S = 120.0
POINTS = 3_000
_TIMES = ("createdAt", "timestamp")
_IDS = ("metricId", "trackId")
"""An API's are of the experiment as it was made anew; a folder has no such count."""


def train(prefix: str, number: int, **place: Any) -> None:
    with Experiment(prefix, echo=False, tags=["sweep", f"n{number}"], **place).run as run:
        run.params.set(optimizer={"lr": 10.0**-number, "name": ("adam", "sgd")[number % 2]}, seed=number % 2)
        loss = [math.exp(-step / 900) * (1 + number * (step > 1_500)) for step in range(POINTS)]
        loss[700:720] = [math.nan] * 20
        loss[2_000] = math.inf
        run.metrics("train").log_many(loss=loss, step=[2 * step for step in range(POINTS)])
        run.metrics(None).log(alone=number)
        for step in range(5):
            run.log(f"step {step}", level="warn" if step % 2 else "info", metadata={"step": step})
        if "remote" in place:
            until_stored(run, ["train", None])


@pytest.fixture(scope="module")
def scope(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of three runs, at the API and, by the fixture `both`, in a folder."""
    name = f"vera/alike-{uuid.uuid4().hex[:6]}"
    journals = tmp_path_factory.mktemp("journals")
    for number in range(3):
        train(f"{name}/run-{number}", number, remote=pipeline.api, journal=str(journals))
    asked = {"filter": f'project = "{name.partition("/")[2]}" and metrics.train.step.last > 0', "limit": 0}
    until = time.monotonic() + WITHIN_S
    while (found := httpx.get(f"{pipeline.api}/v1/experiments", params=asked, trust_env=False).json())["count"] < 3:
        assert time.monotonic() < until, found
        time.sleep(0.2)  # the index follows the store; it tells nobody
    return name


@pytest.fixture(scope="module")
def both(pipeline: Pipeline, scope: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[httpx.Client]]:
    """The API, and the folder."""
    root = tmp_path_factory.mktemp("folder") / ".dash"
    for number in range(3):
        train(f"{scope}/run-{number}", number, root=str(root))
    with (
        viewing(root) as served,
        httpx.Client(base_url=pipeline.api, trust_env=False, timeout=WITHIN_S) as api,
        httpx.Client(base_url=served.address, trust_env=False, timeout=WITHIN_S) as local,
    ):
        local.get("/", params={"token": served.token})
        yield [api, local]


def answers(both: list[httpx.Client], path: str, **query: Any) -> list[Any]:
    found = [one.get(f"/v1/{path}", params={"nonfinite": "string", **query}) for one in both]
    assert all(one.status_code == 200 for one in found), [one.text for one in found]
    return [without_times(one.json()) for one in found]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in (*_TIMES, *_IDS, "asOf", "lagS")}
    return [without_times(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"start": 100, "end": 999, "points": 37},
        {"x": "step", "points": 50},
        {"filter": ["loss < 0.5"], "x": "step", "points": 50},
        {"expression": ["log10(loss)"], "points": 30},
    ],
)
def test_grids_are_the_same(both: list[httpx.Client], scope: str, asked: dict[str, Any]) -> None:
    every = ["least", "greatest", "first", "last", "mean", "count", "missing"]
    prefixes = [f"{scope}/run-{number}" for number in (2, 0, 1)] + [f"{scope}/none"]
    api, local = answers(
        both, "metrics/grid", prefixes=prefixes, name="train", fields=["loss"], statistics=every, **asked
    )
    assert api == local


@pytest.mark.parametrize("asked", [{"points": 30}, {"filter": ["loss < 0.5"], "x": "step", "points": 50}])
def test_views_with_expressions_are_the_same(both: list[httpx.Client], scope: str, asked: dict[str, Any]) -> None:
    prefixes = [f"{scope}/run-{number}" for number in (2, 0)] + [f"{scope}/none"]
    asked = {"name": "train", "expression": ["log10(loss)", "loss * step"], **asked}
    api, local = answers(both, "metrics/views", prefixes=prefixes, **asked)
    assert api == local and len(api["views"][0]["view"]["expressions"]) == 2
    api, local = answers(both, "metrics/view", prefix=prefixes[0], fields=["step"], **asked)
    assert api == local


def test_searches_groups_and_names_are_the_same(both: list[httpx.Client], scope: str) -> None:
    columns = ["prefix", "tags", "params.optimizer.lr", "metrics.train.loss.max", "metrics.train.loss.mean", "status"]
    asked: dict[str, Any] = {"filter": f'prefix starts with "{scope}/"', "fields": columns, "limit": 2}
    asked["sort"] = "-params.optimizer.lr"
    first = answers(both, "experiments", **asked)
    cursors = [one.pop("next") for one in first]
    assert first[0] == first[1] and len(first[0]["experiments"]) == 2
    second = [answers([one], "experiments", **asked, cursor=at)[0] for one, at in zip(both, cursors, strict=True)]
    assert second[0] == second[1] and len(second[0]["experiments"]) == 1
    groups = answers(
        both,
        "experiments",
        filter=asked["filter"],
        group=["params.optimizer.name", "params.seed"],
        values=["metrics.train.step.last", "params.optimizer.lr"],
    )
    assert groups[0] == groups[1]


def test_comparisons_and_where_runs_part_are_the_same(both: list[httpx.Client], scope: str) -> None:
    prefixes = [f"{scope}/run-{number}" for number in range(3)]
    api, local = answers(both, "compare", prefixes=prefixes, everything="true")
    assert [api[part] for part in ("prefixes", "absent", "params", "statistics")] == [
        local[part] for part in ("prefixes", "absent", "params", "statistics")
    ]
    api, local = answers(both, "compare/parted", prefixes=prefixes[:2], name="train", field="loss", points=100)
    assert api == local and api["x"] == 1_501


def test_one_run_is_the_same(both: list[httpx.Client], scope: str) -> None:
    of = {"prefix": f"{scope}/run-1"}
    for path, asked in (
        ("params", of),
        ("metrics", of),
        ("metrics/points", {**of, "name": "train", "start_index": 690, "limit": 40}),
        ("metrics/view", {**of, "name": "train", "points": 20}),
        ("tracks", of),
        ("logs/lines", {**of, "level": ["warn"], "search": "STEP"}),
    ):
        api, local = answers(both, path, **asked)
        assert api == local, path
