"""examples/nan_alert.py alerts on each stored NaN once, and on none that is not stored."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mldash.events.schema import Rows
from tests.integration.ingest_workers.emitting import PREFIX, emitting, working
from tests.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "nan_alert.py"
ONE = b"1" * 16
NAN = float("nan")

pytestmark = pytest.mark.integration


@asynccontextmanager
async def alerting(world: World, *arguments: str) -> AsyncIterator[Process]:
    """The example as a user runs it; it ends with Ctrl-C and without a word."""
    addresses = ("--kafka", world.servers.kafka, "--topic-prefix", world.name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), *arguments, *addresses, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert (process.returncode, told) == (0, b"")


async def next_alert(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    alert: dict[str, Any] = json.loads(line)
    return alert


async def test_it_alerts_on_a_nan_loss_once_it_is_stored_and_once_only(world: World) -> None:
    """The first record is sent twice; one that will be set aside brings a NaN too."""
    async with emitting(world) as emitter, alerting(world, "owner/project", "--field", "loss") as process:
        rows = Rows(["loss", "other"], [1.0, 2.0, 3.0], [[0.5, NAN], [NAN, 0.0], [float("inf"), 0.0]])
        await emitter.send(ONE, 0, rows)
        await emitter.send(ONE, 0, rows)
        await emitter.send(ONE, 3, Rows(["loss", "missing"], [4.0], [[NAN]]))
        waiting = asyncio.create_task(next_alert(process))
        done, _ = await asyncio.wait({waiting}, timeout=2.0)
        assert not done  # nothing is stored: no worker runs
        async with working(world.worker()):
            first, second = await waiting, await next_alert(process)
            await emitter.send(ONE, 4, Rows(["loss"], [5.0], [[NAN]]))
            third = await next_alert(process)
    assert first == {
        "experiment": PREFIX,
        "metric": "loss",
        "field": "loss",
        "value": "nan",
        "session": ONE.hex(),
        "seq": 1,
        "time": 2.0,
    }
    assert (second["seq"], second["value"]) == (2, "inf")
    assert third["seq"] == 4


async def test_it_watches_only_what_it_was_asked_to(world: World) -> None:
    async with (
        emitting(world) as emitter,
        working(world.worker()),
        alerting(world, "owner/other") as other,
        alerting(world, PREFIX, "--field", "val") as process,
    ):
        await emitter.send(ONE, 0, Rows(["loss", "val"], [1.0, 2.0], [[NAN, 0.0], [0.0, NAN]]))
        assert (await next_alert(process))["seq"] == 1
        assert other.stdout is not None
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.stdout.readline(), 0.5)
