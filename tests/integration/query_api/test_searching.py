"""Runs by filter, in the order of any field, with chosen columns, in groups; and the names that one can ask for."""

import asyncio
import json
from time import time

import pytest

from mldash.events.identity import parse_prefix
from mldash.events.schema import End, RunEvents
from mldash_ingest.documents.removals import find_target, raise_generation
from tests.stack import run_mldash
from tests.world import World

from .conftest import Client, Running
from .runs import prefixes, put_run, until
from .test_tokens import bearer, token_for
from .writing import Chain

pytestmark = pytest.mark.integration

ROBOTS = "alice/robots/"


async def put_some(world: World) -> None:
    for at, (model, lr) in enumerate([("vit", 0.1), ("vit", 1), ("cnn", 0.01)]):
        await put_run(
            world,
            f"{ROBOTS}{at}",
            {"model.name": model, "optimizer.lr": lr, 'say "hi"': True, "seed": at},
            {"eval": [{"acc": 0.5 + at / 10, "loss": float("nan")}, {"acc": 0.4}]},
            status="FAILED" if at == 2 else "COMPLETED",
            tags=["sweep", f"n{at}"],
        )
    await put_run(world, "bob/private/x", {"secret": 1}, tags=["sweep"])


async def test_a_filter_finds_runs_and_any_field_orders_them(world: World, client: Client) -> None:
    await put_some(world)
    asked = 'params.model.name = "vit" and metrics.eval.acc.max >= 0.5 and tags has "sweep" and "n1"'
    assert await prefixes(client, filter=asked) == [f"{ROBOTS}1"]
    assert await prefixes(client, filter='status = "FAILED" and started > now - 1d') == [f"{ROBOTS}2"]
    assert await prefixes(client, filter='params."say \\"hi\\""', sort="params.optimizer.lr") == [
        f"{ROBOTS}{at}" for at in (2, 0, 1)
    ]
    everybody = [f"{ROBOTS}{at}" for at in (2, 1, 0)] + ["bob/private/x"]
    assert await prefixes(client, sort="-metrics.eval.acc.max") == everybody
    assert await prefixes(client, sort="-metrics.eval.acc.max", owner="alice") == everybody[:3]
    assert await prefixes(client, filter="metrics.eval.loss.last is nan and not params.seed = 1") == [
        f"{ROBOTS}0",
        f"{ROBOTS}2",
    ]


async def test_an_answer_says_how_many_pass_and_how_new_it_is(world: World, client: Client) -> None:
    await put_some(world)
    before = time()
    answer = await client.get("/v1/experiments", filter='owner = "alice"', limit=2)
    assert (answer["count"], answer["countIs"], len(answer["experiments"])) == (3, "exact", 2)
    assert answer["experiments"][0]["status"] == "COMPLETED" and answer["experiments"][0]["tags"] == ["sweep", "n0"]
    assert 0 <= answer["lagS"] < 10 and answer["asOf"].startswith("20")
    assert before - 30 < time() - answer["lagS"]
    more = await client.get("/v1/experiments", filter='owner = "alice"', limit=2, cursor=answer["next"])
    assert [one["prefix"] for one in more["experiments"]] == [f"{ROBOTS}2"] and more["next"] is None
    empty = await client.get("/v1/experiments", filter='owner = "alice"', limit=0)
    assert (empty["count"], empty["experiments"], empty["next"]) == (3, [], None)
    wrong = await client.problem("/v1/experiments", 400, filter='owner = "bob"', cursor=answer["next"])
    assert wrong["parameter"] == "cursor"


async def test_chosen_columns_come_as_they_were_logged(world: World, client: Client) -> None:
    await put_some(world)
    chosen = [
        "params.seed",
        "params.optimizer.lr",
        "metrics.eval.acc.count",
        "status",
        "tags",
        "params.absent",
        "ended",
    ]
    answer = await client.get("/v1/experiments", fields=chosen, filter="params.seed = 1")
    (row,) = answer["experiments"]
    ended = row["values"].pop("ended")
    assert ended.startswith("20") and ended.endswith("Z")
    assert repr(row["values"]) == repr(
        {
            "params.seed": 1,
            "params.optimizer.lr": 1,
            "metrics.eval.acc.count": 2,
            "status": "COMPLETED",
            "tags": ["sweep", "n1"],
        }
    )


