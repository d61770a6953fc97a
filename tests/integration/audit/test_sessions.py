"""What the SDK says of itself is enough for an audit: of processes that end, and of those that are killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mldash.events.identity import Prefix
from mldash_api.audit.findings import Report
from mldash_api.commands.audit import audit_experiment
from tests.integration.ingest_workers.emitting import eventually, working
from tests.integration.query_api.conftest import Running
from tests.stack import run_mldash
from tests.world import World

from .conftest import committed_to_the_end

PREFIX = "owner/project/run"
TRAIN = """
import os, signal, sys
from mldash import Experiment
remote, journal, ending = sys.argv[1:]
experiment = Experiment("owner/project/run", remote=remote, journal=journal, heartbeat_s=0.1)
experiment.run.start()
experiment.params.set(lr=0.1)
for step in range(500):
    experiment.metrics("train").log(step=step)
    experiment.tracks("position").append(x=step, _ts=step // 2)
experiment.flush(30)
if ending == "killed":
    for step in range(500, 600):
        experiment.metrics("train").log(step=step)
    os.kill(os.getpid(), signal.SIGKILL)
experiment.run.complete()
"""

pytestmark = pytest.mark.integration


@pytest.fixture
async def remote(world: World) -> AsyncIterator[str]:
    """The address of an API; behind it a worker."""
    running = Running(world.api())
    async with running, working(world.worker()):
        yield f"http://127.0.0.1:{running.api.port}"


async def train(remote: str, journal: Path, ending: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TRAIN, remote, str(journal), ending)
    assert await process.wait() == (-9 if ending == "killed" else 0)


async def audit(world: World) -> Report:
    await eventually(lambda: committed_to_the_end(world))
    return await audit_experiment(world.api(), world.name, Prefix(PREFIX))


async def test_a_process_that_ends_has_claimed_all_that_it_wrote(world: World, remote: str, tmp_path: Path) -> None:
    await train(remote, tmp_path / "journal", "completed")
    report = await audit(world)
    assert report.findings == []
    claimed = {(one.kind, one.name): one.claimed for one in report.sessions}
    assert claimed == {("metrics", "train"): 500, ("tracks", "position"): 500, ("params", ""): 1, ("runs", ""): 2}


async def test_of_a_killed_process_the_end_is_unknown_until_its_journal_is_sent(
    world: World, remote: str, tmp_path: Path
) -> None:
    await train(remote, tmp_path / "journal", "killed")
    report = await audit(world)
    assert report.ok
    assert {one.what for one in report.findings} == {"end-unknown"}
    sent = await asyncio.to_thread(run_mldash, "sync", str(tmp_path / "journal"))
    assert "sent" in sent.stdout
    report = await audit(world)
    assert report.findings == []
    assert {one.claimed for one in report.sessions if one.name == "train"} == {600}
