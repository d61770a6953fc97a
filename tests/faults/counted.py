"""What the workers counted, over all their lives: read from /metrics again and again, for a killed one takes its
counters with it."""

import asyncio
import re
from collections import Counter

import httpx

from .processes import Process

_WANTED = re.compile(r"^(mldash_worker_[a-z_]+)_total(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


class Counted:
    """Sums by name, without labels."""

    def __init__(self, workers: list[Process]) -> None:
        self._workers = workers
        self._last: dict[tuple[str, int], Counter[str]] = {}

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(0.5)

    async def look(self) -> None:
        async with httpx.AsyncClient(timeout=2) as client:
            await asyncio.gather(*(self._look(client, one) for one in self._workers if one.runs and not one.is_paused))

    async def _look(self, client: httpx.AsyncClient, worker: Process) -> None:
        pid = worker.pid
        try:
            text = (await client.get(f"http://127.0.0.1:{worker.port}/metrics")).text
        except httpx.HTTPError:
            return  # it has just been killed, or begins
        found = Counter[str]()
        for name, value in _WANTED.findall(text):
            found[name.removeprefix("mldash_worker_")] += float(value)  # type: ignore[assignment]
        self._last[worker.name, pid] = found

    def __getitem__(self, name: str) -> int:
        return int(sum(one[name] for one in self._last.values()))
