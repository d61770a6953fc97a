"""A worker outlives every error of ours: it begins again at the group's offsets, and stores each event once."""

import pytest
from structlog.testing import capture_logs

from mldash_ingest import instruments
from mldash_ingest.worker import Worker
from tests.own_errors import Faulty
from tests.world import World

from .emitting import emitting, eventually, points, stored, until_stored, working

ONE = b"1" * 16
STEPS = {
    "append": lambda worker: (worker._appending, "append"),
    "move sessions forward": lambda worker: (worker._sessions, "move_forward"),
    "announce": lambda worker: (worker._kafka.statements, "announce"),
    "commit": lambda worker: (worker._kafka.batches, "commit"),
    "upkeep": lambda worker: (worker._snapshots, "write_quiet"),
    "fetch": lambda worker: (worker._kafka.batches, "next"),
    "look at the lag": lambda worker: (worker._kafka.lag, "_look"),
}

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", STEPS)
async def test_every_step_outlives_every_error_of_ours_and_all_is_stored_once(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each class is thrown out of one step of a worker that has a batch in hand; then the step is let through."""
    monkeypatch.setattr("mldash_ingest.worker._UPKEEP_S", 0.0)
    monkeypatch.setattr("mldash_ingest.worker._FIRST_DELAY_S", 0.001)
    monkeypatch.setattr("mldash_ingest.worker.EVERY_S", 0.01)
    # Tracebacks are rendered with all their variables in a terminal: captured, they cost nothing.
    with capture_logs():
        await _outlive(world, name)


async def _outlive(world: World, name: str) -> None:
    async with emitting(world) as emitter, working(world.worker(retry_s=0.005)) as worker:
        await emitter.send(ONE, 0, points(ONE, 0, 10))
        await until_stored(world, 10)
        faulty = _break(worker, name)
        count = len(faulty.errors)
        before = _failures()
        await emitter.send(ONE, 10, points(ONE, 10, 10))

        async def red() -> bool:
            return faulty.calls > count and await worker.health() is not None

        await eventually(red, 120)
        assert _failures() > before or name == "fetch"
        faulty.is_stuck = False
        await until_stored(world, 20)

        async def green() -> bool:
            return await worker.health() is None

        await eventually(green)
        await emitter.send(ONE, 20, points(ONE, 20, 10))
        await until_stored(world, 30)
    assert await stored(world) == [(ONE, seq) for seq in range(30)]


def _break(worker: Worker, name: str) -> Faulty:
    place, attribute = STEPS[name](worker)
    faulty = Faulty(getattr(place, attribute), "mldash_ingest.errors")
    setattr(place, attribute, faulty)
    return faulty


def _failures() -> float:
    [metric] = instruments.task_failures.collect()
    return sum(one.value for one in metric.samples if one.name.endswith("_total"))
