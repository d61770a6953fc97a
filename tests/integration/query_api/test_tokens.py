"""Tokens: what opens the API, to whom, and what no longer does."""

import asyncio
from collections.abc import AsyncIterator
from time import time
from typing import Any

import pytest

from mldash.errors import NotAllowed, TokenRefused
from mldash.remote.reader import RemoteReader
from mldash.remote.transport import Transport
from mldash_api.rights.caller import Grant, Right
from mldash_api.rights.token_text import hash_of, new_token
from mldash_api.rights.tokens import NewToken, create_token, find_token, list_tokens, revoke_token
from tests.world import World

from .conftest import Client, Running
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as made:
        yield made


async def token_for(
    world: World, *grants: tuple[Right, str], ends_in_s: float | None = None, subject: str = "ada"
) -> str:
    asked = NewToken(
        subject=subject,
        grants=tuple(Grant(*one) for one in grants),
        expires_at=None if ends_in_s is None else time() + ends_in_s,
    )
    text, _ = await create_token(world.mongo, asked, "test", time())
    return text


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_opens_what_it_was_made_for_and_nothing_else(world: World, guarded: Client) -> None:
    owner = PREFIX.split("/")[0]
    mine, other = await token_for(world, ("read", owner)), await token_for(world, ("admin", "nobody"))
    assert await guarded.get("/v1/params", bearer(mine), prefix=PREFIX) == {"params": {}}
    told = await guarded.problem("/v1/params", 403, bearer(other), prefix=PREFIX)
    assert (told["type"], told["right"], told["scope"]) == ("not-allowed", "read", PREFIX)


async def test_without_a_token_the_answer_says_how_to_come_back(guarded: Client) -> None:
    answer = await guarded.raw("/v1/params", prefix=PREFIX)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="mldash"')
    assert "MLDASH_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["Bearer", "Basic YTpi", "Bearer mld_short", "Bearer NEW", "mld_"])
async def test_what_is_no_token_of_ours_opens_nothing(guarded: Client, header: str) -> None:
    header = header.replace("NEW", new_token())
    answer = await guarded.raw("/v1/params", {"Authorization": header}, prefix=PREFIX)
    assert (answer.status_code, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)
    assert header.removeprefix("Bearer ") not in answer.text.replace("'Authorization: Bearer mld_…'", "")


async def test_an_expired_and_a_revoked_token_open_nothing_and_say_why(world: World, guarded: Client) -> None:
    expired, revoked = await token_for(world, ("read", ""), ends_in_s=-1), await token_for(world, ("read", ""))
    await guarded.get("/v1/params", bearer(revoked), prefix=PREFIX)
    id_ = hash_of(revoked).hex()[:16]
    assert await revoke_token(world.mongo, id_, time())
    assert not await revoke_token(world.mongo, id_, time())
    for token, why in ((expired, "has expired"), (revoked, "was revoked")):
        told = await guarded.problem("/v1/params", 401, bearer(token), prefix=PREFIX)
        assert (told["type"], why in told["detail"], token in told["detail"]) == ("not-signed-in", True, False)


async def test_a_list_shows_what_the_caller_may_read(world: World, guarded: Client) -> None:
    for prefix in ("a/p", "a/p/one", "a/p2/two", "a2/p/three", "b/p/four"):
        await Chain(world, "params", "", prefix=prefix).begin()
    for scopes, want in (
        (("a",), ["a/p", "a/p/one", "a/p2/two"]),
        (("a/p",), ["a/p", "a/p/one"]),
        (("a/p2", "b"), ["a/p2/two", "b/p/four"]),
        (("c",), []),
        (("",), ["a/p", "a/p/one", "a/p2/two", "a2/p/three", "b/p/four"]),
    ):
        token = await token_for(world, *(("read", scope) for scope in scopes))
        assert await _prefixes(guarded, token) == want
        assert await _prefixes(guarded, token, owner="b") == [one for one in want if one.startswith("b/")]


