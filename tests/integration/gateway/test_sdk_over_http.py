"""An SDK that can't reach Kafka, or shall not: the same runs, the same journal, over HTTP."""

import asyncio
import os
import sys
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment, MldashWarning
from mldash.delivery import ways
from mldash.doctor import examine
from tests.gate import gate_before
from tests.integration.ingest_workers.emitting import eventually, working
from tests.integration.query_api.conftest import Client, Running
from tests.integration.query_api.test_tokens import token_for
from tests.world import World

from .conftest import PREFIX

OUT_OF_REACH = "127.0.0.1:9"
"""Of Kafka, for training hosts; the API has the real one."""

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for known in ("_told", "_reached"):
        monkeypatch.setattr(ways, known, set())
    monkeypatch.setattr(ways, "_out_of_reach", {})


@pytest.fixture
async def api(world: World) -> AsyncIterator[Client]:
    async with working(world.worker()), Running(world.api(public_kafka=OUT_OF_REACH, stop_timeout_s=2.0)) as made:
        yield made


def steps_of(experiment: Experiment) -> list[int]:
    return [point["data"]["step"] for point in experiment.metrics("train").iter()]


async def steps_at(api: Client, count: int, **keywords: Any) -> bool:
    """Whether so many steps are stored. An AssertionError where any is missing, twice or out of order."""
    reader = Experiment(PREFIX, remote=str(api.http.base_url), **keywords)
    steps = await asyncio.to_thread(steps_of, reader)
    assert steps == list(range(len(steps)))
    return len(steps) == count


def train(remote: str, journal: Path, flush_s: float = 60.0, **keywords: Any) -> tuple[list[Any], list[str]]:
    """What a run reads back of itself, and what it was warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", MldashWarning)
        with Experiment(PREFIX, remote=remote, journal=str(journal), echo=False, **keywords) as experiment:
            for step in range(500):
                experiment.metrics("train").log(step=step, loss=1.0 / (step + 1))
            experiment.params.set(lr=0.1)
            experiment.log("done")
            experiment.flush(timeout=flush_s)
            steps = steps_of(experiment)
        return steps, [str(one.message) for one in told if one.category is MldashWarning]


@pytest.mark.parametrize("transport", ["auto", "http"])
async def test_a_run_whose_host_cannot_reach_kafka_is_stored_whole_over_http(
    api: Client, tmp_path: Path, transport: str
) -> None:
    """`auto` says once which way it has taken, and why."""
    address = str(api.http.base_url)
    steps, told = await asyncio.to_thread(train, address, tmp_path / "journal", transport=transport)
    assert steps == list(range(500))
    assert len(told) == (transport == "auto"), told
    if told:
        assert OUT_OF_REACH in told[0] and "by HTTP" in told[0]
    assert not list((tmp_path / "journal").glob("*/*.seg")), "the journal is delivered, and gone"


async def test_who_asks_for_kafka_alone_gets_nothing_else(api: Client, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=OUT_OF_REACH):
        await asyncio.to_thread(
            train, str(api.http.base_url), tmp_path / "journal", 8.0, transport="kafka", close_timeout_s=1.0
        )
    assert not (await api.get("/v1/experiments"))["experiments"]


async def test_an_api_that_is_cut_off_and_comes_back_gets_everything_once(
    world: World, api: Client, tmp_path: Path
) -> None:
    host, port = api.http.base_url.host, api.http.base_url.port
    with gate_before(f"http://{host}:{port}") as (gate, address):
        experiment = Experiment(PREFIX, remote=address, journal=str(tmp_path), echo=False, transport="http")
        await asyncio.to_thread(experiment.run.start)
        for step in range(3_000):
            experiment.metrics("train").log(step=step)
            if step % 1_000 == 500:
                gate.shut()
                await asyncio.sleep(0.2)  # rounds are gathered every 20 ms: some fall into the gap
                gate.open()
        await asyncio.to_thread(experiment.run.complete)
        await eventually(lambda: steps_at(api, 3_000))


async def test_what_an_offline_run_left_is_synced_over_http_with_a_token(world: World, tmp_path: Path) -> None:
    def run_offline() -> None:
        with Experiment(PREFIX, mode="offline", journal=str(tmp_path), echo=False) as experiment:
            for step in range(100):
                experiment.metrics("train").log(step=step)

    await asyncio.to_thread(run_offline)
    token = await token_for(world, ("write", "owner"))
    settings = world.api(auth="tokens", public_kafka=OUT_OF_REACH, stop_timeout_s=2.0)
    async with working(world.worker()), Running(settings) as guarded:
        given = {"REMOTE": str(guarded.http.base_url), "TOKEN": token, "TRANSPORT": "http"}
        sync = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mldash", "sync", str(tmp_path)),
            env={**os.environ, **{f"MLDASH_{name}": value for name, value in given.items()}},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(sync.communicate(), 60)
        assert (sync.returncode, b"sent" in said) == (0, True), said
        await eventually(lambda: steps_at(guarded, 100, token=token))


@pytest.mark.parametrize("transport", ["auto", "http"])
async def test_the_doctor_says_whether_events_can_go_over_http(
    api: Client, tmp_path: Path, transport: str, world: World
) -> None:
    given = {"remote": str(api.http.base_url), "journal": str(tmp_path), "transport": transport}
    found = {one.what: one for one in await asyncio.to_thread(lambda: [*examine(given)])}
    assert found["HTTP"].state == "ok"
    assert found["Kafka"].state == ("skipped" if transport == "http" else "problem")
    async with Running(world.api(auth="tokens", public_kafka=OUT_OF_REACH, stop_timeout_s=2.0)) as guarded:
        given |= {"remote": str(guarded.http.base_url), "token": await token_for(world, ("read", ""))}
        found = {one.what: one for one in await asyncio.to_thread(lambda: [*examine(given)])}
    assert found["HTTP"].state == "problem" and "right to write" in found["HTTP"].said
