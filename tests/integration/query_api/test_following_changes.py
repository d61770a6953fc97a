"""The index over a break of MongoDB's change stream: nothing is missed, and what can't be trusted is read anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from mldash.query.parsing import parse
from mldash_api.run_errors import IndexBuilding
from mldash_api.search.following import Follower
from mldash_api.search.index import RunIndex
from mldash_api.search.matching import rows_that_pass
from mldash_ingest.documents.mongo import OperationFailure
from tests.world import World

from .runs import put_run

pytestmark = pytest.mark.integration


@pytest.fixture
async def index() -> AsyncIterator[RunIndex]:
    made = RunIndex(60.0, 20.0)
    yield made
    made.close()


@asynccontextmanager
async def following(follower: Follower) -> AsyncIterator[None]:
    """A step, which is cut at the end."""
    step = asyncio.create_task(follower.step())
    try:
        yield
    finally:
        step.cancel()
        await asyncio.wait({step})


async def until(index: RunIndex, filter_: str, count: int) -> None:
    async with asyncio.timeout(90):
        while True:
            found = await index.ask(
                lambda table, check: np.count_nonzero(rows_that_pass(table, parse(filter_), 0.0, check))
            )
            if found == count:
                return
            await asyncio.sleep(0.02)


async def test_what_was_written_while_the_follower_was_away_is_taken_up_without_reading_all(
    world: World, index: RunIndex
) -> None:
    await put_run(world, "a/b/1", {"x": 1})
    follower = Follower(world.mongo, index)
    async with following(follower):
        await until(index, "params.x exists", 1)
    table = index.table
    await put_run(world, "a/b/2", {"x": 2})
    async with following(follower):
        await until(index, "params.x exists", 2)
    assert index.table is table, "nothing was read anew"


async def test_a_token_that_mongodb_has_no_more_makes_it_read_all_anew(world: World, index: RunIndex) -> None:
    await put_run(world, "a/b/1", {"x": 1})
    follower = Follower(world.mongo, index)
    async with following(follower):
        await until(index, "params.x exists", 1)
    await world.mongo.experiments.delete_many({})
    follower._token = {"_data": "8200"}
    with pytest.raises(OperationFailure):
        await follower.step()
    async with following(follower):
        await until(index, "params.x exists", 0)
        await put_run(world, "a/b/2", {"x": 2})
        await until(index, "params.x exists", 1)


async def test_the_lag_that_is_said_grows_while_nothing_can_be_followed(world: World, index: RunIndex) -> None:
    follower = Follower(world.mongo, index)
    async with following(follower):
        await until(index, "params.x exists", 0)
        async with asyncio.timeout(90):
            before = index.as_of
            while index.as_of == before:  # noqa: ASYNC110 - it moves by itself
                await asyncio.sleep(0.02)
    stopped = index.as_of
    await asyncio.sleep(0)
    await put_run(world, "a/b/1", {"x": 1})
    assert index.as_of == stopped


async def test_who_waits_for_an_index_that_can_not_be_read_hears_why(world: World) -> None:
    index = RunIndex(60.0, 0.2)
    follower = Follower(world.mongo, index)
    follower._token = {"_data": "8200"}
    index.wanted.set()
    with pytest.raises(OperationFailure):
        await follower.step()
    with pytest.raises(IndexBuilding, match="OperationFailure"):
        await index.ready()
    index.close()
