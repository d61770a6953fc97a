"""Listeners: who may, how many, how they change what they listen to, and that nothing stays of them."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mldash_api.app import Api
from mldash_api.live import scopes, tending
from mldash_api.live.hub import Hub
from mldash_api.rights.token_text import hash_of
from mldash_api.rights.tokens import Token, revoke_token
from tests.integration.ingest_workers.emitting import eventually
from tests.world import World

from .browser import browser_of
from .conftest import Client, Running
from .listening import indices_of, listening
from .test_tokens import bearer, token_for
from .writing import PREFIX, Chain, numbered

pytestmark = pytest.mark.integration

NAME = "a-page-of-ours-01"
OTHER = "another/project/run"


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        yield running.api


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Running]:
    running = Running(world.api(auth="tokens", stop_timeout_s=2.0))
    async with running:
        yield running


def hub_of(api: Api) -> Hub:
    assert api.live is not None
    return api.live.hub


async def change(api: Api, name: str, headers: dict[str, str] | None = None, **asked: Any) -> httpx.Response:
    """As a page of the API's own does it."""
    origin = f"http://127.0.0.1:{api.port}"
    async with httpx.AsyncClient(base_url=origin, verify=False) as http:
        return await http.put(f"/v1/live/{name}", json=asked, headers={"Origin": origin, **(headers or {})})


async def test_a_page_changes_what_it_listens_to_and_misses_nothing_of_what_it_goes_on_with(
    world: World, api: Api
) -> None:
    loss, other = await Chain(world).begin(), await Chain(world, name="other", prefix=OTHER).begin()
    await loss.append(numbered(0, 3))
    await other.append(numbered(0, 3))
    query = {"id": NAME, "prefix": PREFIX, "kind": "points", "from": "start"}
    async with listening(api.port, **query) as ear:
        await ear.until("up-to-date")
        answer = await change(api, NAME, prefixes=[PREFIX, OTHER], kinds=["points"], **{"from": "start"})
        assert answer.json() == {"change": 2}
        changed = await ear.until("changed")
        assert (changed.data["change"], changed.data["asked"]["prefixes"]) == (2, [OTHER, PREFIX])
        await ear.until("up-to-date")
        assert (indices_of(ear.heard), indices_of(ear.heard, "other")) == ([0, 1, 2], [0, 1, 2])
        await change(api, NAME, prefixes=[OTHER], kinds=["points"])
        await ear.until("changed")
        await loss.append(numbered(3, 1))
        await other.append(numbered(3, 1))
        last = await ear.until("points")
        assert (indices_of(ear.heard), indices_of(ear.heard, "other")) == ([0, 1, 2], [0, 1, 2, 3])
    async with listening(api.port, {"Last-Event-ID": last.id}, **query) as ear:
        await ear.until("up-to-date")
        assert [one.name for one in ear.heard] == ["up-to-date"], "the address of before counts no more"
    assert (await change(api, NAME, prefixes=[])).status_code == 200
    async with listening(api.port, **query) as ear:
        assert ear.answer.status_code == 204


