"""What one request, and one caller, may ask: sizes, rates, answers, and time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mldash_api.charts import views
from mldash_api.limits import MOST_ADDRESS_BYTES, MOST_BODY_BYTES, MOST_HEAD_BYTES
from mldash_api.logs import lines
from tests.world import World

from .conftest import Client, Running
from .test_tokens import bearer, token_for
from .writing import PREFIX, Chain, Event

pytestmark = pytest.mark.integration

MISS = "no line holds this"
BUCKET_LINES = 10_000


async def sent(client: Client, content: bytes) -> tuple[bytes, bytes]:
    """The first line of the answer, and the rest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.http.base_url.port)
    try:
        writer.write(content)
        async with asyncio.timeout(20):
            line = await reader.readline()
            return line, await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /healthz?" + b"a" * (MOST_ADDRESS_BYTES + 1) + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET /healthz HTTP/1.1\r\n" + (b"A: " + b"a" * 1_000 + b"\r\n") * 600 + b"\r\n", b"431"),
        (b"GET /healthz HTTP/1.1\r\nA: " + b"a" * (MOST_HEAD_BYTES + 1), b"431"),
        (b"GET /healthz?" + b"a" * (MOST_ADDRESS_BYTES + 1), b"414"),
    ],
    ids=["address", "headers", "a header without an end", "an address without an end"],
)
async def test_an_address_and_headers_have_a_bound(client: Client, content: bytes, status: bytes) -> None:
    line, rest = await sent(client, content)
    assert status in line
    assert b"application/problem+json" in rest and b"request-too-large" in rest
    assert (await client.raw("/healthz")).status_code == 200


async def test_what_is_within_the_bounds_is_taken(client: Client) -> None:
    head = b"GET /healthz?a=" + b"a" * (MOST_ADDRESS_BYTES - 100) + b" HTTP/1.1\r\nHost: localhost\r\n"
    headers = (b"A: " + b"a" * 1_000 + b"\r\n") * 300
    line, _ = await sent(client, head + headers + b"Connection: close\r\n\r\n")
    assert b" 200 " in line


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"token": "\xff"}'], ids=["nested", "not in UTF-8"])
async def test_a_body_that_is_no_json_is_refused_by_name(client: Client, body: bytes) -> None:
    own = {"Origin": str(client.http.base_url).rstrip("/"), "Content-Type": "application/json"}
    for method, path in (("POST", "/v1/sign-in"), ("POST", "/v1/experiments/change"), ("PUT", f"/v1/live/{'a' * 16}")):
        answer = await client.http.request(method, path, content=body, headers=own)
        assert (answer.status_code, answer.json().get("parameter")) == (400, "body"), (path, answer.text)


async def test_a_body_has_a_bound(client: Client) -> None:
    own = {"Origin": str(client.http.base_url).rstrip("/"), "Content-Type": "application/json"}
    answer = await client.http.post("/v1/tokens", content=b"[" * (MOST_BODY_BYTES + 1), headers=own)
    assert (answer.status_code, answer.json()["type"]) == (413, "request-too-large")


