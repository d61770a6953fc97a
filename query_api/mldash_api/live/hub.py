"""Who listens to what in this process, and what is watched for them: with the last listener it goes, and its pieces."""

import asyncio
from collections.abc import Iterable
from typing import Final

from mldash.events.identity import parse_prefix
from mldash_api import instruments
from mldash_api.kafka import look_away
from mldash_api.search.index import RunIndex
from mldash_api.stores.streams import ExperimentRef, Stores, find_experiment

from .asked import CHAINS
from .chains import Chain, OlderPieces, Pieces, Watched
from .errors import ListenersFull, TooManyListeners
from .listened.listened import Listened
from .listener import BEGINNING, Listener, Start
from .news import News
from .pending.following import Pending
from .pieces import Piece
from .reading import Found, Gap, find_chains, read_piece
from .scopes import prefixes_below
from .state import read_statuses
from .tables.tables import Tables

KINDS: Final = (*CHAINS, "runs")
"""Of streams that are looked at."""
_READS_AT_ONCE: Final = 4


class Hub:
    """One a process."""

    def __init__(self, stores: Stores, index: RunIndex) -> None:
        self.stores, self.settings = stores, stores.settings
        self.tables = Tables(index)
        self.pending = Pending(stores.settings)
        self.news = News(stores.settings)
        self.listened = Listened(stores.mongo, stores.settings.live_processes)
        self.listeners = set[Listener]()
        self.watched = dict[bytes, Watched]()
        self.pieces = Pieces(stores.settings.live_cache_bytes // 2)
        self.older = OlderPieces(stores.settings.live_cache_bytes // 2)
        self.stale = set[Watched]()
        """Those whose status is to be read."""
        self._loading = asyncio.Lock()
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)
        self._reading = dict[tuple[Chain, int], asyncio.Task[Piece | Gap | None]]()
        self._is_closing = False

    def enter(self, listener: Listener) -> None:
        """Raises ListenersFull, TooManyListeners."""
        if self._is_closing or len(self.listeners) >= self.settings.live_listeners:
            raise ListenersFull(self.settings.live_listeners)
        one = _who(listener)
        if sum(_who(other) == one for other in self.listeners) >= self.settings.live_listeners_of_one:
            raise TooManyListeners(self.settings.live_listeners_of_one)
        self.listeners.add(listener)
        self.listened.comes(listener.asked)
        self.pending.comes(listener)
        self.news.want(True)
        instruments.live_listeners.set(len(self.listeners))

    def leave(self, listener: Listener) -> None:
        """Nothing of it stays."""
        for watched in self.watched_by(listener):
            self._unwatch(listener, watched)
        if listener in self.listeners:
            self.listened.goes(listener.asked)
        self.listeners.discard(listener)
        self.pending.goes(listener)
        self.news.want(bool(self.listeners))
        instruments.live_listeners.set(len(self.listeners))

    def close(self) -> None:
        """Everybody is told, and nobody comes in."""
        self._is_closing = True
        self.listened.close()
        for listener in self.listeners:
            listener.close("stopping")

    async def listen(self, listener: Listener, prefixes: Iterable[str], start: Start) -> None:
        """To these experiments as well. Raises what reads raise."""
        new = list[Watched]()
        for prefix in prefixes:
            watched = Watched(parse_prefix(prefix))
            watched = self.watched.setdefault(watched.id, watched)
            if listener not in watched.listeners:
                watched.listeners.add(listener)  # from here on it stays
                new.append(watched)
        await self._attach(listener, new, start)

    async def listen_anew(self, listener: Listener, start: Start) -> None:
        """What it asks for is another; what it goes on to listen to goes on at its positions."""
        prefixes = await self.prefixes_of(listener)
        stays = list[Watched]()
        for watched in self.watched_by(listener):
            if watched.prefix.text in prefixes:
                listener.detach(watched)
                stays.append(watched)
            else:
                self._unwatch(listener, watched)
                listener.positions.leave(watched.key)
        await self._attach(listener, stays, start)
        await self.listen(listener, prefixes, start)

    async def prefixes_of(self, listener: Listener) -> list[str]:
        """All that it asks for at this moment. Raises AnswerTooLarge."""
        asked = listener.asked
        return [*dict.fromkeys([*asked.prefixes, *await prefixes_below(self.stores.mongo, asked.scopes)])]

    def watched_by(self, listener: Listener) -> list[Watched]:
        return [one for one in self.watched.values() if listener in one.listeners]

    async def read(self, chain: Chain, index: int) -> Piece | Gap | None:
        """What is not in memory; one read for all who ask for it, at the same time or a little later."""
        if (piece := self.older.get(chain, index)) is not None:
            return piece
        key = (chain, index)
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(chain, index))
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
            reading.add_done_callback(look_away)  # whoever asked may have gone
        return await asyncio.shield(reading)

    async def refresh(self, watched: Iterable[Watched]) -> None:
        """Ends of their chains as they are now; whoever listens to one that goes further than was known is told."""
        by_id = {one.id: one for one in watched}
        for found in await self._found(by_id.values()):
            chain = chain_of(by_id[found.experiment], found)
            if chain is not None and found.end > chain.end:
                chain.end = found.end
                self.has_fields(chain, found.fields)
                self.has_grown(chain)

    def has_grown(self, chain: Chain) -> None:
        """Its end is another one: every place that moves it says so, for no later look finds what lies before it."""
        if chain.stream.kind == "runs":
            self.stale.add(chain.watched)
            return
        for listener in chain.listeners:
            listener.heard(chain)

    def has_fields(self, chain: Chain, names: Iterable[str]) -> None:
        """Names that events of it have; those that are new are told."""
        new = [one for one in names if one not in chain.fields]
        if new:
            chain.fields.update(dict.fromkeys(new))
            for listener in chain.listeners:
                listener.has_fields(chain, new)

    async def find_new(self, watched: Iterable[Watched]) -> None:
        """Streams that have come since they were listed: everything of them is told."""
        by_id = {one.id: one for one in watched}
        for found in await self._found(by_id.values()):
            one = by_id[found.experiment]
            if one.experiment is not None and chain_of(one, found) is None:
                chain = _add_chain(one, found)
                for listener in one.listeners:
                    listener.follow(chain, BEGINNING)

    async def reload(self, watched: Watched) -> None:
        """It was deleted, or is there now."""
        self._forget_pieces(watched)
        for listener in watched.listeners:
            listener.is_deleted(watched)
        watched.is_loaded = False
        await self._load([watched])
        for listener in watched.listeners:
            listener.attach(watched, BEGINNING)
        self.stale.add(watched)
        self.news.tell()

    async def _attach(self, listener: Listener, watched: list[Watched], start: Start) -> None:
        await self._load(watched)
        await self.refresh(
            one for one in watched if any(_is_asleep_for(listener, each) for each in one.chains.values())
        )
        if listener.wants_status and (unread := [one for one in watched if one.status is None]):
            await read_statuses(self.stores, unread)
        for one in watched:
            listener.attach(one, start)
        self.news.tell()

    async def _load(self, watched: list[Watched]) -> None:
        """Those whose chains are not known yet."""
        async with self._loading:
            missing = [one for one in watched if not one.is_loaded]
            for one in missing:
                one.begin_again(await find_experiment(self.stores.mongo, one.prefix))
            by_id = {one.id: one for one in missing}
            for found in await self._found(missing):
                _add_chain(by_id[found.experiment], found)
            for one in missing:
                one.is_loaded = True

    async def _found(self, watched: Iterable[Watched]) -> list[Found]:
        """Streams of what is watched now; one may be deleted, and made anew, while they are being listed."""
        by_id = {one.id: one for one in watched}
        there: list[ExperimentRef] = [one.experiment for one in by_id.values() if one.experiment is not None]
        found = await find_chains(self.stores.mongo, there, KINDS) if there else []
        return [
            one
            for one in found
            if (now := by_id[one.experiment].experiment) is not None and now.generation == one.generation
        ]

    async def _read(self, chain: Chain, index: int) -> Piece | Gap | None:
        async with self._reads:
            found = await read_piece(self.stores, chain.stream, index)
        if isinstance(found, Piece) and chain.listeners:
            self.older.add(chain, found)
        if isinstance(found, Piece):  # between two pages of one who polls nobody looks for what is new
            self.pending.stored((found.stream.prefix, found.stream.kind, found.stream.name), found.sources())
        return found

    def _forget_pieces(self, watched: Watched) -> None:
        self.pieces.forget(watched.chains.values())
        self.older.forget(watched.chains.values())

    def _unwatch(self, listener: Listener, watched: Watched) -> None:
        listener.detach(watched)
        watched.listeners.discard(listener)
        if not watched.listeners and self.watched.get(watched.id) is watched:
            del self.watched[watched.id]
            self.stale.discard(watched)
            self._forget_pieces(watched)


def chain_of(watched: Watched, found: Found) -> Chain | None:
    """None: it is not known yet."""
    if watched.experiment is None:
        return None
    return watched.chains.get(Chain.key_of(watched.experiment.stream(found.kind, found.name)))


def _is_asleep_for(listener: Listener, chain: Chain) -> bool:
    """Whether it is to be told, and nobody has listened to it until now: its end is that of a while ago."""
    return not chain.listeners and listener.asked.wants(chain.stream.kind, chain.stream.name)


def _add_chain(watched: Watched, found: Found) -> Chain:
    assert watched.experiment is not None, "it has streams"
    stream = watched.experiment.stream(found.kind, found.name)
    chain = watched.chains[Chain.key_of(stream)] = Chain(watched, stream, found.end, found.fields)
    watched.counts[found.kind] = watched.counts.get(found.kind, 0) + 1
    return chain


def _who(listener: Listener) -> str:
    """A token; where nobody signs in, an address."""
    caller = listener.caller
    return caller.token_id or f"{caller.subject} {caller.address}"
