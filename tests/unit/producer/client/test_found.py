"""Rows of found runs over errors and cancellations amid their pages."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash.client.api_runs import ApiAnswer
from mldash.client.asked import asked_runs
from mldash.client.asynchronous.found import AsyncFoundRuns
from mldash.client.folder_runs import FolderAnswer, plain_runs
from mldash.client.found import FoundRuns
from mldash.errors import ServerUnreachable
from mldash.remote.transport import Transport

WITHIN_S = 60.0
ROWS = 25_000


class Numbered(Transport):
    """An API of 25,000 runs. `fails`: how many of the next answers do not come; `gate`: awaited by each answer."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9")
        self.fails, self.asked = 0, list[str | None]()
        self.gate = threading.Event()
        self.gate.set()
        self.is_asked = threading.Event()

    def get(self, path: str, query: Any = None, headers: Any = None, wait: float = 0.0) -> Any:
        self.is_asked.set()
        assert self.gate.wait(WITHIN_S)
        if self.fails:
            self.fails -= 1
            raise ServerUnreachable(self.address, "away")
        self.asked.append(query["cursor"])
        first = int(query["cursor"] or 0)
        rows = range(first, min(ROWS, first + query["limit"]))
        return {
            "count": ROWS,
            "next": str(rows.stop) if rows.stop < ROWS else None,
            "experiments": [{"prefix": f"a/b/{at}", "values": {"n": at}} for at in rows],
        }


def found_at(transport: Transport, limit: int | None = None) -> FoundRuns:
    asked = asked_runs(None, "prefix", None)
    return FoundRuns(ApiAnswer(transport, asked), asked, limit)


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_an_error_amid_pages_makes_nothing_shorter(pages: int) -> None:
    api = Numbered()
    found = found_at(api, 24_000)
    for _ in range(pages):
        assert found.fetch()
    api.fails = 2
    for _ in range(2):
        with pytest.raises(ServerUnreachable):
            found.to_list()
    assert [row.values["n"] for row in found] == [*range(24_000)] and len(found) == 24_000
    assert len(api.asked) == len(set(api.asked)), "no page twice"


def test_an_error_of_a_folder_comes_again(tmp_path: Path) -> None:
    def failing(root: Path) -> Iterator[Any]:
        raise OSError("no such disk")

    asked = asked_runs(None, "prefix", None)
    reads = [failing]
    found = FoundRuns(FolderAnswer(lambda: reads[0](tmp_path), asked), asked, None)
    for _ in range(2):
        with pytest.raises(OSError, match="no such disk"):
            found.to_list()
    reads[0] = plain_runs
    assert found.to_list() == []


async def test_who_is_cancelled_amid_a_page_leaves_all_rows_to_the_next() -> None:
    api = Numbered()
    found = AsyncFoundRuns(found_at(api))
    for _ in range(3):
        api.gate.clear()
        api.is_asked.clear()
        waiting = asyncio.create_task(found.to_list())
        assert await asyncio.to_thread(api.is_asked.wait, WITHIN_S)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        others = [asyncio.create_task(_numbers(found)) for _ in range(2)]
        await asyncio.sleep(0)
        api.gate.set()
        async with asyncio.timeout(WITHIN_S):
            assert await asyncio.gather(*others) == [[*range(ROWS)]] * 2
        found = AsyncFoundRuns(found_at(api))


async def _numbers(found: AsyncFoundRuns) -> list[int]:
    return [row.values["n"] async for row in found]
