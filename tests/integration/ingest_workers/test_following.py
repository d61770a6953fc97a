"""Followers see every event once; those of durable data see none before it is stored, and none that was set aside."""

import asyncio
import json
import os
import signal
import sys

import pytest

from mldash.events.schema import End, Heartbeat, Rows, RunEvents, Signals, Start
from mldash_ingest.statements import Statements
from tests.stack import run_mldash
from tests.world import World

from .emitting import PREFIX, Died, emitting, points, until_stored, working
from .followers import following, until

ONE, TWO = b"1" * 16, b"2" * 16

pytestmark = pytest.mark.integration


async def test_each_event_comes_once_however_often_its_record_is_sent(world: World) -> None:
    async with emitting(world) as emitter, following(world, stored=False) as given:
        for first, count in [(0, 5), (0, 5), (3, 4), (7, 3), (0, 10)]:
            await emitter.send(ONE, first, points(ONE, first, count))
        await emitter.send(TWO, 40, points(TWO, 40, 1))
        await until(given, 11)
    assert given == [(ONE, seq) for seq in range(10)] + [(TWO, 40)]


async def test_what_is_not_stored_is_not_seen_by_who_asked_for_stored_events(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker runs at first; then one stores and is stopped before it announces."""
    async with (
        emitting(world) as emitter,
        following(world, stored=True) as durable,
        following(world, stored=False) as at_once,
    ):
        await emitter.send(ONE, 0, points(ONE, 0, 100))
        await until(at_once, 100)
        assert durable == []
        with monkeypatch.context() as patch:
            held = asyncio.Event()

            async def wait_instead(self: Statements, offsets: object) -> None:
                held.set()
                await asyncio.sleep(0)
                raise Died

            patch.setattr(Statements, "announce", wait_instead)
            with pytest.raises(Died):
                async with working(world.worker()):
                    await held.wait()
        await until_stored(world, 100)
        assert durable == []
        async with working(world.worker()):
            await until(durable, 100)
            await emitter.send(TWO, 0, points(TWO, 0, 50))
            await until(durable, 150)
    assert durable == at_once == [(ONE, seq) for seq in range(100)] + [(TWO, seq) for seq in range(50)]


async def test_what_was_set_aside_is_not_seen_by_who_asked_for_stored_events(world: World) -> None:
    async with emitting(world) as emitter, following(world, stored=True) as given, working(world.worker()):
        await emitter.send(ONE, 0, Rows(["a", "b"], [1.0], [[1]]))
        await emitter.send_bytes(b"nonsense")
        await emitter.send(ONE, 1, points(ONE, 1, 2))
        await until(given, 2)
    assert given == [(ONE, 1), (ONE, 2)]


async def test_who_follows_from_now_on_sees_nothing_of_before(world: World) -> None:
    async with emitting(world) as emitter:
        await emitter.send(ONE, 0, points(ONE, 0, 5))
        async with following(world, stored=False, beginning=False) as given:
            await emitter.send(ONE, 5, points(ONE, 5, 5))
            await until(given, 5)
    assert given == [(ONE, seq) for seq in range(5, 10)]


async def write(world: World) -> None:
    """A point that JSON has no word for, a line, a run, a record twice, another experiment's absence."""
    async with emitting(world) as emitter:
        await emitter.send(ONE, 0, Rows(["loss"], [1_000.0, 1_001.0], [[float("nan")], [0.5]]))
        await emitter.send(ONE, 0, Rows(["loss"], [1_000.0, 1_001.0], [[float("nan")], [0.5]]))
        await emitter.send(ONE, 0, Rows(["level", "message"], [2.0], [["info", "hello"]]), kind="logs")
        events = RunEvents([Start(1.0, host="h"), End(2.0, "COMPLETED")])
        await emitter.send(ONE, 0, events, Signals([Heartbeat(3.0)]), kind="runs")


async def test_the_command_shows_events_as_lines_and_as_json(world: World) -> None:
    await write(world)
    variables = {"MLDASH_KAFKA": world.servers.kafka, "MLDASH_TOPIC_PREFIX": world.name}
    told = run_mldash("tail", "--beginning", "--limit", "5", "--json", **variables).stdout
    events = [json.loads(line) for line in told.splitlines()]
    assert sorted(one["kind"] for one in events) == ["logs", "metrics", "metrics", "runs", "runs"]
    first = next(one for one in events if one["kind"] == "metrics")
    assert (first["data"], first["seq"], first["name"]) == ({"loss": {"$float": "NaN"}}, 0, "loss")
    assert (first["experiment"], first["session"]) == (PREFIX, ONE.hex())
    lines = run_mldash("tail", "--beginning", "--limit", "1", "--kind", "logs", **variables).stdout
    assert lines == f'1970-01-01 00:00:02.000000Z  {PREFIX}  logs  level="info"  message="hello"\n'
    async with working(world.worker()):
        stored = ["--stored", "--experiment", "owner/project", "--kind", "metrics", "--limit", "2", "--json"]
        told = (await asyncio.to_thread(run_mldash, "tail", "--beginning", *stored, **variables)).stdout
    assert [json.loads(line)["seq"] for line in told.splitlines()] == [0, 1]


async def test_ctrl_c_ends_the_command_without_a_trace(world: World) -> None:
    environment = {**os.environ, "MLDASH_KAFKA": world.servers.kafka, "MLDASH_TOPIC_PREFIX": world.name}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mldash", "tail", "--beginning"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    await write(world)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30)
    process.send_signal(signal.SIGINT)
    _, told = await process.communicate()
    assert (process.returncode, told.strip()) == (130, b"")
