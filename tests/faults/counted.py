"""What workers and the compactor counted, over all their lives: read from /metrics again and again, for a killed one
takes its counters with it."""

import asyncio
import re
from collections import Counter

import httpx

from tests.plain_http import plain_http

from .processes import Process

_WANTED = re.compile(r"^mldash_((?:worker|compactor)_[a-z_]+)_total(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


class Counted:
    """Sums by name, without labels."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self._last: dict[tuple[str, int], Counter[str]] = {}

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(0.5)

    async def look(self) -> None:
        async with plain_http(timeout=2) as client:
            await asyncio.gather(
                *(self._look(client, one) for one in self._processes if one.runs and not one.is_paused)
            )

    async def _look(self, client: httpx.AsyncClient, process: Process) -> None:
        pid = process.pid
        try:
            text = (await client.get(f"http://127.0.0.1:{process.port}/metrics")).text
        except httpx.HTTPError:
            return  # it has just been killed, or begins
        found = Counter[str]()
        for name, value in _WANTED.findall(text):
            found[name] += float(value)  # type: ignore[assignment]
        self._last[process.name, pid] = found

    def __getitem__(self, name: str) -> int:
        return int(sum(one[name] for one in self._last.values()))
