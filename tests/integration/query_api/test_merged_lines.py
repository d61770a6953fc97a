"""Log lines of many experiments, merged by time: against plain Python, while lines come, and what is refused."""

import asyncio
import random
from time import time
from typing import Any

import pytest

from mldash.events.identity import experiment_id
from mldash_api.logs import merged
from tests.world import World

from .conftest import Client, Running
from .runs import put_run, until
from .test_tokens import bearer, token_for
from .writing import Chain

pytestmark = pytest.mark.integration

PATH = "/v1/logs"
LEVELS = ["debug", "info", "warn", "error"]
RANKS = [1, 2, 3, None]
SESSION = b"2" * 16

VALUES = [1, 1.5, True, "1", None, "eval", ["x"]]
Line = dict[str, Any]


class Logs:
    """Chains of random lines, and the same lines in plain Python."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.draw = world, random.Random(seed)
        self.chains = dict[str, Chain]()
        self.lines = list[Line]()

    async def begin(self, prefixes: list[str]) -> "Logs":
        for prefix in prefixes:
            self.chains[prefix] = await Chain(self.world, "logs", "", prefix=prefix).begin()
            for rank in RANKS:
                own = {"_id": session_of(prefix, rank), "exp": experiment_id(prefix), "gen": 0, "rank": rank}
                await self.world.mongo.sessions.insert_one(own)
        return self

    async def append(self, prefix: str, buckets: int, since: float = 1_000.0) -> None:
        """Times come nearly in order, with ties, and now and then from long before."""
        chain, draw = self.chains[prefix], self.draw
        for _ in range(buckets):
            rank, first = draw.choice(RANKS), chain.end
            session = session_of(prefix, rank)
            events, times = list[Line](), list[float]()
            for number in range(first, first + draw.randint(1, 9)):
                event: Line = {"level": draw.choice(LEVELS), "message": f"Line {number} of {draw.choice('ABC')}"}
                if draw.random() < 0.7:
                    event["metadata"] = {"step": draw.choice(VALUES), "a": {"b.c": draw.choice(VALUES)}}
                events.append(event)
                late = draw.random() < 0.1
                times.append(since + (draw.randint(0, 30) if late else number // 2 + draw.randint(0, 2)))
            await chain.append(events, times=times, session=session)
            for number, (event, at) in enumerate(zip(events, times, strict=True), first):
                self.lines.append({**event, "at": at, "prefix": prefix, "rank": rank, "number": number})

    def expected(self, **asked: Any) -> list[tuple[str, int]]:
        """What fits, by plain Python, in order."""
        found = [one for one in self.lines if one["prefix"] in asked["prefixes"] and _fits(one, asked)]
        found.sort(key=lambda one: (one["at"], experiment_id(one["prefix"]), one["number"]))
        return [(one["prefix"], one["number"]) for one in found]


def _fits(line: Line, asked: dict[str, Any]) -> bool:
    metadata = line.get("metadata", {})
    flat = {"step": metadata.get("step", ...), "a.b.c": metadata.get("a", {}).get("b.c", ...)}
    return (
        line["level"] in asked.get("level", LEVELS)
        and ("session" not in asked or session_of(line["prefix"], line["rank"]).hex() in asked["session"])
        and ("rank" not in asked or line["rank"] in asked["rank"])
        and asked.get("search", "").lower() in line["message"].lower()
        and asked.get("start", 0) <= line["at"] <= asked.get("end", 1e9)
        and all(_is(flat[name], value) for name, value in asked.get("fields", {}).items())
    )


def session_of(prefix: str, rank: int | None) -> bytes:
    return bytes([rank or 0]) * 8 + experiment_id(prefix)[:8]


def _is(found: Any, value: Any) -> bool:
    return found == value and isinstance(found, bool) == isinstance(value, bool)


async def pages(client: Client, asked: dict[str, Any], limit: int) -> list[tuple[str, int]]:
    """All of them, page after page."""
    found, cursor = list[tuple[str, int]](), None
    while True:
        answer = await client.get(PATH, **asked, limit=limit, **({"cursor": cursor} if cursor else {}))
        assert len(answer["lines"]) <= limit and (answer["next"] is None or len(answer["lines"]) == limit)
        found += [(one["prefix"], one["sequenceNumber"]) for one in answer["lines"]]
        if (cursor := answer["next"]) is None:
            return found


def query_of(draw: random.Random, asked: dict[str, Any]) -> dict[str, Any]:
    """Random conditions, put into `asked` for plain Python; the query that says the same."""
    if draw.random() < 0.3:
        asked["level"] = draw.sample(LEVELS, 2)
    if draw.random() < 0.3:
        asked["session"] = [session_of(draw.choice(asked["prefixes"]), rank).hex() for rank in draw.sample(RANKS, 3)]
    if draw.random() < 0.2:
        asked["rank"] = draw.sample([1, 2, 3, 77], 2)
    if draw.random() < 0.3:
        asked["search"] = draw.choice(["of a", "OF B", "line 1", ".*"])
    if draw.random() < 0.3:
        asked["start"] = 1_000 + draw.randint(0, 60)
    if draw.random() < 0.3:
        asked["end"] = 1_000 + draw.randint(20, 90)
    query = dict(asked)
    if draw.random() < 0.4:
        name, text, value = draw.choice(
            [
                ("step", "step = 1", 1),
                ("step", '"step"=1.0', 1),
                ("step", "step = true", True),
                ("step", 'step = "1"', "1"),
                ("a.b.c", "a.b.c = null", None),
                ("a.b.c", '"a.b.c" = "eval"', "eval"),
            ]
        )
        asked["fields"], query["metadata"] = {name: value}, [text]
    return query


@pytest.mark.parametrize("seed", range(3))
async def test_pages_of_any_question_are_what_plain_python_finds_each_line_once(
    world: World, client: Client, seed: int
) -> None:
    """Buckets overlap in time, lines share times, pages are of any size."""
    prefixes = [f"alice/robots/{number}" for number in range(4)]
    logs = await Logs(world, seed).begin(prefixes)
    for prefix in prefixes:
        await logs.append(prefix, logs.draw.choice([0, 1, 12, 25]))
    for _ in range(15):
        asked: dict[str, Any] = {"prefixes": logs.draw.sample(prefixes, logs.draw.randint(1, 4))}
        query = query_of(logs.draw, asked)
        assert await pages(client, query, logs.draw.choice([1000, 50, 17])) == logs.expected(**asked), (query, asked)


async def test_lines_that_come_between_pages_neither_hide_nor_double_those_that_were_there(
    world: World, client: Client
) -> None:
    prefixes = ["alice/robots/1", "alice/robots/2"]
    logs = await Logs(world, 7).begin(prefixes)
    for prefix in prefixes:
        await logs.append(prefix, 10)
    there = logs.expected(prefixes=prefixes)
    found, cursor = list[tuple[str, int]](), None
    while True:
        answer = await client.get(PATH, prefixes=prefixes, limit=7, **({"cursor": cursor} if cursor else {}))
        found += [(one["prefix"], one["sequenceNumber"]) for one in answer["lines"]]
        if (cursor := answer["next"]) is None:
            break
        for prefix in prefixes if len(found) < 100 else []:
            await logs.append(prefix, 1, since=logs.draw.choice([900.0, 1_000.0, 1_050.0]))
    assert len(set(found)) == len(found), "none twice"
    assert [one for one in found if one in set(there)] == there, "all that were there, in their order"
    everything = logs.expected(prefixes=prefixes)
    assert [one for one in everything if one in set(found)] == found


async def test_a_line_says_where_it_comes_from(world: World, client: Client) -> None:
    chain = await Chain(world, "logs", "", prefix="alice/robots/1").begin()
    await world.mongo.sessions.update_one({"_id": SESSION}, {"$set": {"rank": 2}}, upsert=True)
    await chain.append([{"level": "info", "message": "m", "metadata": {"a": 1}}], times=[5.25], session=SESSION)
    await chain.append([{"level": "info", "message": "n"}], times=[6.0])
    first, second = (await client.get(PATH, prefixes=["alice/robots/1", "alice/robots/1"]))["lines"]
    assert first == {
        "prefix": "alice/robots/1",
        "session": SESSION.hex(),
        "rank": 2,
        "sequenceNumber": 0,
        "timestamp": "1970-01-01T00:00:05.250000Z",
        "level": "info",
        "message": "m",
        "metadata": {"a": 1},
    }
    assert (second["rank"], "metadata" in second) == (None, False)


async def test_a_filter_chooses_the_experiments_among_those_that_may_be_read(world: World) -> None:
    for prefix, tags in (("alice/robots/1", ["a"]), ("alice/robots/2", []), ("bob/robots/1", ["a"])):
        await put_run(world, prefix, tags=tags)
        await (await Chain(world, "logs", "", prefix=prefix).begin()).append([{"level": "info", "message": prefix}])
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        ada, admin = bearer(await token_for(world, ("read", "alice"))), bearer(await token_for(world, ("read", "")))
        await until(client, ["alice/robots/1", "bob/robots/1"], filter='tags has "a"', headers=admin)
        answer = await client.get(PATH, ada, filter='tags has "a"')
        assert [one["message"] for one in answer["lines"]] == ["alice/robots/1"]
        answer = await client.get(PATH, admin, filter='tags has "a"')
        assert sorted(one["message"] for one in answer["lines"]) == ["alice/robots/1", "bob/robots/1"]
        assert (await client.problem(PATH, 403, ada, prefixes=["alice/robots/1", "bob/robots/1"]))["right"] == "read"
        assert (await client.problem(PATH, 400, ada, filter="tags has"))["type"] == "wrong-filter"


async def test_a_wrong_question_is_refused_by_name(world: World, client: Client, monkeypatch: Any) -> None:
    await (await Chain(world, "logs", "", prefix="a/b").begin()).append(
        [{"level": "info", "message": str(at)} for at in range(3)]
    )
    page = await client.get(PATH, prefixes="a/b", limit=1)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "prefixes"),
        ({"prefixes": "a/b", "filter": "archived"}, "prefixes"),
        ({"prefixes": [f"a/{at}" for at in range(101)]}, "number of prefixes"),
        ({"prefixes": "a"}, "prefix"),
        ({"prefixes": "a/b", "limit": 10_001}, "limit"),
        ({"prefixes": "a/b", "session": "xyz"}, "session"),
        ({"prefixes": "a/b", "rank": 10**20}, "rank"),
        ({"prefixes": "a/b", "level": "loud"}, "level"),
        ({"prefixes": "a/b", "start": "nan"}, "start"),
        ({"prefixes": "a/b", "cursor": "%%%"}, "cursor"),
        ({"prefixes": "a/b", "cursor": page["next"], "limit": 1, "search": "x"}, "cursor"),
        *(({"prefixes": "a/b", "metadata": text}, "metadata") for text in ["", "a", "= 1", "a = x", '"a', "a = [1]"]),
        ({"prefixes": "a/b", "metadata": ["a = 1"] * 11}, "number of metadata"),
    ]
    for query, parameter in wrong:
        assert (await client.problem(PATH, 400, **query))["parameter"] == parameter, query
    await client.problem(PATH, 404, prefixes=["a/b", "a/none"])
    assert (await client.get(PATH, prefixes="a/b", limit=0))["lines"] == []
    monkeypatch.setattr("mldash_api.routes.logs.of_many.MOST_LOGS", 0)
    await put_run(world, "a/c")
    await until(client, ["a/c"], filter='name = "c"')
    assert (await client.problem(PATH, 422, filter='name = "c"'))["limit"] == 0


async def test_names_of_fields_are_data_and_never_operators(world: World, client: Client) -> None:
    fields = {"$where": "1", "a = b": 2, 'say "x"': True, "levels.info": None, "": 1}
    chain = await Chain(world, "logs", "", prefix="a/b").begin()
    await chain.append([{"level": "info", "message": "m", "metadata": fields}])
    for text in ('$where = "1"', '"a = b" = 2', '"say \\"x\\"" = true', "levels.info = null"):
        assert len((await client.get(PATH, prefixes="a/b", metadata=text))["lines"]) == 1, text
    for text in ("$where = 1", '"a = b" = true', "levels.info = 0", "other = null", '$where = {"$gt": ""}'):
        answer = await client.raw(PATH, prefixes="a/b", metadata=text)
        assert answer.status_code == 400 or answer.json()["lines"] == [], text


async def test_a_long_log_is_read_no_further_than_the_page_needs(
    world: World, client: Client, monkeypatch: Any
) -> None:
    """What lies in order; one late line behind all of it is found all the same."""
    chain = await Chain(world, "logs", "", prefix="a/b").begin()
    for at in range(0, 4_000, 10):
        rows = range(at, at + 10)
        await chain.append(
            [{"level": "info", "message": str(row)} for row in rows], times=[1000.0 + row for row in rows]
        )
    await chain.append([{"level": "info", "message": "late"}], times=[1005.5])
    looked, look = list[int](), merged._Chain._look_through
    monkeypatch.setattr(
        merged._Chain,
        "_look_through",
        lambda self, bucket, first: (looked.append(bucket.first_index), look(self, bucket, first))[1],
    )
    answer = await client.get(PATH, prefixes="a/b", limit=20)
    messages = [one["message"] for one in answer["lines"]]
    assert messages == [*map(str, range(6)), "late", *map(str, range(6, 19))]
    assert len(looked) < 12
    looked.clear()
    await client.get(PATH, prefixes="a/b", limit=20, cursor=answer["next"])
    assert len(looked) < 12


async def test_a_reader_that_leaves_ends_the_search_and_one_that_takes_too_long_is_told(
    world: World, client: Client, monkeypatch: Any
) -> None:
    chain = await Chain(world, "logs", "", prefix="a/b").begin()
    await chain.append([{"level": "info", "message": "m"}])
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(*_: Any) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    monkeypatch.setattr(merged._Chain, "_offer", slow)
    asking = asyncio.create_task(client.raw(PATH, prefixes="a/b"))
    await begun.wait()
    asking.cancel()
    async with asyncio.timeout(90):
        await ended.wait()
    async with Running(world.api(stop_timeout_s=2.0, search_timeout_s=0.2)) as hurried:
        before = time()
        assert (await hurried.problem(PATH, 422, prefixes="a/b"))["type"] == "search-too-long"
        assert time() - before < 30
