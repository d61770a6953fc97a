"""docs/sdk.md, Finding and comparing runs: AsyncClient is the Client for asyncio; groups of runs in both."""

import asyncio
import inspect
import os
from pathlib import Path
from typing import Any

import pytest

from mldash import AsyncClient, Client, Experiment, FilterError, NeedsApi
from mldash.client.live.events import Points, UpToDate
from tests.integration.ingest_workers.emitting import eventually
from tests.stored import until_stored

PLACES = ["local", pytest.param("remote", marks=pytest.mark.integration)]
WITHIN_S = 60.0


@pytest.fixture(params=PLACES)
def keywords(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    if request.param == "remote":
        return {"echo": False, **request.getfixturevalue("remote")}
    (tmp_path / ".dash").mkdir()
    return {"echo": False, "root": tmp_path / ".dash"}


def client_of(keywords: dict[str, Any]) -> AsyncClient:
    return AsyncClient(remote=keywords.get("remote"), root=keywords.get("root"))


def log(prefix: str, keywords: dict[str, Any], lr: float) -> None:
    with Experiment(prefix, **keywords).run as experiment:
        experiment.params.set(lr=lr, model="vit" if lr < 1 else "cnn")
        experiment.metrics("loss").log_many(value=[float(one) for one in range(10)])
        experiment.tracks("pose").append(x=1.0, _ts=0.5)
        experiment.log("it begins")
        until_stored(experiment, ["loss"], ["pose"])


async def test_what_a_client_does_is_awaited_with_the_same_arguments(keywords: dict[str, Any]) -> None:
    project = f"async-{os.urandom(5).hex()}"
    prefixes = [f"alice/{project}/{at}" for at in range(3)]
    for at, prefix in enumerate(prefixes):
        await asyncio.to_thread(log, prefix, keywords, [0.1, 0.2, 1.0][at])
    client = client_of(keywords)
    mine = f'project = "{project}"'

    async def are_there() -> bool:
        return await client.runs(f"{mine} and metrics.loss.value.count = 10 and params.lr exists").count() == 3

    await eventually(are_there, WITHIN_S)
    found = client.runs(mine, sort="-params.lr", columns=["params.lr"])
    assert [row["params.lr"] async for row in found] == [1.0, 0.2, 0.1]
    assert [row.prefix async for row in found] == prefixes[::-1] and found.columns == ["params.lr"]
    assert (await found.to_pandas()).loc[prefixes[0], "params.lr"] == 0.1
    assert (await found.to_arrow()).num_rows == (await found.to_polars()).height == len(await found.to_list()) == 3
    run = client.run(prefixes[1])
    status, page, params, lines = await asyncio.gather(
        run.status(), run.metrics("loss").read(limit=4), run.params.get(), run.logs.read()
    )
    assert (status, page["total"], params["lr"], lines[0]["message"]) == ("COMPLETED", 4, 0.2, "it begins")
    assert (await run.tracks("pose").read())["entries"] == [{"timestamp": 0.5, "x": 1.0}]
    assert [one["name"] for one in await run.metrics.list()] == ["loss"]
    assert (await client.run(f"alice/{project}/none").about()) is None
    assert "params.lr" in {one["field"] for one in await client.fields("params.l")}
    assert client.explain("params.lr < 1")["words"]
    with pytest.raises(FilterError):
        client.runs("params.lr <<")


async def test_a_listener_that_is_cancelled_while_it_waits_loses_nothing(keywords: dict[str, Any], prefix: str) -> None:
    async with client_of(keywords).live(prefix, kinds="points", start="start") as live:
        told, timeouts = list[int](), 0
        async with asyncio.timeout(WITHIN_S):
            async for event in live:
                if isinstance(event, UpToDate):
                    break
        logging = asyncio.create_task(asyncio.to_thread(log, prefix, keywords, 0.1))
        async with asyncio.timeout(WITHIN_S):
            while len(told) < 10:
                try:
                    async with asyncio.timeout(0.005):
                        event = await anext(live)
                except TimeoutError:
                    timeouts += 1
                    continue
                if isinstance(event, Points):
                    told += [one["index"] for one in event.points]
        await logging
        assert told == [*range(10)] and timeouts and live.id
        waiting = asyncio.create_task(anext(live, None))
        await asyncio.sleep(0)
    assert await waiting is None and [one async for one in live] == []


def test_the_two_have_the_same_calls_with_the_same_arguments(tmp_path: Path) -> None:
    client, other = Client(tmp_path), AsyncClient(tmp_path)
    names = {name for name in dir(client) if not name.startswith("_")} - {"of", "over"}
    assert names == {name for name in dir(other) if not name.startswith("_")}
    for name in names - {"where"}:
        assert inspect.signature(getattr(client, name)) == inspect.signature(getattr(other, name)), name
        assert getattr(other, name).__doc__, name
    assert client.where == other.where


@pytest.mark.integration
async def test_groups_are_typed_and_tables(remote: dict[str, Any]) -> None:
    project = f"groups-{os.urandom(5).hex()}"
    for at in range(3):
        await asyncio.to_thread(log, f"alice/{project}/{at}", {"echo": False, **remote}, [0.1, 0.2, 1.0][at])
    client = AsyncClient(remote["remote"])
    mine, last = f'project = "{project}"', "metrics.loss.value.last"

    async def are_there() -> bool:
        return await client.runs(f"{mine} and {last} = 9 and params.lr exists").count() == 3

    await eventually(are_there, WITHIN_S)
    groups = await client.groups(mine, by=["params.model", "params.lr"], values=[last, "params.lr"])
    assert (groups.count, sorted((one.value, one.count) for one in groups)) == (3, [("cnn", 1), ("vit", 2)])
    (vit,) = (one for one in groups if one.value == "vit")
    assert sorted(one.value for one in vit.groups) == [0.1, 0.2]
    lr = vit.values["params.lr"]
    assert (lr.count, lr.min, lr.max, round(lr.mean or 0, 9)) == (2, 0.1, 0.2, 0.15)
    assert lr.low is not None and lr.high is not None and 0.1 <= lr.low <= lr.high <= 0.2
    frame = groups.to_pandas()
    assert sorted(frame.index.tolist()) == [("cnn", 1.0), ("vit", 0.1), ("vit", 0.2)]
    assert frame[f"mean({last})"].tolist() == [9.0] * 3 and frame["count"].tolist() == [1] * 3
    table = groups.to_arrow()
    assert table.column_names[:4] == ["params.model", "params.lr", "count", f"count({last})"]
    assert table.column("low(params.lr)").to_pylist() == [None] * 3 and groups.to_polars().height == 3
    by_one = await client.groups(mine, by="params.none")
    assert [(one.value, one.is_missing, one.count) for one in by_one] == [(None, True, 3)]
    with pytest.raises(FilterError):
        await client.groups(mine, by="params")


def test_groups_need_an_api(tmp_path: Path) -> None:
    with pytest.raises(NeedsApi):
        Client(tmp_path).groups(by="status")