async def test_a_change_that_reaches_another_process_takes_effect(world: World, api: Api) -> None:
    chain = await Chain(world, name="other", prefix=OTHER).begin()
    another = Running(world.api(stop_timeout_s=2.0))
    async with another, listening(api.port, id=NAME, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        assert (await change(another.api, NAME, prefixes=[OTHER], kinds=["points"])).status_code == 200
        await ear.until("changed")
        await chain.append(numbered(0, 2))
        await ear.until("points")
        assert indices_of(ear.heard, "other") == [0, 1]


async def test_a_page_of_another_site_changes_nothing(world: World, api: Api) -> None:
    answer = await change(api, NAME, {"Origin": "https://evil.example"}, prefixes=[PREFIX])
    assert (answer.status_code, answer.json()["type"]) == (403, "request-refused")
    assert (await change(api, "short", prefixes=[PREFIX])).json()["parameter"] == "id"
    assert (await change(api, NAME, prefixes=["a/b"], unknown=1)).status_code == 400


async def test_what_is_listened_to_needs_the_right_to_read_each_of_it(world: World, guarded: Running) -> None:
    mine = bearer(await token_for(world, ("read", "owner")))
    async with guarded.client() as http:
        for query in (
            {"prefix": [PREFIX, OTHER]},
            {"scope": "another"},
            {"prefix": PREFIX, "scope": "another/project"},
        ):
            for path in ("/v1/live", "/v1/live/page"):
                problem = await Client(http).problem(path, 403, mine, **query)
                assert problem["right"] == "read"
    assert (await change(guarded.api, NAME, mine, prefixes=[OTHER])).status_code == 403
    theirs = bearer(await token_for(world, ("read", "another"), subject="bob"))
    async with listening(guarded.api.port, mine, id=NAME, scope="owner") as ear:
        await ear.until("up-to-date")
        assert (await change(guarded.api, NAME, theirs, prefixes=[OTHER])).status_code == 404
        async with listening(guarded.api.port, theirs, id=NAME, prefix=OTHER) as other:
            assert other.answer.status_code == 404


async def test_a_stream_ends_when_its_token_is_revoked(
    world: World, guarded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.2)
    token = await token_for(world, ("read", "owner"))
    async with listening(guarded.api.port, bearer(token), scope="owner") as ear:
        await ear.until("up-to-date")
        await revoke_token(world.mongo, hash_of(token).hex()[:16], 1.0)
        assert (await ear.until("closed", 5.0)).data == {"reason": "not-signed-in"}
        await ear.end()


async def test_a_stream_ends_when_its_browser_signs_out(
    world: World, guarded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.2)
    token = await token_for(world, ("read", "owner"))
    async with (
        guarded.client() as http,
        browser_of(Client(http)) as browser,
        listening(guarded.api.port, bearer(token), scope="owner") as other,
    ):
        await browser.sign_in(token)
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())}
        async with listening(guarded.api.port, cookie, scope="owner") as ear:
            await ear.until("up-to-date")
            assert (await browser.change("POST", "/v1/sign-out")).status_code == 200
            assert (await ear.until("closed", 5.0)).data == {"reason": "not-signed-in"}
        await other.until("up-to-date")
        await revoke_token(world.mongo, hash_of(token).hex()[:16], 1.0)
        assert (await other.until("closed", 5.0)).data == {"reason": "not-signed-in"}, "the token held until now"


async def test_whoever_comes_while_rights_are_looked_at_stays(
    world: World, guarded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.1)
    looking, go_on, real = asyncio.Event(), asyncio.Event(), tending.tokens_of_ids

    async def slow(*told: Any) -> list[Token]:
        looking.set()
        await go_on.wait()
        return await real(*told)

    first, second = [bearer(await token_for(world, ("read", "owner"))) for _ in range(2)]
    async with listening(guarded.api.port, first, scope="owner") as early:
        await early.until("up-to-date")
        monkeypatch.setattr(tending, "tokens_of_ids", slow)
        await looking.wait()
        async with listening(guarded.api.port, second, scope="owner") as late:
            await late.until("up-to-date")
            go_on.set()
            chain = await Chain(world).begin()
            await chain.append(numbered(0, 1))
            await late.until("points")


async def test_too_many_experiments_below_one_scope_end_its_listener_and_no_others(
    world: World, guarded: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scopes, "MOST_EXPERIMENTS", 2)
    monkeypatch.setattr(tending, "MOST_EXPERIMENTS", 2)
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.2)
    token = await token_for(world, ("read", "owner"), ("read", "another"))
    for prefix in ("another/one/a", "another/one/b", "owner/one/a"):
        await Chain(world, prefix=prefix).begin()
    async with (
        listening(guarded.api.port, bearer(token), scope="another") as full,
        listening(guarded.api.port, bearer(token), scope="owner") as other,
    ):
        await full.until("up-to-date")
        await other.until("up-to-date")
        new = await Chain(world, prefix="owner/one/b").begin()
        await new.append(numbered(0, 1))
        await other.until("points")
        await Chain(world, prefix="another/one/c").begin()
        assert (await full.until("closed", 5.0)).data == {"reason": "too-many-experiments"}
        await revoke_token(world.mongo, hash_of(token).hex()[:16], 1.0)
        assert (await other.until("closed", 5.0)).data == {"reason": "not-signed-in"}


