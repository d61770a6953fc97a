"""`mldash show`, `compare` and `export` over an API: the same data and exit codes as over folders."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mldash_api.exports import ranges
from tests.world import World

from .conftest import Client
from .runs import put_run
from .writing import PREFIX, Chain, Event

pytestmark = pytest.mark.integration

ROBOTS = [f"alice/robots/{at}" for at in range(2)]


async def test_runs_of_an_api_are_shown_and_compared_on_the_terminal(world: World, client: Client) -> None:
    address = str(client.http.base_url)
    for at, prefix in enumerate(ROBOTS):
        events: list[Event] = [{"loss": 100.0 - step} for step in range(100)]
        status = "FAILED" if at else "COMPLETED"
        await put_run(world, prefix, {"lr": 0.1 * at, "seed": 7}, {"train": events}, status=status)

    async def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "mldash", *arguments, "--remote", address]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)

    shown = await ask("show", ROBOTS[0], "--json")
    found = json.loads(shown.stdout)
    assert (shown.returncode, found["run"]["status"], found["params"]) == (0, "COMPLETED", {"lr": 0.0, "seed": 7})
    ((loss,),) = [one["fields"] for one in found["metrics"]]
    assert loss["curve"][-1] == loss["statistics"]["last"] == 1.0 and len(loss["curve"]) == 24
    failed = await ask("show", ROBOTS[1], "--exit-code")
    assert failed.returncode == 4 and "█" in failed.stdout
    absent = await ask("show", "alice/robots/none")
    assert (absent.returncode, absent.stdout) == (1, "") and len(absent.stderr.splitlines()) == 1

    compared = await ask("compare", *ROBOTS, "--json", "--exit-code")
    differing = json.loads(compared.stdout)
    assert compared.returncode == 3 and [row["name"] for row in differing["params"]] == ["lr"]
    assert differing["statistics"] == []
    whole = json.loads((await ask("compare", *ROBOTS, "--json", "--all")).stdout)
    assert [row["name"] for row in whole["params"]] == ["lr", "seed"] and len(whole["statistics"]) == 6


async def test_an_export_that_breaks_off_leaves_no_file(
    world: World, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk is lost behind the first piece: the API ends the connection in the middle of the file."""
    monkeypatch.setattr(ranges, "EXPORT_PIECE_POINTS", 3_000)
    chain = await Chain(world).begin()
    for k in range(2):
        await chain.append([{"loss": at / 3} for at in range(10_000)])
        await chain.move(k, chain.end)
    target = tmp_path / "loss.csv"

    async def export(*more: str) -> subprocess.CompletedProcess[bytes]:
        asked = ["export", PREFIX, "--metric", "loss", *more, "--remote", str(client.http.base_url)]
        command = [sys.executable, "-P", "-m", "mldash", *asked]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=120)

    whole = await export("-o", str(target))
    assert whole.returncode == 0 and len(target.read_bytes().splitlines()) == 20_001
    target.unlink()
    keys = [one.key async for one in world.objects.list()]
    await world.objects.delete([key for key in keys if "/00000001-" in key])
    broken = await export("-o", str(target))
    assert broken.returncode == 1 and len(broken.stderr.splitlines()) == 1, broken.stderr
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []
    part = await export("--end-index", "10000", "--format", "jsonl")
    assert part.returncode == 0 and len(part.stdout.splitlines()) == 10_000
