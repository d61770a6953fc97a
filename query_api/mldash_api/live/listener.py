"""One listener: what it is told, in which order, and when it ends.

Nothing is buffered for it. It takes the pieces from its positions on when its client has taken the event before, so one
that is slow falls behind in the store and nowhere else. All of this runs in the listener's own task; the hub only notes
what is new (`heard`, `is_deleted`, …) and wakes it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.answers.names import shown_entry_field
from mldash_api import instruments
from mldash_api.rights.caller import Caller
from mldash_api.times import iso_or_none

from .asked import CHAINS, Asked, may_read
from .chains import Chain, Watched
from .kept import Page, keep
from .pending.telling import ToldPending
from .positions import Position, Positions
from .state import fields_block
from .tables.telling import Looked, rows_told
from .telling import next_blocks

if TYPE_CHECKING:
    from .hub import Hub

KEEP_ALIVE_S: Final = 15.0
_QUIET_S: Final = 5.0
"""After the last end of a run: what was logged before it may be stored after it."""
MOST_STREAMS: Final = 10_000


class Event(NamedTuple):
    """`data` is JSON. `id`: with it the next one is told."""

    name: str
    id: str
    data: bytes


class Start(Struct, frozen=True):
    """From where a stream is told whose position is not known."""

    index: int | None
    """None: from now on."""


NOW: Final = Start(None)
BEGINNING: Final = Start(0)


class Listener:
    """`told` is to be read once; `Hub.leave` when it is over."""

    def __init__(
        self, hub: "Hub", caller: Caller, asked: Asked, positions: Positions, page: Page | None = None
    ) -> None:
        self.caller, self.asked, self.positions, self.page = caller, asked, positions, page
        self.hub = hub
        self._wake = asyncio.Event()
        self.following = set[Chain]()
        """Those that are told."""
        self.behind = dict[Chain, None]()
        """Those of them that have more than was told."""
        self.skipped = set[Chain]()
        """Those that had nothing at the position, though they go on: they are looked at again."""
        self.gaps = list[dict[str, Any]]()
        self._statuses = dict[Watched, None]()
        self._fields = list[bytes]()
        self._table: Looked | None = None
        self._told_table: Looked | None = None
        """On this connection, of the table that it asks for now."""
        self._pending = ToldPending()
        self._changed: Page | None = None
        self._told_change: Page | None = None
        self.closing: str | None = None
        self.is_up_to_date = self._was_up_to_date = False
        self._blocked_s = 0.0
        self.since = self._moved_at = monotonic()

    @property
    def wants_status(self) -> bool:
        return "status" in self.asked.kinds or self.asked.until == "end"

    # What the hub says.

    def attach(self, watched: Watched, start: Start) -> None:
        """Its chains are told from the positions on, those without one from `start`."""
        if self not in watched.listeners:
            return  # it has left meanwhile
        known = self.positions.generation_of(watched.key)
        if known is not None and (watched.experiment is None or known != watched.generation):
            self.is_deleted(watched)
        if watched.experiment is not None:
            self.positions.generation_is(watched.key, watched.generation)
        for chain in watched.chains.values():
            self.follow(chain, start)
        if self.wants_status and watched.status is not None:
            self._statuses[watched] = None
        self._wake.set()

    def follow(self, chain: Chain, start: Start) -> None:
        """One more of its streams."""
        kind, name = chain.stream.kind, chain.stream.name
        wants_fields = self.asked.wants_fields_of(kind, name)
        if wants_fields and chain.fields:
            self.has_fields(chain, chain.fields)
        wants_events = self.asked.wants(kind, name)
        if not wants_events and not wants_fields and not (kind == "runs" and self.wants_status):
            return
        chain.listeners.add(self)
        self.following.add(chain)
        if len(self.following) > MOST_STREAMS:
            self.close("too-many-streams")
        if wants_events and self.positions.of(chain.watched.key, chain.key) is None:
            self.move(chain, chain.end if start.index is None else start.index)
        self.heard(chain)

    def heard(self, chain: Chain) -> None:
        """The chain has grown."""
        position = self.positions.of(chain.watched.key, chain.key)
        if position is not None and position < chain.end and CHAINS.get(chain.stream.kind) in self.asked.kinds:
            self.behind[chain] = None
            self._wake.set()

    def has_fields(self, chain: Chain, names: Iterable[str]) -> None:
        """These are new."""
        if self.asked.wants_fields_of(chain.stream.kind, chain.stream.name):
            shown = [shown_entry_field(one) if chain.stream.kind == "tracks" else one for one in names]
            self._fields.append(fields_block(chain, shown))
            self._wake.set()

    def has_status(self, watched: Watched) -> None:
        """It is another now."""
        if self.wants_status:
            self._statuses[watched] = None
            self._wake.set()

    def has_table(self, table: Looked) -> None:
        """As it is now."""
        if table is not self._table:
            self._table = table
            self._wake.set()

    def has_pending(self) -> None:
        """Events that are not stored yet have come, or gone."""
        self._wake.set()

    def is_deleted(self, watched: Watched) -> None:
        """Nothing of it counts any more."""
        self.detach(watched)
        if self.positions.generation_of(watched.key) is not None:
            self.gaps.append({"prefix": watched.prefix.text, "reason": "deleted"})
            self.positions.leave(watched.key)
        self._wake.set()

    def is_forgotten(self) -> None:
        """Its positions are not kept any more."""
        self.gaps.append({"reason": "forgotten"})

    def detach(self, watched: Watched) -> None:
        """Its chains are told no more."""
        for chain in [one for one in self.following if one.watched is watched]:
            chain.listeners.discard(self)
            self.following.discard(chain)
            self.behind.pop(chain, None)
            self.skipped.discard(chain)
        self._statuses.pop(watched, None)

    def changes_to(self, page: Page) -> None:
        """What is listened to is another."""
        self._changed = page
        self._wake.set()

    def has_changed(self) -> None:
        """While it was away: it is told what its page listens to."""
        self._told_change = self.page

    def look_again(self) -> None:
        """At what was not there a moment ago."""
        for chain in self.skipped:
            self.heard(chain)
        self.skipped.clear()
        if self.asked.until == "end":
            self._wake.set()

    def close(self, reason: str) -> None:
        """It is told, and ends."""
        self.closing = self.closing or reason
        self._wake.set()

    def was_blocked(self, seconds: float) -> None:
        """So long its client took nothing of an event."""
        self._blocked_s += seconds
        if self._was_up_to_date and self._blocked_s > self.hub.settings.live_slow_s:
            self.close("slow")

    # What it is told.

    async def told(self) -> AsyncGenerator[Event | None]:
        """Events, and None where nothing was to be told for so long. Ends behind `closed`."""
        told_at = monotonic()
        while True:
            self._wake.clear()
            if self._changed is not None:
                await self._change(self._changed)
            event = await self._next()
            if event is not None:
                yield event
                if event.name == "closed":
                    return
                told_at = monotonic()
            elif not self.behind and not self._wake.is_set():
                await self._woken(told_at + KEEP_ALIVE_S - monotonic())
                if monotonic() - told_at >= KEEP_ALIVE_S:
                    yield None
                    told_at = monotonic()

    async def id(self, has_ended: bool = False) -> str:
        """Of where it stands now."""
        text = self.positions.id_text(self.asked.hash, has_ended)
        if text is None:
            await keep(self.hub.stores.mongo, self.positions)
            text = self.positions.id_text(self.asked.hash, has_ended)
            assert text is not None, "nothing has moved since they were kept"
        return text

    async def _next(self) -> Event | None:
        """None: there is nothing to tell at the moment."""
        if self.closing is not None:
            return await self._closed(self.closing)
        if self._told_change is not None:
            page, self._told_change = self._told_change, None
            data = {"change": page.change, "asked": page.asked}
            return Event("changed", await self.id(), msgspec.json.encode(data))
        if self.gaps:
            gaps, self.gaps = self.gaps, []
            return Event("gap", await self.id(), msgspec.json.encode(gaps))
        if self._statuses:
            blocks = [one.status for one in self._statuses if one.status is not None]
            self._statuses.clear()
            return Event("status", await self.id(), _array(blocks)) if blocks else None
        if self._fields:
            blocks, self._fields = self._fields, []
            return Event("fields", await self.id(), _array(blocks))
        if self._table is not None and self._table is not self._told_table:
            before, self._told_table = self._told_table, self._table
            return Event("rows", await self.id(), rows_told(before, self._table))
        if self.behind:
            self.is_up_to_date = False
            kind, blocks = await next_blocks(self)
            self._moved_at = monotonic()
            return Event(CHAINS[kind], await self.id(), _array(blocks)) if blocks else None
        self._blocked_s = 0.0
        if not self.is_up_to_date and not self.skipped:
            self.is_up_to_date = True
            if not self._was_up_to_date:
                self._was_up_to_date = True
                return Event("up-to-date", await self.id(), msgspec.json.encode({"at": iso_or_none(time())}))
        if self._is_over():
            return await self._closed("ended")
        if self.asked.pending and (told := await self._pending.next(self)) is not None:
            return Event("pending", await self.id(), told)
        return None

    async def _closed(self, reason: str) -> Event:
        has_ended = reason in ("ended", "done")
        instruments.live_closed.labels(reason).inc()
        return Event("closed", await self.id(has_ended), msgspec.json.encode({"reason": reason}))

    async def _change(self, page: Page) -> None:
        """From here on the page's new asking is told."""
        self._changed = None
        if self.page is not None and page.change <= self.page.change:
            return
        self.page = page
        if page.asked.is_empty:
            self.close("done")
            return
        if not may_read(self.caller, page.asked):
            self.close("not-allowed")
            return
        for chain in self.following:
            if not page.asked.wants(chain.stream.kind, chain.stream.name):
                self.positions.leave(chain.watched.key, chain.key)
        self.hub.listened.goes(self.asked)
        self.hub.listened.comes(page.asked)
        if page.asked.table != self.asked.table or page.asked.nonfinite != self.asked.nonfinite:
            self._table = self._told_table = None
        self.hub.pending.goes(self)
        self.asked, self.is_up_to_date, self._was_up_to_date = page.asked, False, False
        self._pending = ToldPending()
        self.hub.pending.comes(self)
        await self.hub.tables.join(self)
        await self.hub.listen_anew(self, start_of(page.start))
        self._told_change = page

    def _is_over(self) -> bool:
        if self.asked.until != "end" or self.skipped or monotonic() - self._moved_at < _QUIET_S:
            return False
        watched = self.hub.watched_by(self)
        return bool(watched) and all(one.has_ended for one in watched)

    async def _woken(self, within_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, within_s)):
                await self._wake.wait()

    def move(self, chain: Chain, index: int) -> None:
        """The next index of the chain that is told to it."""
        watched = chain.watched
        self.positions.move(Position(watched.key, watched.generation, chain.key, index))


def start_of(text: str) -> Start:
    """`now`, `start`, or an index. Raises ValueError."""
    if text == "now":
        return NOW
    if text == "start":
        return BEGINNING
    index = int(text)
    if not 0 <= index < 2**62:
        raise ValueError("an index is not negative")
    return Start(index)


def _array(blocks: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(blocks) + b"]"