async def test_pages_of_a_list_that_is_cut_down_are_whole(world: World, guarded: Client) -> None:
    for number in range(6):
        await Chain(world, "params", "", prefix=f"{'ab'[number % 2]}/p/{number}").begin()
    token = await token_for(world, ("read", "b"))
    first = await guarded.get("/v1/experiments", bearer(token), limit=2)
    rest = await guarded.get("/v1/experiments", bearer(token), limit=2, cursor=first["next"])
    assert [one["prefix"] for one in first["experiments"] + rest["experiments"]] == ["b/p/1", "b/p/3", "b/p/5"]
    assert rest["next"] is None


async def test_many_prefixes_need_the_right_on_each(world: World, guarded: Client) -> None:
    token = await token_for(world, ("read", "a"))
    await guarded.get("/v1/metrics/views", bearer(token), prefixes=["a/p/1", "a/p/2"], name="loss")
    told = await guarded.problem("/v1/metrics/views", 403, bearer(token), prefixes=["a/p/1", "b/p/2"], name="loss")
    assert told["scope"] == "b/p/2"


async def test_a_prefix_that_is_given_twice_is_refused(world: World, guarded: Client) -> None:
    """Else the guard could look at one and the handler read the other."""
    token = await token_for(world, ("read", "a"))
    for prefixes in (["a/p/1", "b/p/2"], ["b/p/2", "a/p/1"]):
        told = await guarded.problem("/v1/params", 400, bearer(token), prefix=prefixes)
        assert told["parameter"] == "prefix"


async def test_operator_metrics_need_the_right_on_everything(world: World, guarded: Client) -> None:
    assert (await guarded.raw("/metrics")).status_code == 401
    assert (await guarded.raw("/metrics", bearer(await token_for(world, ("admin", "a"))))).status_code == 403
    assert (await guarded.raw("/metrics", bearer(await token_for(world, ("read", ""))))).status_code == 200


async def test_alive_and_ready_are_open(guarded: Client) -> None:
    assert [(await guarded.raw(path)).status_code for path in ("/healthz", "/readyz")] == [200, 200]


async def test_the_sdk_reads_with_a_token_and_is_told_in_one_line_where_it_does_not_open(
    world: World, guarded: Client
) -> None:
    address = str(guarded.http.base_url)

    async def read(token: str | None) -> Any:
        reader = RemoteReader(Transport(address, token), PREFIX, 10.0, list)
        return await asyncio.to_thread(reader.params)

    assert await read(await token_for(world, ("read", PREFIX))) == {}
    with pytest.raises(NotAllowed, match=f"ada has no right to read {PREFIX}: ask an admin"):
        await read(await token_for(world, ("admin", "another")))
    with pytest.raises(TokenRefused, match="none was sent: set MLDASH_TOKEN"):
        await read(None)
    with pytest.raises(TokenRefused, match="has expired; make another: mldash token create"):
        await read(await token_for(world, ("read", ""), ends_in_s=-1))


async def test_a_use_is_written_at_most_once_a_minute(world: World) -> None:
    token, now = await token_for(world, ("read", "")), time()
    used = list[float | None]()
    for later in (0.0, 30.0, 61.0, 59.0):
        await find_token(world.mongo, token, now + later)
        used.append((await list_tokens(world.mongo))[0].used_at)
    assert used == [now, now, now + 61, now + 61]


async def test_the_text_of_a_token_is_stored_nowhere(world: World) -> None:
    token = await token_for(world, ("read", ""))
    stored: list[dict[str, Any]] = [one async for one in world.mongo.tokens.find()]
    assert [one["hash"] for one in stored] == [hash_of(token)]
    assert token not in repr(stored) and token[4:47] not in repr(stored)


async def _prefixes(client: Client, token: str, **query: Any) -> list[str]:
    return [one["prefix"] for one in (await client.get("/v1/experiments", bearer(token), **query))["experiments"]]
