"""The servers that a component works with: asked every few seconds, and told by /dependencies and an operator metric.

A server that is away says nothing of the component: whether that can do its own work is /readyz.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import time
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

LOOK_EVERY_S: Final = 5.0
_TIMEOUT_S: Final = 10.0
"""For each server: longer than MongoDB's driver looks for a primary (5 s), and than it takes to see which of Kafka's
doors is shut (8 s), so that the reason is told."""

_log = structlog.get_logger()

Ask = Callable[[], Awaitable[object]]


class Dependency(Struct, frozen=True):
    """One server, as it was at the last look."""

    name: str
    ok: bool
    why: str | None
    """What is wrong, in words; None: it answers."""
    since: float
    """When it began to answer, or to be away: Unix seconds."""


class Dependencies:
    """What is known of each server. `look` is called every LOOK_EVERY_S by the component's Supervision."""

    def __init__(self, asked: Mapping[str, Ask], tell: Callable[[str, bool], None]) -> None:
        """`asked` raises where its server does not answer; `tell` gets each server's name and whether it does: the
        labels and the value of an operator metric."""
        self._asked, self._tell = asked, tell
        self._known = {name: Dependency(name, False, "not asked yet", time()) for name in asked}

    async def list(self) -> list[Dependency]:
        """As of the last look."""
        return [*self._known.values()]

    async def look(self) -> None:
        """Ask all of them at the same time."""
        await asyncio.gather(*(self._look(name, ask) for name, ask in self._asked.items()))

    async def _look(self, name: str, ask: Ask) -> None:
        why: str | None = None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await ask()
        except TimeoutError as error:
            why = str(error) or f"no answer within {_TIMEOUT_S:g} s"
        except Exception as error:  # whatever its client raises is what is to be told
            why = str(error) or type(error).__name__
        before = self._known[name]
        ok = why is None
        self._known[name] = replace(before, why=why) if ok == before.ok else Dependency(name, ok, why, time())
        self._tell(name, ok)
        if not ok and (before.ok or before.why != why):
            _log.warning("a server is away", server=name, why=why)
        elif ok and not before.ok:
            _log.info("a server answers", server=name)


def as_one(processes: Mapping[str, Iterable[Dependency]]) -> list[Dependency]:
    """Of several processes: a server answers where it answers all of them, and `why` says which one misses it."""
    found: dict[str, Dependency] = {}
    for process, dependencies in processes.items():
        for one in dependencies:
            told = one if one.ok else replace(one, why=f"{process}: {one.why}")
            before = found.get(one.name)
            if before is None or (before.ok and not one.ok):
                found[one.name] = told
            elif before.ok and one.ok:
                found[one.name] = replace(before, since=max(before.since, one.since))
            elif not one.ok:
                found[one.name] = replace(before, why=f"{before.why}; {told.why}", since=min(before.since, one.since))
    return [*found.values()]