async def test_there_are_so_many_listeners_and_no_more(world: World) -> None:
    running = Running(world.api(live_listeners=3, live_listeners_of_one=2, auth="tokens", stop_timeout_s=2.0))
    tokens = [bearer(await token_for(world, ("read", "owner"))) for _ in range(2)]
    async with running:
        port = running.api.port
        async with listening(port, tokens[0], prefix=PREFIX), listening(port, tokens[0], prefix=PREFIX):
            async with listening(port, tokens[0], prefix=PREFIX) as ear:
                assert (ear.answer.status_code, ear.answer.headers["retry-after"]) == (429, "10")
            async with listening(port, tokens[1], prefix=PREFIX), listening(port, tokens[1], prefix=PREFIX) as ear:
                assert (ear.answer.status_code, ear.answer.headers["retry-after"]) == (503, "10")

        async def is_free() -> bool:
            return not hub_of(running.api).listeners

        await eventually(is_free)
        async with listening(port, tokens[0], prefix=PREFIX) as ear:
            assert ear.answer.status_code == 200


async def test_of_listeners_that_went_nothing_stays(world: World, api: Api) -> None:
    chains = [await Chain(world, prefix=f"owner/project/run-{number}").begin() for number in range(5)]
    hub = hub_of(api)

    async def come_and_go(number: int) -> None:
        prefixes = [chains[number % 5].prefix, chains[(number + 1) % 5].prefix]
        async with listening(api.port, prefix=prefixes, scope="owner", **{"from": "start"}) as ear:
            await ear.until("up-to-date")

    writing = asyncio.create_task(_write(chains))
    for _ in range(3):
        await asyncio.gather(*(come_and_go(number) for number in range(20)))
    await writing

    async def is_empty() -> bool:
        return not (
            hub.listeners
            or hub.watched
            or hub.stale
            or len(hub.pieces)
            or hub.pieces.bytes
            or len(hub.older)
            or hub._reading
        )

    await eventually(is_empty)
    names = ("Listener", "Watched", "Chain", "Piece", "Positions")

    async def is_gone() -> bool:
        """A look that is under way holds what it looks at, until it ends."""
        gc.collect()
        left = [one for one in gc.get_objects() if type(one).__name__ in names and "live" in type(one).__module__]
        return not left

    await eventually(is_gone)


async def _write(chains: list[Chain]) -> None:
    for turn in range(10):
        for chain in chains:
            await chain.append(numbered(turn * 10, 10))


async def test_a_listener_that_is_slow_is_told_and_cut_and_goes_on_where_it_was(world: World) -> None:
    """It takes nothing for a while. What is held for it is the event in hand, and what its connection holds."""
    running = Running(world.api(live_slow_s=0.3, stop_timeout_s=2.0))
    chain, loop = await Chain(world).begin(), asyncio.get_running_loop()
    lines = [{"text": "x" * 4_000}] * 100
    await chain.append(lines)
    async with running:
        with socket.socket() as asked:
            asked.setblocking(False)
            await loop.sock_connect(asked, ("127.0.0.1", running.api.port))
            asking = f"GET /v1/live?prefix={PREFIX}&kind=points&from=start HTTP/1.1\r\nHost: localhost\r\n"
            await loop.sock_sendall(asked, f"{asking}Connection: close\r\n\r\n".encode())
            got = b""
            while b"up-to-date" not in got:
                got += await loop.sock_recv(asked, 65_536)
            (listener,) = hub_of(running.api).listeners
            told, since = 0, loop.time()
            async with asyncio.timeout(90):
                while loop.time() - since < 1.0:  # its connection is full, however much the system holds for it
                    if not listener.behind:
                        await chain.append(lines)
                    await asyncio.sleep(0.02)
                    (position,) = listener.positions
                    if position.index != told:
                        told, since = position.index, loop.time()
            assert told < chain.end
            while data := await loop.sock_recv(asked, 65_536):
                got += data
    assert b"event: closed\n" in got
    assert b'{"reason":"slow"}' in got
    assert got.count(b'"index":') == told, "the rest is not sent to who can't take it"


