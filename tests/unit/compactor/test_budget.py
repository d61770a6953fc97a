"""Bytes in flight stay below the budget, and nobody waits for ever."""

import asyncio

from mldash_compactor.budget import ByteBudget


async def test_chunks_wait_for_room_in_the_order_in_which_they_came() -> None:
    budget, order, gates = ByteBudget(100), list[str](), {name: asyncio.Event() for name in "abcd"}

    async def chunk(name: str, size: int) -> None:
        async with budget.reserve(size):
            order.append(name)
            await gates[name].wait()

    tasks = [asyncio.create_task(chunk(name, size)) for name, size in [("a", 60), ("b", 50), ("c", 10), ("d", 500)]]
    await asyncio.sleep(0)
    assert order == ["a"]  # c would fit, but b came before it
    gates["a"].set()
    await asyncio.sleep(0.001)
    assert order == ["a", "b", "c"]
    gates["b"].set()
    await asyncio.sleep(0.001)
    assert order == ["a", "b", "c"]  # one that is larger than the budget goes alone
    gates["c"].set()
    await asyncio.sleep(0.001)
    assert order == ["a", "b", "c", "d"]
    gates["d"].set()
    await asyncio.gather(*tasks)


async def test_one_that_is_cancelled_while_it_waits_or_as_it_is_let_in_takes_no_room() -> None:
    budget = ByteBudget(10)
    held = budget.reserve(10)
    await held.__aenter__()

    async def chunk() -> None:
        async with budget.reserve(10):
            pass

    waiting, entering = asyncio.create_task(chunk()), asyncio.create_task(chunk())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    await held.__aexit__(None, None, None)
    entering.cancel()
    await asyncio.gather(waiting, entering, return_exceptions=True)
    async with asyncio.timeout(1):
        await chunk()
