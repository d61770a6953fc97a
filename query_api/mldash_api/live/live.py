"""The live stream of one process: a hub, and the steps in the background that serve it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic
from typing import Final

from mldash.process.supervision import Supervision
from mldash_api import instruments
from mldash_api.search.index import RunIndex
from mldash_api.stores.streams import Stores

from .event_stream import told_to_its_end
from .hub import Hub
from .listened.listened import EVERY_S as LISTENED_EVERY_S
from .listener import Event, Listener
from .rounds import Rounds
from .tables.tables import EVERY_S as TABLES_EVERY_S
from .tending import EVERY_S, Tending

_LONGEST_DELAY_S: Final = 2.0
"""Between attempts while MongoDB is away. Without Kafka there is another way to notice, and no hurry."""
_PAGE_BYTES: Final = 4 << 20
_A_MOMENT_S: Final = 0.01
"""For what is there already: nothing of it waits."""
_STATE: Final = ("status", "fields", "up-to-date", "pending")


class Live:
    """One a process; `start`, then `close` before the server stops, for streams do not end by themselves."""

    def __init__(self, stores: Stores, index: RunIndex) -> None:
        self.hub = Hub(stores, index)
        self.tending = Tending(self.hub)
        self._rounds = Rounds(self.hub)
        self._stop = asyncio.Event()
        self._following = Supervision(self._stop, instruments.count_failure)
        self._looking = Supervision(self._stop, instruments.count_failure, longest_delay_s=_LONGEST_DELAY_S)

    def start(self) -> None:
        """The steps; without listeners they wait."""
        self._following.start("follow what is stored", self.hub.news.follow, 0.0)
        self._following.start("follow what is not stored yet", self.hub.pending.follow, 0.0)
        self._looking.start("look for what is new", self._rounds.turn, 0.0)
        self._looking.start("tend listeners", self.tending.tend, EVERY_S)
        self._looking.start("look at tables", lambda: self.hub.tables.tend(list(self.hub.listeners)), TABLES_EVERY_S)
        self._looking.start("say who is listened to", self.hub.listened.tend, LISTENED_EVERY_S)

    def say_goodbye(self) -> None:
        """Every listener is told, and ends."""
        self.hub.close()

    async def close(self) -> None:
        self._stop.set()
        await self._following.finish()
        await self._looking.finish()
        await self.hub.listened.unsay()


async def collect(listener: Listener, wait_s: float) -> tuple[list[Event], str]:
    """What there is for it now; where that is nothing but its state, the first that comes within `wait_s`. And the id
    to go on with."""
    events, size, next_id = list[Event](), 0, await listener.id()
    deadline, has_news = monotonic() + wait_s, False
    async with aclosing(told_to_its_end(listener)) as told:
        while size < _PAGE_BYTES and not (has_news and listener.is_up_to_date):
            event = await _next(told, deadline if listener.is_up_to_date else None)
            if event is None:
                break
            events.append(event)
            size, next_id = size + len(event.data), event.id
            has_news = has_news or (event.name not in _STATE and (event.name != "rows" or listener.is_up_to_date))
            if event.name == "closed":
                break
    return events, next_id


async def _next(told: AsyncGenerator[Event | None], deadline: float | None) -> Event | None:
    """None: there is none in time."""
    try:
        async with asyncio.timeout(None if deadline is None else max(_A_MOMENT_S, deadline - monotonic())):
            return await anext(told, None)
    except TimeoutError:
        return None
