"""Rounds that find what is new for all listeners at once: what `mldash.stored` speaks of is looked for in MongoDB."""

import asyncio
from time import monotonic
from typing import Final

from mldash_api import instruments
from mldash_ingest.documents.buckets import Bucket

from .chains import Chain, chains_of
from .hub import Hub
from .reading import count_streams, look, pieces_of
from .state import read_statuses

_PACE_S: Final = 0.04
"""Between two rounds, and for each listener, which has to be sent an event:"""
_PACE_OF_ONE_S: Final = 0.00025
_ALL_UP_TO: Final = 400
"""Chains that are asked in every round; of more, those that moved lately, and so many others in turns."""
_LATELY_S: Final = 10.0
_NEW_EVERY_S: Final = 0.2
_STATUS_EVERY_S: Final = 5.0


class Rounds:
    """`turn` is a step of a supervisor."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looked_for_new_at = self._status_at = float("-inf")
        self._turns = 0

    async def turn(self) -> None:
        """One round."""
        hub = self._hub
        await hub.news.wanted()
        kinds = await hub.news.wait()
        begun = monotonic()
        try:
            await self._look_for_new(begun)
            await self._look(kinds, begun)
            await self._look_at_statuses(begun)
        except BaseException:
            hub.news.tell()  # what was spoken of is still to be looked for
            raise
        instruments.live_rounds.observe(monotonic() - begun)
        await asyncio.sleep(_PACE_S + _PACE_OF_ONE_S * len(hub.listeners))

    async def _look_for_new(self, now: float) -> None:
        """Streams that are new in what is watched."""
        if now - self._looked_for_new_at < _NEW_EVERY_S:
            return
        watched = [one for one in self._hub.watched.values() if one.is_loaded and one.experiment is not None]
        there = [one.experiment for one in watched if one.experiment is not None]
        counts = await count_streams(self._hub.stores.mongo, there) if there else {}
        await self._hub.find_new([one for one in watched if counts.get(one.id) != one.counts])
        self._looked_for_new_at = monotonic()

    async def _look(self, kinds: set[str], now: float) -> None:
        chains = {one.stream.id: one for one in self._to_ask(kinds, now)}
        if not chains:
            return
        found = await look(self._hub.stores.mongo, {id_: one.end for id_, one in chains.items()})
        followed = dict[Chain, list[Bucket]]()
        for bucket in found.buckets:
            followed.setdefault(chains[bucket.stream], []).append(bucket)
        for chain, buckets in followed.items():
            if self._take(chain, buckets, now):
                self._hub.has_grown(chain)
        if found.moved:
            # The compactor has moved what was to be read: it is read from S3, and the chains go on from their ends.
            await self._hub.refresh({chains[one].watched for one in found.moved})
        if not found.is_whole:
            self._hub.news.tell()

    def _to_ask(self, kinds: set[str], now: float) -> list[Chain]:
        listened = [one for one in chains_of(self._hub.watched.values()) if one.listeners and one.stream.kind in kinds]
        if len(listened) <= _ALL_UP_TO:
            return listened
        lately = [one for one in listened if now - one.moved_at < _LATELY_S]
        others = [one for one in listened if now - one.moved_at >= _LATELY_S]
        self._turns += 1
        turns = -(-len(others) // _ALL_UP_TO) or 1
        return lately + others[self._turns % turns :: turns]

    def _take(self, chain: Chain, buckets: list[Bucket], now: float) -> bool:
        """Whether they follow what is known."""
        if chain.end != buckets[0].first_index or not chain.listeners:
            return False
        for piece in pieces_of(chain.stream, buckets):
            self._hub.pieces.add(chain, piece)
            if chain.stream.kind in ("metrics", "tracks"):
                names = piece.column_names()
                self._hub.has_fields(chain, piece.fields() if "" in names else names)
        stream = chain.stream
        self._hub.pending.stored(
            (stream.prefix, stream.kind, stream.name), [source for bucket in buckets for source in bucket.sources]
        )
        chain.moved_at = now
        return True

    async def _look_at_statuses(self, now: float) -> None:
        hub = self._hub
        if now - self._status_at > _STATUS_EVERY_S:
            self._status_at = now  # that a heartbeat stops is no event
            hub.stale.update(one for one in hub.watched.values() if any(each.wants_status for each in one.listeners))
        stale, hub.stale = hub.stale, set()
        stale = {one for one in stale if one.listeners and one.is_loaded}
        if not stale:
            return
        try:
            changed = await read_statuses(hub.stores, list(stale))
        except BaseException:
            hub.stale |= stale
            raise
        for one in changed:
            for listener in one.listeners:
                listener.has_status(one)
