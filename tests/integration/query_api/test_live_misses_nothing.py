"""Moments at which a listener once missed what is stored: as another one came, between an event and a gap, and as an
experiment was deleted while its streams were being listed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import pytest

from mldash_api.app import Api
from mldash_api.live import hub, reading, rounds
from mldash_api.stores.streams import ExperimentRef
from mldash_ingest.documents.mongo import Mongo
from tests.integration.ingest_workers.emitting import eventually
from tests.world import World

from .conftest import Running
from .listening import indices_of, listening
from .writing import PREFIX, Chain, numbered

pytestmark = pytest.mark.integration


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        yield running.api


class Rounds:
    """The looks of rounds; while `may_look` is not set they wait, with the ends that were known when they began."""

    def __init__(self) -> None:
        self.waits, self.may_look = asyncio.Event(), asyncio.Event()
        self.may_look.set()

    async def look(self, mongo: Mongo, ends: Mapping[bytes, int]) -> reading.Look:
        if not self.may_look.is_set():
            self.waits.set()
            await self.may_look.wait()
        return await reading.look(mongo, ends)


async def test_what_another_one_that_comes_finds_first_is_told_to_all(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes has the ends of its experiments read anew, where it asks for streams that nobody listened to."""
    held = Rounds()
    monkeypatch.setattr(rounds, "look", held.look)
    loss, logs = await Chain(world).begin(), await Chain(world, "logs", "").begin()
    await loss.append(numbered(0, 3))
    await logs.append([{"level": "info", "message": "a line"}])
    async with listening(api.port, prefix=PREFIX, kind=["points", "fields"], **{"from": "start"}) as ear:
        await ear.until("up-to-date")
        held.may_look.clear()
        await held.waits.wait()
        await loss.append([{"new": 1.0}, {"new": 2.0}])
        async with listening(api.port, prefix=PREFIX, kind="lines", **{"from": "start"}) as other:
            await other.until("up-to-date")
            held.may_look.set()
            fields = await ear.until("fields")
            await ear.until("points")
            assert fields.data == [{"prefix": PREFIX, "kind": "metrics", "name": "loss", "fields": ["new"]}]
            assert indices_of(ear.heard) == [*range(5)]


@pytest.mark.parametrize("prefix", ["a/project/run", "z/project/run"])
async def test_who_comes_back_between_an_event_and_a_gap_is_told_the_gap(world: World, api: Api, prefix: str) -> None:
    """Of two streams of a kind one begins with a gap. Behind each event's id follows all that came behind the event."""
    whole = await Chain(world).begin()
    await whole.append(numbered(0, 3))
    cut = await Chain(world, prefix=prefix).begin(floor=10_000, cold=10_000, next=10_000)
    cut.end = 10_000
    await cut.append(numbered(10_000, 5))
    asked: dict[str, Any] = {"prefix": [PREFIX, prefix], "kind": "points"}
    async with listening(api.port, **asked, **{"from": "start"}) as ear:
        await ear.until("up-to-date")
    told = [(one.name, one.data) for one in ear.heard]
    assert "gap" in [name for name, _ in told]
    for number, one in enumerate(ear.heard):
        async with listening(api.port, **asked, after=one.id) as again:
            await again.until("up-to-date")
        assert [(heard.name, heard.data) for heard in again.heard[:-1]] == told[number + 1 : -1], one.name


class Listings:
    """Lists of streams; the next one that holds two is kept back, as it was, until it is let go."""

    def __init__(self) -> None:
        self.is_kept, self.may_go = asyncio.Event(), asyncio.Event()

    async def find(
        self, mongo: Mongo, experiments: Sequence[ExperimentRef], kinds: Iterable[str]
    ) -> list[reading.Found]:
        found = await reading.find_chains(mongo, experiments, kinds)
        if len(found) == 2 and not self.is_kept.is_set():
            self.is_kept.set()
            await self.may_go.wait()
        return found


async def test_a_list_of_streams_from_before_a_deletion_says_nothing_of_what_was_made_anew(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings = Listings()
    monkeypatch.setattr(hub, "find_chains", listings.find)
    loss = await Chain(world).begin()
    await loss.append(numbered(0, 3))

    async def has_noticed() -> bool:
        assert api.live is not None
        (watched,) = api.live.hub.watched.values()
        return watched.is_loaded and watched.generation == 1

    async with listening(api.port, prefix=PREFIX, kind="points", **{"from": "start"}) as ear:
        await ear.until("up-to-date")
        other = await Chain(world, name="other").begin()
        await other.append(numbered(0, 5))
        await listings.is_kept.wait()
        await Chain(world, generation=1).begin()
        await ear.until("gap")
        await eventually(has_noticed)
        listings.may_go.set()
        again = await Chain(world, name="again", generation=1).begin()
        await again.append(numbered(0, 1))
        await ear.until("points")
        async with listening(api.port, prefix=PREFIX, kind="points") as late:
            await late.until("up-to-date")
            other = await Chain(world, name="other", generation=1).begin()
            await other.append(numbered(0, 2))
            await late.until("points", 20.0)
            assert indices_of(late.heard, "other") == [0, 1]
