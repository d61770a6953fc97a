"""The reader's other half: through the API, as users read, and held against what the documents said."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec

from tests.plain_http import plain_http

from . import sequences
from .invariants import ChainMemory, Violation
from .reader import Reader
from .sequences import Stream

_WINDOW: Final = 200
_AWAY: Final = (502, 503, 504)


class ApiReader:
    """Asks for some window of each stream; where a server is away, or a stream goes on moving, it has no answer."""

    def __init__(self, reader: Reader, api_url: str, seed: int) -> None:
        self.answers = 0
        self._reader = reader
        self._client = plain_http(base_url=api_url, timeout=40, headers={"Accept": "application/msgpack"})
        self._chance = random.Random(f"reader/{seed}")

    async def close(self) -> None:
        await self._client.aclose()

    async def ask_all(self) -> None:
        """Raises Violation."""
        for stream in sequences.all_streams():
            await self.ask(stream)

    async def ask(self, stream: Stream) -> None:
        """Some window of the stream, and its end."""
        chain = self._reader.chain(stream)
        if chain is None:
            return
        known = len(chain.events)
        if stream.kind == "metrics":
            for start in {self._chance.randrange(known + 1), max(0, known - _WINDOW // 2)}:
                page = await self._get("/v1/metrics/points", stream, name=stream.name, start_index=start, limit=_WINDOW)
                if page is not None:
                    await self._check_page(chain, start, page)
        elif stream.kind == "logs":
            floor = chain.expired
            offset = self._chance.randrange(known - floor + 1)
            page = await self._get("/v1/logs/lines", stream, offset=offset, limit=_WINDOW)
            if page is not None:
                await self._check_lines(chain, floor + offset, page["lines"])
        elif stream.kind == "tracks":
            await self._ask_entries(chain)

    async def _get(self, path: str, stream: Stream, **query: Any) -> Any:
        """The answer, None where a server is away or the stream has gone on moving."""
        try:
            answer = await self._client.get(path, params={"prefix": stream.prefix, **query})
        except httpx.HTTPError:
            return None  # the API itself does not answer
        if answer.status_code in _AWAY:
            return None
        if answer.status_code != 200:
            raise Violation(1, stream, f"{path} {query} answers {answer.status_code}: {answer.text}")
        self.answers += 1
        return msgspec.msgpack.decode(answer.content)

    async def _check_page(self, chain: ChainMemory, start: int, page: Mapping[str, Any]) -> None:
        """(1) Dense, and at each index what was and will be there."""
        found = [(one["data"]["who"], one["data"]["number"]) for one in page["data"]]
        indices = [one["index"] for one in page["data"]]
        if indices != [*range(start, start + len(indices))]:
            raise chain.fail(1, f"the API answers the indices {indices} for {start} …")
        if len(found) < min(_WINDOW, len(chain.events) - start) and await self._is_current(chain):
            raise chain.fail(
                1, f"the API answers {len(found)} points from {start} on, {len(chain.events)} were read before"
            )
        for one, event in zip(page["data"], found, strict=True):
            if one["data"] != sequences.point(event):
                raise chain.fail(2, f"the API answers {one['data']} at {one['index']}")
        await self._check_events(chain, start, found)

    async def _check_lines(self, chain: ChainMemory, at_least: int, lines: Sequence[Mapping[str, Any]]) -> None:
        """An offset counts from the floor, which may have risen meanwhile."""
        if not lines:
            return
        start = int(lines[0]["sequenceNumber"])
        if start < at_least and await self._is_current(chain):
            raise chain.fail(1, f"the API answers the lines from {start} on, and was asked for {at_least} …")
        found = [(one["metadata"]["who"], one["metadata"]["number"]) for one in lines]
        numbers = [one["sequenceNumber"] for one in lines]
        if numbers != [*range(start, start + len(numbers))]:
            raise chain.fail(1, f"the API answers the lines {numbers} for {start} …")
        await self._check_events(chain, start, found)

    async def _check_events(self, chain: ChainMemory, start: int, found: Sequence[tuple[int, int]]) -> None:
        if not await self._is_current(chain):
            return
        if start + len(found) > len(chain.events):
            await self._reader.read(chain.stream)
        if not await self._is_current(chain):
            return
        unordered = max(0, chain.guessed - start)  # retention took them before they were read here
        known = chain.events[start + unordered : start + len(found)]
        if known != [*found[unordered:]]:
            raise chain.fail(1, f"the API answers {found} from {start} on, the documents {known}")

    async def _is_current(self, chain: ChainMemory) -> bool:
        """Whether the experiment was not removed meanwhile."""
        return await self._reader.read_generation(chain.stream.prefix) == chain.generation

    async def _ask_entries(self, chain: ChainMemory) -> None:
        """(8) The fold, in index order, of the events below some place where an appender once stood."""
        before = len(chain.events)
        first = float(self._chance.randrange(max(1, before // 12)))
        answer = await self._get(
            "/v1/tracks/entries", chain.stream, topic=chain.stream.name, start=first, end=first + 30
        )
        if answer is None or not await self._is_current(chain):
            return
        await self._reader.read(chain.stream)
        if not await self._is_current(chain):
            return
        ends = sorted({before, len(chain.events), *(cut for cut in chain.cuts if before < cut)})
        for end in ends:
            inside = [e for e in chain.events[:end] if first <= sequences.entry_time(e[1]) <= first + 30]
            if sequences.fold_entries(inside) == answer["entries"]:
                return
        raise chain.fail(8, f"the API's entries in [{first}, {first + 30}] are the fold of no prefix among {ends}")
