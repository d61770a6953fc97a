"""Who ask the same at once share a read that began after they asked; others never do."""

import asyncio
from collections.abc import Callable

import pytest

from mldash_api.agents.http.shared_reads import ReadAnswer, SharedReads


class Store:
    """Counts its reads; each answers with what was there when it began, once it may."""

    def __init__(self) -> None:
        self.value, self.begun, self.ended = 0, 0, 0
        self.may_end = asyncio.Event()

    async def read(self) -> ReadAnswer:
        self.begun += 1
        found = self.value
        try:
            await self.may_end.wait()
        finally:
            self.ended += 1
        return 200, "", str(found).encode(), {}


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - of the store's own counts
            await asyncio.sleep(0)


async def values(*reads: "asyncio.Task[ReadAnswer]") -> list[int]:
    return [int(body) for _, _, body, _ in await asyncio.gather(*reads)]


async def test_a_hundred_who_ask_at_once_are_answered_by_two_reads() -> None:
    """The second one is of those who asked while the first was read: it sees what was written meanwhile."""
    store, reads = Store(), SharedReads()
    first = [asyncio.create_task(reads.read("a", store.read)) for _ in range(50)]
    await until(lambda: store.begun == 1)
    store.value = 7
    later = [asyncio.create_task(reads.read("a", store.read)) for _ in range(50)]
    await asyncio.sleep(0)
    store.may_end.set()
    assert await values(*first, *later) == [0] * 50 + [7] * 50
    assert store.begun == 2


async def test_who_asks_something_else_or_is_someone_else_has_a_read_of_their_own() -> None:
    store, reads = Store(), SharedReads()
    asked = [asyncio.create_task(reads.read((who, url), store.read)) for who in "ab" for url in ("/x", "/y")]
    await until(lambda: store.begun == 4)
    store.may_end.set()
    assert await values(*asked) == [0] * 4


async def test_a_read_that_takes_long_holds_up_nobody() -> None:
    slow, fast, reads = Store(), Store(), SharedReads()
    fast.may_end.set()
    first = asyncio.create_task(reads.read("a", slow.read))
    await until(lambda: slow.begun == 1)
    assert await values(asyncio.create_task(reads.read("a", fast.read))) == [0] and not first.done()
    slow.may_end.set()
    await first


async def test_a_read_ends_with_the_last_who_waits_for_it() -> None:
    store, reads = Store(), SharedReads()
    asked = [asyncio.create_task(reads.read("a", store.read)) for _ in range(2)]
    await until(lambda: store.begun == 1)
    asked[0].cancel()
    await asyncio.wait(asked[:1])
    assert not store.ended
    asked[1].cancel()
    await until(lambda: store.ended == 1)
    store.may_end.set()
    assert await values(asyncio.create_task(reads.read("a", store.read))) == [0] and store.begun == 2


async def test_who_asks_while_a_read_is_given_up_is_not_given_up_with_it() -> None:
    store, reads = Store(), SharedReads()
    first = asyncio.create_task(reads.read("a", store.read))
    await until(lambda: store.begun == 1)
    second = asyncio.create_task(reads.read("a", store.read))  # waits behind the first
    await asyncio.sleep(0)
    second.cancel()
    third = asyncio.create_task(reads.read("a", store.read))
    store.may_end.set()
    assert await values(first, third) == [0, 0] and second.cancelled()


async def test_an_error_is_everyones_and_the_next_read_is_made_anew() -> None:
    reads, store = SharedReads(), Store()

    async def fails() -> ReadAnswer:
        raise OSError("away")

    asked = [asyncio.create_task(reads.read("a", fails)) for _ in range(2)]
    for one in asked:
        with pytest.raises(OSError, match="away"):
            await one
    store.may_end.set()
    assert await values(asyncio.create_task(reads.read("a", store.read))) == [0]