async def test_groups_hold_what_is_said_of_their_numbers(world: World, client: Client) -> None:
    await put_some(world)
    answer = await client.get("/v1/experiments", group=["params.model.name", "status"], values="metrics.eval.acc.max")
    assert answer["count"] == 4
    told = {one["value"]: one for one in answer["groups"]}
    assert told["vit"]["count"] == 2 and told["vit"]["values"]["metrics.eval.acc.max"]["mean"] == pytest.approx(0.55)
    assert [one["value"] for one in told["cnn"]["groups"]] == ["FAILED"]
    assert told[None]["isMissing"]
    assert (await client.problem("/v1/experiments", 400, values="params.seed"))["parameter"] == "values"
    assert (await client.problem("/v1/experiments", 400, group="status", sort="status"))["parameter"] == "sort"


async def test_a_wrong_filter_is_a_problem_that_points_at_a_character(client: Client) -> None:
    problem = await client.problem("/v1/experiments", 400, filter='status = "FAILED" and params.lr << 3')
    assert (problem["type"], problem["parameter"], problem["position"]) == ("wrong-filter", "filter", 33)
    assert "a number" in problem["expected"] and "^" in problem["detail"]
    assert (await client.problem("/v1/experiments", 400, sort="-params"))["parameter"] == "sort"
    for hostile in ('{"$where": "1"}', "(" * 6_000, "not " * 6_000, "x" * 60_000):
        assert (await client.problem("/v1/explain", 400, filter=hostile))["type"] == "wrong-filter"
    told = await client.get("/v1/explain", filter="started > now - 7d")
    assert told["words"] == "runs where started is after 1 week before now"


async def test_names_for_completion_say_how_many_runs_have_them(world: World, client: Client) -> None:
    await put_some(world)
    answer = await client.get("/v1/fields", prefix="params.")
    assert answer["fields"][0] == {"field": 'params."say \\"hi\\""', "kinds": ["boolean"], "runs": 3}
    assert {one["field"] for one in answer["fields"]} == {
        'params."say \\"hi\\""', "params.model.name", "params.optimizer.lr", "params.seed", "params.secret",
    }  # fmt: skip
    assert answer["count"] == 5
    found = await client.get("/v1/fields", prefix="metrics.eval.acc.m", limit=2)
    assert len(found["fields"]) == 2 and found["count"] == 3


async def test_a_caller_sees_of_others_runs_neither_names_nor_counts(world: World) -> None:
    await put_some(world)
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        everything = bearer(await token_for(world, ("read", "")))
        alice = bearer(await token_for(world, ("read", "alice")))
        one = bearer(await token_for(world, ("read", f"{ROBOTS}1"), ("read", "nobody")))
        for headers, count in ((everything, 4), (alice, 3), (one, 1)):
            answer = await client.get("/v1/experiments", headers, sort="-prefix")
            assert (answer["count"], len(answer["experiments"])) == (count, count)
            groups = await client.get("/v1/experiments", headers, group="owner")
            assert groups["count"] == count
            names = await client.get("/v1/fields", headers, prefix="params.")
            assert ("params.secret" in {one["field"] for one in names["fields"]}) is (count == 4)
            assert max(one["runs"] for one in names["fields"]) == min(count, 3)
        assert (await client.get("/v1/experiments", alice, filter="params.secret exists"))["count"] == 0


