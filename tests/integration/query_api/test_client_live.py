"""`Client.live` over an API whose connections are cut and which is stopped and started: nothing missed, none twice."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial

import pytest

from mldash import Client, LiveEnded, NotAllowed, RequestRefused, ServerUnreachable, TokenRefused
from mldash.client.live.events import Changed, Closed, LiveEvent, Points, UpToDate
from mldash.client.live.listener import Live
from mldash_api.live import scopes, tending
from mldash_api.rights.token_text import hash_of
from mldash_api.rights.tokens import revoke_token
from tests.integration.ingest_workers.emitting import eventually
from tests.world import World

from .conftest import Running
from .cutting import Door
from .test_tokens import token_for
from .writing import PREFIX, Chain, numbered

pytestmark = pytest.mark.integration

WITHIN_S = 60.0
NAMES = ["loss", "acc", "grad"]


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Running]:
    running = Running(world.api(auth="tokens", stop_timeout_s=2.0))
    async with running:
        yield running


def indices_by_name(events: list[LiveEvent]) -> dict[str | None, list[int]]:
    found = defaultdict[str | None, list[int]](list)
    for one in events:
        if isinstance(one, Points):
            found[one.name] += [point["index"] for point in one.points]
    return found


class Loop:
    """Goes through a listener's events in a thread."""

    def __init__(self, live: Live) -> None:
        self.live, self.events = live, list[LiveEvent]()
        self._task = asyncio.create_task(asyncio.to_thread(self._run))

    async def until(self, holds: Callable[[], bool]) -> None:
        """What ends the loop meanwhile is raised."""

        async def it_holds() -> bool:
            if self._task.done():
                await self._task
            return holds()

        await eventually(it_holds, WITHIN_S)

    async def has(self, kind: type) -> None:
        await self.until(lambda: any(isinstance(one, kind) for one in self.events))

    async def __aenter__(self) -> "Loop":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.live.close()
        await asyncio.wait({self._task})

    async def over(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            await self._task

    @property
    def count(self) -> int:
        return sum(len(one.points) for one in self.events if isinstance(one, Points))

    def _run(self) -> None:
        for event in self.live:
            self.events.append(event)


async def test_over_cuts_and_restarts_every_stored_event_is_told_once_and_in_order(
    world: World,
) -> None:
    chains = [await Chain(world, name=name).begin() for name in NAMES]
    running = Running(world.api(stop_timeout_s=0.5))
    port: int | None = None
    written = 0

    def told(count: int) -> bool:
        return loop.count >= count

    async def write(loop: Loop) -> None:
        """Some of it is told while more comes."""
        nonlocal written
        for _ in range(5):
            for chain in chains:
                await chain.append(numbered(chain.end, 400))
            written += 400 * len(chains)
            await loop.until(partial(told, written - 3_000))

    async with Door(lambda: port, seed=3) as door, AsyncExitStack() as first:
        await first.enter_async_context(running)
        port = running.api.port
        live = Client(f"http://127.0.0.1:{door.port}").live(PREFIX, kinds="points", start="start", changeable=True)
        async with Loop(live) as loop:
            await write(loop)
            port = None
            await first.aclose()
            for is_last in (False, True):
                door.is_calm = is_last
                running = Running(world.api(stop_timeout_s=0.5))
                async with running:
                    port = running.api.port
                    await write(loop)
                    if is_last:
                        await loop.until(partial(told, written))
                port = None
    assert indices_by_name(loop.events) == {name: [*range(6_000)] for name in NAMES}
    assert door.cuts >= 3, "too few to prove anything"
    assert Closed(reason="stopping", goes_on=True) in loop.events


async def test_a_change_before_and_after_a_restart_takes_effect(world: World) -> None:
    other = await Chain(world, name="acc", prefix="owner/project/other").begin()
    await other.append(numbered(0, 5))
    await Chain(world).begin()
    running = Running(world.api(stop_timeout_s=0.5))
    port: int | None = None
    async with Door(lambda: port, seed=1) as door, AsyncExitStack() as ends:
        door.is_calm = True
        async with running:
            port = running.api.port
            live = Client(f"http://127.0.0.1:{door.port}").live(PREFIX, kinds="points", changeable=True)
            loop = await ends.enter_async_context(Loop(live))
            await loop.has(UpToDate)
            number = await asyncio.to_thread(live.change, [PREFIX, other.prefix], kinds="points", start="start")
            await loop.until(lambda: indices_by_name(loop.events) == {"acc": [*range(5)]})
            assert Changed(change=number) in loop.events
        port, running = None, Running(world.api(stop_timeout_s=0.5))
        await other.append(numbered(5, 5))
        async with running:
            port = running.api.port
            await loop.until(lambda: indices_by_name(loop.events) == {"acc": [*range(10)]})


async def test_what_ends_a_stream_for_good_is_an_error_that_says_what_to_do(
    world: World, guarded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.2)
    monkeypatch.setattr(scopes, "MOST_EXPERIMENTS", 1)
    monkeypatch.setattr(tending, "MOST_EXPERIMENTS", 1)
    address = f"http://127.0.0.1:{guarded.api.port}"
    await Chain(world).begin()
    token = await token_for(world, ("read", "owner"))

    def client(token: str | None = token) -> Client:
        return Client(address, token=token)

    for live, kind in [
        (client("mld_" + "0" * 43).live(PREFIX), TokenRefused),
        (client().live("another/one/a"), NotAllowed),
    ]:
        with pytest.raises(kind):
            await Loop(live).over()
    with pytest.raises(RequestRefused) as refused:
        await Loop(client().live(PREFIX, after="AAAA")).over()
    assert refused.value.status == 400
    loop = Loop(client().live(scopes="owner"))
    await loop.has(UpToDate)
    await Chain(world, prefix="owner/project/second").begin()
    with pytest.raises(LiveEnded, match=r"too-many-experiments\): listen to a project"):
        await loop.over()
    loop = Loop(client().live(PREFIX))
    await loop.has(UpToDate)
    await revoke_token(world.mongo, hash_of(token).hex()[:16], 1.0)
    with pytest.raises(TokenRefused):
        await loop.over()
    assert Closed(reason="not-signed-in", goes_on=False) in loop.events


async def test_an_api_that_stays_away_is_given_up_after_the_patience(world: World) -> None:
    running = Running(world.api(stop_timeout_s=0.5))
    await Chain(world).begin()
    async with running:
        loop = Loop(Client(f"http://127.0.0.1:{running.api.port}").live(PREFIX, patience_s=1.0))
        await loop.has(UpToDate)
    with pytest.raises(ServerUnreachable):
        await loop.over()


async def test_a_listener_that_breaks_off_leaves_nothing_open(world: World) -> None:
    await Chain(world).begin()
    async with Running(world.api(stop_timeout_s=0.5)) as client, AsyncExitStack() as kept:
        live = Client(str(client.http.base_url)).live(PREFIX)
        kept.callback(live.close)

        def first() -> LiveEvent:
            with live:
                return next(live)

        await asyncio.to_thread(first)

        async def are_gone() -> bool:
            return "mldash_api_live_listeners 0.0" in (await client.http.get("/metrics")).text

        await eventually(are_gone, WITHIN_S)
