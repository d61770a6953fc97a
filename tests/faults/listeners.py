"""Listeners of the live stream, whose connections break all along: what each one was told, held against the chains.

A listener keeps what it is told by stream and index, and the last id. Each event has to begin at the index where the
one before ended, over however many connections; what is left out has to be told as a gap that may be.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec

from tests.plain_http import plain_http

from . import sequences
from .invariants import ChainMemory, Violation
from .sequences import Event, Stream

_AWAY: Final = (502, 503, 504)
_LASTS_S: Final = (0.2, 4.0)
_GAPS: Final = {("logs", "expired"), ("tracks", "moved")}
_STREAMS: Final = {"points": "metrics", "entries": "tracks", "lines": "logs", "params": "params"}


class Listener:
    """It listens, breaks off after a while, or is cut off, and comes back with the last id."""

    def __init__(self, name: str, address: str, asked: Mapping[str, Any], seed: int) -> None:
        self.name = name
        self.told = dict[Stream, list[Event | None]]()
        """At each index the event; None where a gap was told."""
        self.ends = dict[Stream, int]()
        """The next index of each stream."""
        self.ids = self.connections = 0
        self.broken: Counter[str] = Counter()
        """How connections ended, and how often."""
        self.closed: Counter[str] = Counter()
        self._asked, self._last = dict(asked), ""
        self._chance = random.Random(f"listener/{name}/{seed}")
        self._http = plain_http(base_url=f"http://{address}", timeout=httpx.Timeout(10.0, read=20.0))
        self.is_calm = False
        """Whether it breaks off no more."""

    async def close(self) -> None:
        await self._http.aclose()

    async def run(self) -> None:
        """For ever. Raises Violation."""
        while True:
            lasts_s = None if self.is_calm else self._chance.uniform(*_LASTS_S)
            try:
                async with asyncio.timeout(lasts_s):
                    await self._listen()
            except (httpx.HTTPError, TimeoutError) as error:
                self.broken[type(error).__name__] += 1
            await asyncio.sleep(self._chance.uniform(0.01, 0.3))

    async def _listen(self) -> None:
        query, headers = {"from": "start", **self._asked}, dict[str, str]()
        if self._last and self._chance.random() < 0.5:
            headers["Last-Event-ID"] = self._last
        elif self._last:
            query["after"] = self._last
        async with self._http.stream("GET", "/v1/live", params=query, headers=headers) as answer:
            if answer.status_code in _AWAY:
                return
            if answer.status_code != 200:
                await answer.aread()
                raise Violation(1, self.name, f"the live stream answers {answer.status_code}: {answer.text}")
            self.connections += 1
            fields = dict[str, str]()
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                    continue
                if "id" in fields:  # alive has none
                    self._take(fields["event"], fields["id"], fields["data"])
                fields.clear()

    def _take(self, name: str, id_: str, text: str) -> None:
        data = msgspec.json.decode(text)
        if name in _STREAMS:
            for block in data:
                self._take_block(_STREAMS[name], block)
        elif name == "gap":
            for gap in data:
                self._take_gap(gap)
        elif name == "closed":
            self.closed[data["reason"]] += 1
        # Only now: what comes back with this id has all of it.
        self._last = id_
        self.ids += 1

    def _take_block(self, kind: str, block: Mapping[str, Any]) -> None:
        name = block["name"] if kind == "metrics" else block["topic"] if kind == "tracks" else ""
        stream = Stream(block["prefix"], kind, name or "")
        if kind == "tracks":
            self._add(stream, block["firstIndex"], [None] * block["count"])
        elif kind == "metrics":
            points = block["points"]
            self._dense(stream, block["firstIndex"], [one["index"] for one in points])
            events = [(one["data"]["who"], one["data"]["number"]) for one in points]
            if [one["data"] for one in points] != [sequences.point(event) for event in events]:
                raise Violation(2, stream, f"{self.name} is told other points than were logged")
            self._add(stream, block["firstIndex"], events)
        elif kind == "logs":
            lines = block["lines"]
            self._dense(stream, lines[0]["sequenceNumber"], [one["sequenceNumber"] for one in lines])
            events = [(one["metadata"]["who"], one["metadata"]["number"]) for one in lines]
            self._add(stream, lines[0]["sequenceNumber"], events)
        else:
            self._add(stream, block["firstIndex"], [(one["last"][0], one["last"][1]) for one in block["sets"]])

    def _take_gap(self, gap: Mapping[str, Any]) -> None:
        if "kind" not in gap or (gap["kind"], gap["reason"]) not in _GAPS:
            raise Violation(1, self.name, f"it is told a gap that is none: {gap}")
        stream = Stream(gap["prefix"], gap["kind"], gap["name"] or "")
        self._add(stream, gap["from"], [None] * (gap["to"] - gap["from"]))

    def _dense(self, stream: Stream, first: int, indices: Sequence[int]) -> None:
        if indices != [*range(first, first + len(indices))]:
            raise Violation(1, stream, f"{self.name} is told the indices {indices}")

    def _add(self, stream: Stream, first: int, events: Sequence[Event | None]) -> None:
        """(1) Each once, in order, none left out."""
        end = self.ends.get(stream, 0)
        if first != end:
            what = "again" if first < end else "too early"
            raise Violation(1, stream, f"{self.name} is told index {first} {what}: the next one is {end}")
        self.ends[stream] = first + len(events)
        self.told.setdefault(stream, []).extend(events)

    def lacks(self, chain: ChainMemory) -> int:
        """How many of the chain's events it has not been told."""
        return len(chain.events) - self.ends.get(chain.stream, 0)

    def check(self, chain: ChainMemory) -> None:
        """What it was told at each index is what stands there."""
        told = self.told.get(chain.stream, [])
        if len(told) != len(chain.events):
            raise chain.fail(1, f"{self.name} was told {len(told)} events, {len(chain.events)} are stored")
        for index, (one, stored) in enumerate(zip(told, chain.events, strict=True)):
            if one is not None and index >= chain.guessed and one != stored:
                raise chain.fail(1, f"{self.name} was told {one} at {index}, where {stored} is stored")


@contextlib.asynccontextmanager
async def running(listeners: Sequence[Listener]) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """They listen meanwhile; what one of them finds is raised."""
    tasks = [asyncio.create_task(one.run(), name=one.name) for one in listeners]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in listeners))