async def test_the_index_follows_what_is_written(world: World, client: Client) -> None:
    """New runs, new points, an end, and a run that is deleted and made again."""
    assert await prefixes(client, sort="prefix") == []
    chains = await put_run(world, f"{ROBOTS}1", {"lr": 1}, {"eval": [{"acc": 0.1}]}, status=None)
    await until(client, [f"{ROBOTS}1"], filter='status = "RUNNING" and params.lr = 1 and metrics.eval.acc.max = 0.1')
    await chains["eval"].append([{"acc": 0.9}])
    await chains["eval"].snapshot()
    await chains["params"].append([{"lr.start": 2}])
    await chains["params"].snapshot()
    await until(client, [f"{ROBOTS}1"], filter="metrics.eval.acc.max = 0.9 and params.lr.start = 2")
    assert await prefixes(client, filter="params.lr exists") == []
    session = f"{ROBOTS}1".encode().ljust(16, b"\0")[-16:]
    await chains["runs"].append_runs(RunEvents([End(time(), "FAILED")]), session=session)
    await chains["runs"].snapshot()
    await until(client, [f"{ROBOTS}1"], filter='status = "FAILED" and ended exists')
    target = await find_target(world.mongo, parse_prefix(f"{ROBOTS}1"))
    assert target is not None and await raise_generation(world.mongo, target)
    await until(client, [], sort="prefix")
    await put_run(world, f"{ROBOTS}1", {"new": True}, generation=1)
    await until(client, [f"{ROBOTS}1"], filter="params.new and not params.lr.start exists")
    assert (await client.get("/v1/experiments", filter="metrics.eval.acc.max exists"))["count"] == 0


async def test_a_run_that_falls_silent_is_found_as_lost(world: World) -> None:
    async with Running(world.api(lost_after_s=0.5, stop_timeout_s=2.0)) as client:
        await put_run(world, f"{ROBOTS}1", status=None)
        await until(client, [f"{ROBOTS}1"], filter='status = "LOST"')
        session = f"{ROBOTS}1".encode().ljust(16, b"\0")[-16:]
        await world.mongo.sessions.update_one({"_id": session}, {"$set": {"seen_at": time() + 60}})
        await until(client, [f"{ROBOTS}1"], filter='status = "RUNNING"')


async def test_an_index_that_followed_says_what_one_that_reads_everything_says(world: World, client: Client) -> None:
    await prefixes(client, sort="prefix")
    await put_some(world)
    chain = await Chain(world, "metrics", None, prefix=f"{ROBOTS}0").begin()
    for at in range(5):
        await chain.append([{"x": at, "y": -at}])
        await chain.snapshot()
    await until(client, [f"{ROBOTS}0"], filter="metrics.null.x.max = 4")
    async with Running(world.api(index_at_start=True, stop_timeout_s=2.0)) as other:
        names = [one["field"] for one in (await other.get("/v1/fields", limit=1_000))["fields"]]
        asked = {"fields": names, "sort": "prefix"}
        mine, theirs = await client.get("/v1/experiments", **asked), await other.get("/v1/experiments", **asked)
        assert repr(mine["experiments"]) == repr(theirs["experiments"]) and len(names) > 30
        assert await other.get("/v1/fields") | {"asOf": "", "lagS": 0} == await client.get("/v1/fields") | {
            "asOf": "",
            "lagS": 0,
        }


async def test_two_searches_at_once_get_their_own_answers(world: World, client: Client) -> None:
    await put_some(world)
    asked = [prefixes(client, filter=f"params.seed = {at % 3}") for at in range(12)]
    assert await asyncio.gather(*asked) == [[f"{ROBOTS}{at % 3}"] for at in range(12)]


async def test_the_terminal_lists_what_a_search_finds(world: World, client: Client) -> None:
    await put_some(world)
    address = str(client.http.base_url)
    arguments = ["ls", 'owner = "alice"', "--sort", "-params.seed", "--limit", "2", "--json", "--remote", address]
    done = await asyncio.to_thread(run_mldash, *arguments, "--columns", 'params.seed,params."say \\"hi\\""')
    assert json.loads(done.stdout) == [
        {"prefix": f"{ROBOTS}{at}", "values": {"params.seed": at, 'params."say \\"hi\\""': True}} for at in (2, 1)
    ]
    assert "1 more" in done.stderr