async def test_a_listener_that_takes_nothing_more_is_cut_off_and_freed(world: World) -> None:
    running = Running(world.api(send_timeout_s=0.4, stop_timeout_s=2.0))
    chain, loop = await Chain(world).begin(), asyncio.get_running_loop()
    for _ in range(40):
        await chain.append([{"text": "x" * 4_000}] * 100)
    async with running:
        with socket.socket() as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            asked.setblocking(False)
            await loop.sock_connect(asked, ("127.0.0.1", running.api.port))
            path = f"/v1/live?prefix={PREFIX}&from=start"
            await loop.sock_sendall(asked, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await loop.sock_recv(asked, 15)

            async def is_free() -> bool:
                return not hub_of(running.api).listeners

            await eventually(is_free)


async def test_a_comment_and_an_event_come_where_nothing_else_does(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mldash_api.live.listener.KEEP_ALIVE_S", 0.2)
    chain = await Chain(world).begin()
    async with listening(api.port, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        waiting = asyncio.create_task(ear.until("points"))

        async def heard() -> bool:
            return ear.comments > 1 and ear.alive > 1

        await eventually(heard)
        await chain.append(numbered(0, 1))
        await waiting


@pytest.mark.parametrize("after", ["x", "AAAA", "lgE", "k" * 20_000, "\u00e4", "kwHEBg=="])
async def test_what_is_no_id_is_refused(world: World, client: Client, after: str) -> None:
    told = await client.problem("/v1/live", 400, prefix=PREFIX, after=after)
    assert told["parameter"] == "after"


async def test_wrong_questions_are_refused_by_name(world: World, client: Client) -> None:
    for query, parameter in (
        ({}, "prefix"),
        ({"prefix": "alone"}, "prefix"),
        ({"scope": "/"}, "scope"),
        ({"prefix": PREFIX, "kind": "all"}, "kind"),
        ({"prefix": PREFIX, "level": "loud"}, "level"),
        ({"prefix": PREFIX, "from": "-1"}, "from"),
        ({"prefix": PREFIX, "id": "short"}, "id"),
        ({"prefix": PREFIX, "metrics": "x"}, "metrics"),
    ):
        assert (await client.problem("/v1/live", 400, **query))["parameter"] == parameter, query


async def test_pages_that_come_at_the_same_moment_do_not_pass_the_limit(world: World) -> None:
    running = Running(world.api(live_listeners_of_one=3, stop_timeout_s=2.0))
    await Chain(world).begin()
    async with running:
        names = [f"a-page-of-ours-{at:02}" for at in range(12)]
        answers = await asyncio.gather(*(change(running.api, name, prefixes=[PREFIX]) for name in names))
        assert {one.status_code for one in answers} <= {200, 429}
        made = sum(one.status_code == 200 for one in answers)
        assert made <= 3 and await world.mongo.listeners.count_documents({}) == made
        while made < 3:
            assert (await change(running.api, f"one-more-of-ours-{made}", prefixes=[PREFIX])).status_code == 200
            made += 1
        assert (await change(running.api, "one-too-many-of-ours", prefixes=[PREFIX])).status_code == 429


async def test_a_stream_that_is_cut_before_its_change_was_told_comes_back_to_it(world: World, api: Api) -> None:
    """Its last id is from before the change; what is new in it begins where the change said."""
    chain = await Chain(world, prefix="owner/project/other").begin()
    await chain.append(numbered(0, 5))
    await Chain(world).begin()
    async with listening(api.port, id=NAME, prefix=PREFIX, kind="points") as ear:
        last = await ear.until("up-to-date")
    asked = {"prefixes": [PREFIX, chain.prefix], "kinds": ["points"], "from": "start"}
    number = (await change(api, NAME, **asked)).json()["change"]
    async with listening(api.port, {"Last-Event-ID": last.id}, id=NAME, prefix=PREFIX, kind="points") as ear:
        assert (await ear.until("changed")).data["change"] == number
        await ear.until("up-to-date")
        assert indices_of(ear.heard) == [*range(5)]
