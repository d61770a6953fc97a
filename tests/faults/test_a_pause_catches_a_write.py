"""Which worker is paused: one that is about to write, for only its late write can lose its place."""

import asyncio

from .killers import first_caught
from .proxy import INSERT, Hold


async def test_the_worker_that_inserts_first_is_caught_and_its_insert_waits_for_the_release() -> None:
    holds = {slot: Hold("asked") for slot in range(3)}
    insert = asyncio.create_task(holds[2].pass_through("asked", b"head" + INSERT))
    assert await first_caught(holds, timeout_s=10.0) == 2
    assert not insert.done()
    holds[2].release()
    await insert


async def test_where_none_inserts_in_time_any_is_taken() -> None:
    holds = {slot: Hold("asked") for slot in (1, 2)}
    await holds[1].pass_through("asked", b"a find")
    assert await first_caught(holds, timeout_s=0.01) == 1
