"""Read-your-writes: a read waits until what its reader has written is stored, and says what is not."""

import asyncio
import base64
from time import monotonic
from typing import Any

import msgspec
import pytest

from mldash.events.schema import Describe, RunEvents
from tests.world import World

from .conftest import Client, Running
from .writing import PREFIX, SESSION, Chain, numbered

pytestmark = pytest.mark.integration

POINTS = "/v1/metrics/points"
LOSS: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}


def written(*streams: tuple[str, str | None, bytes, int], wait: float) -> dict[str, str]:
    text = base64.urlsafe_b64encode(msgspec.msgpack.encode(streams)).decode().rstrip("=")
    return {"Mldash-Written": text, "Mldash-Wait": str(wait)}


async def test_what_is_stored_is_answered_at_once_by_snapshot_and_by_the_buckets_since(
    world: World, client: Client
) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    await chain.snapshot()
    await chain.append(numbered(10, 5))
    await chain.append(numbered(0, 3), session=b"2" * 16)
    headers = written(("metrics", "loss", SESSION, 15), ("metrics", "loss", b"2" * 16, 3), wait=0)
    assert (await client.get(POINTS, headers, **LOSS))["total"] == 18
    headers = written(("metrics", "loss", SESSION, 15), ("params", None, SESSION, 0), wait=0)
    assert (await client.get(POINTS, headers, **LOSS))["total"] == 18


async def test_what_is_missing_is_named_after_the_wait_and_not_before(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    headers = written(("metrics", "loss", SESSION, 12), ("logs", "", SESSION, 3), wait=0.3)
    begun = monotonic()
    told = await client.problem(POINTS, 504, headers, **LOSS)
    assert 0.3 <= monotonic() - begun < 9  # not the 10 s of the default
    assert (told["type"], told["missing"]) == ("not-yet-stored", [["metrics", "loss", 2], ["logs", "", 3]])


async def test_a_hole_is_missing_whatever_came_after_it(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    await chain.append(numbered(10, 10), skip=4)
    for snapshot in (False, True):
        if snapshot:
            await chain.snapshot()
        told = await client.problem(POINTS, 504, written(("metrics", "loss", SESSION, 12), wait=0), **LOSS)
        assert told["missing"] == [["metrics", "loss", 2]]
        told = await client.problem(POINTS, 504, written(("metrics", "loss", SESSION, 24), wait=0), **LOSS)
        assert told["missing"] == [["metrics", "loss", 4]]
        assert await client.get(POINTS, written(("metrics", "loss", SESSION, 10), wait=0), **LOSS)


async def test_run_events_count_once_they_are_folded_for_descriptions_are_written_before_that(
    world: World, client: Client
) -> None:
    chain = await Chain(world, kind="runs", name="").begin()
    await chain.append_runs(RunEvents([Describe(time=1.0, kind="metrics", name="loss", description="said")]))
    headers = written(("runs", "", SESSION, 1), wait=0)
    told = await client.problem(POINTS, 504, headers, **LOSS)
    assert told["missing"] == [["runs", "", 1]]
    await chain.snapshot()
    assert (await client.get(POINTS, headers, **LOSS))["total"] == 0


async def test_a_read_waits_for_what_comes_meanwhile_even_an_experiment_that_is_not_there_yet(
    world: World, client: Client
) -> None:
    headers = written(("metrics", "loss", SESSION, 10), wait=20)
    reading = asyncio.create_task(client.get(POINTS, headers, **LOSS))
    chain = await Chain(world).begin()
    for first in range(0, 10, 2):
        assert not reading.done()
        await chain.append(numbered(first, 2))
    assert (await reading)["total"] == 10


async def test_moving_to_the_cold_store_makes_nothing_missing(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    await chain.move(0, 10)
    assert await client.get(POINTS, written(("metrics", "loss", SESSION, 10), wait=0), **LOSS)


def header(*streams: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(streams)).decode()


async def test_headers_that_say_nothing_are_refused(client: Client) -> None:
    refused = [
        ("%%%", "base64url"),
        (base64.urlsafe_b64encode(b"\xc1").decode(), "base64url of MessagePack"),
        (header(["points", "", SESSION, 1]), "is no kind"),
        (header(["logs", "", b"short", 1]), "16 bytes"),
        (header(["logs", "", SESSION, -1]), "not negative"),
    ]
    for text, reason in refused:
        told = await client.problem(POINTS, 400, {"Mldash-Written": text}, **LOSS)
        assert (told["parameter"], reason in told["detail"]) == ("Mldash-Written", True), told
    for wait in ("nan", "-1", "soon"):
        told = await client.problem(POINTS, 400, {"Mldash-Wait": wait}, **LOSS)
        assert told["parameter"] == "Mldash-Wait"


async def test_a_wait_is_bounded_by_the_setting(world: World) -> None:
    headers = {**written(("metrics", "loss", SESSION, 1), wait=0), "Mldash-Wait": "inf"}
    async with Running(world.api(wait_limit_s=0.1)) as client:
        assert "after 0.1 s" in (await client.problem(POINTS, 504, headers, **LOSS))["detail"]


async def test_many_readers_wait_at_once(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    headers = written(("metrics", "loss", SESSION, 100), wait=20)
    readers = [asyncio.create_task(client.get(POINTS, headers, **LOSS)) for _ in range(30)]
    for first in range(0, 100, 10):
        await chain.append(numbered(first, 10))
    pages: list[Any] = await asyncio.gather(*readers)
    assert {page["total"] for page in pages} == {100}


async def test_who_still_writes_to_a_deleted_experiment_is_told_so_by_its_reads(world: World, client: Client) -> None:
    """Also where another process has made the experiment again meanwhile."""
    chain = await Chain(world).begin()
    await world.mongo.experiments.update_one({"_id": chain.experiment}, {"$set": {"gen": 1}})
    headers = written(("metrics", "loss", SESSION, 5), wait=20)
    told = await client.problem(POINTS, 410, headers, **LOSS)
    assert told["type"] == "experiment-deleted"
    assert SESSION.hex() in told["detail"]
    await world.mongo.sessions.insert_one({"_id": b"2" * 16, "exp": chain.experiment, "gen": 1, "first_at": 2.0})
    assert (await client.problem(POINTS, 410, headers, **LOSS))["type"] == "experiment-deleted"
    other = written(("metrics", "loss", b"2" * 16, 1), wait=0)
    assert (await client.problem(POINTS, 504, other, **LOSS))["type"] == "not-yet-stored"


async def test_who_only_writes_may_ask_whether_it_counts(world: World, client: Client) -> None:
    path, asked = "/v1/sessions/standing", {"prefix": PREFIX, "session": SESSION.hex()}
    assert await client.get(path, **asked) == {"session": SESSION.hex(), "standing": "unknown"}
    chain = await Chain(world).begin()
    assert (await client.get(path, **asked))["standing"] == "counted"
    assert (await client.get(path, **{**asked, "session": "2" * 32}))["standing"] == "unknown"
    assert (await client.get(path, **{**asked, "prefix": "owner/project/other"}))["standing"] == "unknown"
    await world.mongo.experiments.update_one({"_id": chain.experiment}, {"$set": {"gen": 1}})
    assert (await client.get(path, **asked))["standing"] == "deleted"
    for wrong in ("", "2" * 31, "2" * 30, "not hex"):
        assert (await client.problem(path, 400, **{**asked, "session": wrong}))["parameter"] == "session"
