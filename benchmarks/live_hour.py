"""One API for a long time, with listeners that come and go: whether its memory stays what it was.

A worker stores 1,200 points a second of 100 experiments. 60 listeners are open at any time; each stays for 2 to 20
seconds at one experiment, hangs up, and another one comes to another. Every tenth also asks for a chart and a page of
runs, as a page that is opened does. The resident memory of the API's process is looked at every five seconds. What it
may keep for later is set to some megabytes: as large as they usually are, its caches would fill up for hours.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import urlencode

import httpx
import psutil

from .api_process import Api, servers_of_stack
from .live_many import EXPERIMENTS, Listener, emitting_many, name_of
from .whole_stack import look_at

HOUR_S: Final = 3_600.0
_PACE: Final = 1_200
_RECORD_S: Final = 1.0
_AT_ONCE: Final = 60
_STAYS_S: Final = (2.0, 20.0)
_LOOK_S: Final = 5.0
_OPENS: Final = 10
"""One in so many opens a page beside its stream."""
SMALL_CACHES: Final = {
    f"MLDASH_API_{name}_CACHE_BYTES": str(4 << 20) for name in ("LIVE", "CHUNK", "SUMMARY", "MANIFEST", "TAIL")
}
_QUARTERS: Final = 4
_WARM: Final = 0.25
"""Of the time: caches fill up, the allocator takes what it keeps."""


def growth_an_hour(looks: Sequence[tuple[float, float]]) -> float:
    """Bytes an hour: the median slope of all pairs of (second, bytes) that lie at least a tenth of the time apart, so
    that single high readings weigh nothing."""
    apart = (looks[-1][0] - looks[0][0]) / 10
    slopes = [
        (two[1] - one[1]) / (two[0] - one[0])
        for at, one in enumerate(looks)
        for two in looks[at + 1 :]
        if two[0] - one[0] >= apart
    ]
    return statistics.median(slopes) * HOUR_S


def settled(looks: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those behind the first quarter of the time."""
    since = looks[0][0] + (looks[-1][0] - looks[0][0]) * _WARM
    return [look for look in looks if look[0] >= since]


def quarters(looks: Sequence[tuple[float, float]]) -> list[float]:
    """The median of each quarter of the time."""
    begun, passed = looks[0][0], looks[-1][0] - looks[0][0]
    parts: list[list[float]] = [[] for _ in range(_QUARTERS)]
    for at, size in looks:
        parts[min(_QUARTERS - 1, int((at - begun) / passed * _QUARTERS))].append(size)
    return [statistics.median(part) for part in parts]


def churn(stack_data: str, server: Api, seconds: float) -> dict[str, float]:
    """Megabytes, and how many listeners there were."""
    look_at(stack_data)  # says where the stack is not whole
    with emitting_many(servers_of_stack(stack_data), _PACE, _RECORD_S) as emitters:
        began, before = time.monotonic(), emitters.logged()
        found = asyncio.run(_come_and_go(server, seconds))
        return found | {"logged": (emitters.logged() - before) / (time.monotonic() - began)}


async def _come_and_go(server: Api, seconds: float) -> dict[str, float]:
    until, looks, seen = time.monotonic() + seconds, list[tuple[float, float]](), _Seen()
    process = psutil.Process(server.process.pid)
    async with asyncio.TaskGroup() as group, httpx.AsyncClient(base_url=server.address, trust_env=False) as http:
        coming = [group.create_task(_visit(server, http, until, seed, seen)) for seed in range(_AT_ONCE)]
        while time.monotonic() < until:
            looks.append((time.monotonic(), float(process.memory_info().rss)))
            await asyncio.sleep(_LOOK_S)
        await asyncio.wait(coming)
    late = settled(looks)
    return {
        "listeners": seen.listeners,
        "pages": seen.pages,
        "faults": seen.faults,
        **{f"quarter {number}": size / 1e6 for number, size in enumerate(quarters(looks), 1)},
        "memory": statistics.median(size for _, size in late) / 1e6,
        "most": max(size for _, size in looks) / 1e6,
        "growth": growth_an_hour(late) / 1e6,
        "minutes": seconds / 60,
    }


class _Seen:
    """What all visits have counted."""

    def __init__(self) -> None:
        self.listeners = self.pages = self.faults = 0


async def _visit(server: Api, http: httpx.AsyncClient, until: float, seed: int, seen: _Seen) -> None:
    """One listener after another."""
    draw, loop = random.Random(seed), asyncio.get_running_loop()
    host, _, port = server.address.removeprefix("http://").partition(":")
    while time.monotonic() < until:
        prefix, is_ready = name_of(draw.randrange(EXPERIMENTS)), asyncio.Semaphore(0)
        query = urlencode({"prefix": prefix, "kind": "points"})
        _, one = await loop.create_connection(partial(Listener, host, query, is_ready), host, int(port))
        await is_ready.acquire()
        seen.listeners += 1
        if draw.randrange(_OPENS) == 0:
            await _open_page(http, prefix)
            seen.pages += 1
        await asyncio.sleep(draw.uniform(*_STAYS_S))
        one.hang_up()
        seen.faults += one.faults


async def _open_page(http: httpx.AsyncClient, prefix: str) -> None:
    grid = {"prefixes": prefix, "name": "train", "fields": "loss", "points": "600"}
    for path, query in (("/v1/experiments", {"limit": "50"}), ("/v1/metrics/grid", grid)):
        (await http.get(path, params=query, timeout=60.0)).raise_for_status()
