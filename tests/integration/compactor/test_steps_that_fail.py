"""What is done beside the moves goes on, whatever one of its steps raises; health says so until it goes through."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from mldash_compactor import instruments, now_and_then
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.errors import HoleInChain, RangeMoved, StreamClosed
from mldash_compactor.moving import candidates
from mldash_compactor.moving.candidates import StreamState
from mldash_compactor.upkeep import retention, strays, sweep
from mldash_compactor.upkeep.removal import go_on_with_removals
from mldash_compactor.upkeep.retention import keep_retention, set_policy
from mldash_compactor.upkeep.strays import find_strays
from tests.own_errors import Faulty
from tests.world import World

from .chains import PREFIX, Chain, compacting, eventually

pytestmark = pytest.mark.integration

STEPS = {
    "sweep orphans": (now_and_then, "sweep"),
    "go on with removals": (now_and_then, "go_on_with_removals"),
    "keep retention": (now_and_then, "keep_retention"),
    "find strays": (now_and_then, "find_strays"),
    "read first numbers": (now_and_then, "read_first_numbers"),
    "take up streams": (candidates, "due_streams"),
}

FAMILIES = ("mldash_compactor.errors", "mldash_compactor.chunks.errors")


@pytest.mark.parametrize("name", STEPS)
async def test_every_step_outlives_every_error_of_ours_is_red_meanwhile_and_green_again(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each class of ours is thrown out of one step of a compactor that runs; then the step is let through."""
    place, attribute = STEPS[name]
    faulty = Faulty(getattr(place, attribute), *FAMILIES)
    monkeypatch.setattr(place, attribute, faulty)
    monkeypatch.setattr(now_and_then, "_DAY_S", 0.01)
    before = _failures(name)
    count = len(faulty.errors)
    # Tracebacks are rendered with all their variables in a terminal: captured, they cost nothing.
    settings = world.compactor(sweep_s=0.01, retry_s=0.01, poll_s=0.01)
    with capture_logs():
        async with compacting(settings) as compactor:

            async def red() -> bool:
                return faulty.calls > count and name in (await compactor.health() or "")

            await eventually(red, 60)
            assert _failures(name) - before >= count
            faulty.is_stuck = False

            async def green() -> bool:
                return await compactor.health() is None

            await eventually(green, 60)


def _failures(name: str) -> float:
    [metric] = instruments.task_failures.collect()
    return sum(one.value for one in metric.samples if one.name.endswith("_total") and one.labels["task"] == name)


async def test_streams_behind_one_that_cannot_expire_expire_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floor of one is not found for a hole; what another expired is gone, and the hole is raised at the end."""
    chains = [await Chain(world, name=name).make() for name in ("a", "b", "c")]
    real = retention._floor_of

    async def floor_of(mongo: Any, stream: StreamState, cutoff: float) -> int:
        if stream.id == chains[0].id:
            raise HoleInChain(stream.id, 0, 1)
        return await real(mongo, stream, cutoff)

    monkeypatch.setattr(retention, "_floor_of", floor_of)
    async with compacting(world.compactor()):
        for chain in chains:
            await chain.grow(10_000)
        for chain in chains:
            await eventually(lambda chain=chain: _is_cold(chain))
    await set_policy(world.mongo, PREFIX.owner, {"metrics": 1.0})
    with pytest.raises(HoleInChain):
        await keep_retention(world.mongo, 4e9)
    assert [(await chain.document())["floor"] for chain in chains] == [0, 10_000, 10_000]


async def _is_cold(chain: Chain) -> bool:
    return await chain.cold() == 10_000


async def test_removals_behind_one_that_fails_are_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where one experiment's prefix is none by now."""
    notes = [{"gen": 0, "at": 1.0}]
    await world.mongo.experiments.insert_many(
        [
            {"_id": b"a" * 16, "prefix": "", "gen": 1, "purge": notes},
            {"_id": Chain(world).experiment, "prefix": PREFIX.text, "gen": 1, "purge": notes},
        ]
    )
    with pytest.raises(ValueError):
        await go_on_with_removals(world.mongo, world.objects, 0.0, 1e9)
    left = await world.mongo.experiments.find({"purge.gen": 0}).to_list(None)
    assert [one["prefix"] for one in left] == [""]


async def test_strays_and_orphans_behind_one_that_fails_are_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two streams without a due time, the first of which cannot be looked at; two objects of streams that are gone."""

    chains = sorted([await Chain(world, name=name).make() for name in ("a", "b")], key=lambda chain: chain.id)
    for chain in chains:
        await chain.grow(10_000, snapshot=False)
    real_chain_end = strays.chain_end

    async def chain_end(mongo: Any, stream: bytes, cold: int) -> int:
        if stream == chains[0].id:
            raise StreamClosed(stream)
        return await real_chain_end(mongo, stream, cold)

    monkeypatch.setattr(strays, "chain_end", chain_end)
    with pytest.raises(StreamClosed):
        await find_strays(world.mongo, asyncio.Event(), keep_events=0, idle_s=1.0)
    assert ["due_at" in await chain.document() for chain in chains] == [False, True]

    looked = list[str]()

    async def is_orphan(mongo: Any, key: str) -> bool | None:
        looked.append(key)
        if len(looked) == 1:
            raise RangeMoved(b"", 0, "meanwhile")
        return True

    monkeypatch.setattr(sweep, "_is_orphan", is_orphan)
    keys = [f"owner=o/project=p/experiment=e/gen=0/stream={n:032x}/00000000-000001.parquet" for n in (1, 2)]
    for key in keys:
        await world.objects.put(key, b"x", crc32c(b"x"))
    with pytest.raises(RangeMoved):
        await sweep.sweep(world.mongo, world.objects, -60.0)
    assert looked == keys
    assert [one.key async for one in world.objects.list()] == keys[:1]