async def test_a_token_that_asks_too_often_waits_and_no_other_does(world: World) -> None:
    async with Running(world.api(auth="tokens", requests_per_s=2.0)) as client:
        one, other = await token_for(world, ("read", "")), await token_for(world, ("read", ""))
        answers = [await client.raw("/v1/experiments", bearer(one)) for _ in range(15)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 2 <= len(refused) <= 5 and answers[0].status_code == 200
        assert refused[0].json()["type"] == "too-many-requests" and int(refused[0].headers["retry-after"]) >= 1
        assert (await client.raw("/v1/experiments", bearer(other))).status_code == 200


async def test_views_that_would_not_fit_in_one_answer_are_refused_with_what_to_ask_instead(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound of 4,000,000 points, made smaller: 20 experiments with 5 fields."""
    monkeypatch.setattr(views, "MOST_VIEW_POINTS", 20_000)
    prefixes = [f"a/p/{number}" for number in range(20)]
    for prefix in prefixes:
        chain = await Chain(world, prefix=prefix).begin()
        await chain.append([{f"f{field}": float(row) for field in range(5)} for row in range(500)])
    told = await client.problem("/v1/metrics/views", 422, prefixes=prefixes, name="loss", points=100_000)
    assert (told["type"], told["limit"]) == ("answer-too-large", 20_000)
    assert "fewer experiments" in told["detail"] and "`points`" in told["detail"]
    for asked in (
        {"prefixes": prefixes[:7]},
        {"prefixes": prefixes, "fields": "f0"},
        {"prefixes": prefixes, "points": 40},
    ):
        found = await client.get("/v1/metrics/views", **{"name": "loss", "points": 100_000, **asked})
        assert len(found["views"]) == len(asked["prefixes"])
    await client.problem("/v1/metrics/view", 422, prefix=await _wide(world), name="loss", points=100_000)


async def _wide(world: World) -> str:
    chain = await Chain(world, prefix="a/p/wide").begin()
    await chain.append([{f"f{field}": float(row) for field in range(250)} for row in range(100)])
    return chain.prefix


@pytest.fixture
async def many_lines(world: World) -> AsyncIterator[Chain]:
    """600,000 lines in 60 buckets."""
    chain = await Chain(world, "logs", "").begin()
    rows: list[Event] = [
        {"level": "info", "message": f"Line {row} of many, each of which has a text"} for row in range(BUCKET_LINES)
    ]
    made = await chain.append(rows)
    document: Any = await world.mongo.buckets.find_one({"_id": {"$gte": chain.id}})
    for number in range(1, 60):
        first = number * BUCKET_LINES
        await world.mongo.buckets.insert_one({**document, "_id": chain.id + first.to_bytes(8, "big")})
    chain.end = 60 * made.end_index
    yield chain


class Looks:
    """The buckets that searches look through: each waits for a place, in the thread in which it is looked through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = self.ended = 0
        self._places = threading.Semaphore(0)
        self._look_through = lines._look_through
        monkeypatch.setattr(lines, "_look_through", self._look)

    def _look(self, *arguments: Any) -> Any:
        self.begun += 1
        assert self._places.acquire(timeout=90), "nobody let it go on"
        found = self._look_through(*arguments)
        self.ended += 1
        return found

    def let(self, count: int) -> None:
        """So many more go on."""
        self._places.release(count)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    made = Looks(monkeypatch)
    yield made
    made.let(1_000)


async def test_a_search_that_finds_nothing_ends_in_its_time_and_says_how_far_it_came(
    world: World, many_lines: Chain, looks: Looks
) -> None:
    looks.let(2)
    async with Running(world.api(search_timeout_s=2.0)) as client:
        told = await client.problem("/v1/logs/lines", 422, prefix=PREFIX, search=MISS)
        assert (told["type"], told["looked"]) == ("search-too-long", looks.ended * BUCKET_LINES)
        assert looks.ended <= 2
        assert "`start` and `end`" in told["detail"]
        looks.let(2)
        found = await client.get("/v1/logs/lines", prefix=PREFIX, search="line 7 ", limit=1)
        assert [one["sequenceNumber"] for one in found["lines"]] == [7]


async def test_a_search_lets_other_requests_through(world: World, many_lines: Chain, looks: Looks) -> None:
    """Four of them, over all lines; a bucket is looked through each time another request was answered."""
    async with Running(world.api()) as client:
        searching = [asyncio.create_task(client.get("/v1/logs/lines", prefix=PREFIX, search=MISS)) for _ in range(4)]
        while not all(one.done() for one in searching):
            assert (await client.raw("/healthz")).status_code == 200
            looks.let(1)
        assert [await one for one in searching] == [{"lines": []}] * 4
    assert looks.begun == 4 * 60


async def test_a_search_ends_with_the_caller(
    world: World, many_lines: Chain, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no further bucket once the connection is gone."""
    filtered, ended = lines._filtered, asyncio.Event()

    async def noted(*arguments: Any) -> Any:
        try:
            return await filtered(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(lines, "_filtered", noted)
    async with Running(world.api()) as client:
        _, writer = await asyncio.open_connection("127.0.0.1", client.http.base_url.port)
        path = f"/v1/logs/lines?prefix={PREFIX}&search=absent"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(90):
            while not looks.begun:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)
            writer.close()
            await writer.wait_closed()
            await ended.wait()
        looks.let(60)
    assert looks.begun == 1


async def test_a_chart_that_takes_too_long_is_refused_with_what_to_ask(world: World) -> None:
    for prefix in (PREFIX, f"{PREFIX}-two"):
        chain = await Chain(world, prefix=prefix).begin()
        await chain.append([{"loss": 1.0}] * 10)
    two = [PREFIX, f"{PREFIX}-two"]
    async with Running(world.api(chart_timeout_s=1e-6, stop_timeout_s=2.0)) as hurried:
        for path, asked in [
            ("/v1/metrics/view", {"prefix": PREFIX, "name": "loss"}),
            ("/v1/metrics/views", {"prefixes": two, "name": "loss"}),
            ("/v1/metrics/grid", {"prefixes": two, "name": "loss"}),
            ("/v1/compare/parted", {"prefixes": two, "name": "loss", "field": "loss"}),
        ]:
            told = await hurried.problem(path, 422, **asked)
            assert told["type"] == "chart-too-long" and "`start` and `end`" in told["detail"], path
