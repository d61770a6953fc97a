"""When a snapshot is due, and its write: docs/protocol.md 3.8.

With a stream's first batch, at least every 10,000 events or some hundred buckets, when a chunk has become full, when a
stream falls quiet, before it leaves the cache; of params and runs with every batch. A snapshot
covers only buckets that passed the check. A write that matches no document is good: a newer snapshot is there.
"""

from itertools import islice
from time import monotonic, time
from typing import Final

import structlog

from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.crowd import KEPT, move_out
from mldash_ingest.documents.mongo import Mongo, UpdateOne

from .chains import Chains, Known

_EVENTS: Final = 10_000
_BYTES: Final = 64 << 20  # who loads the stream walks over at most so many
_QUIET_S: Final = 10.0
_QUIET_AT_ONCE: Final = 500  # where very many streams are written in turns, each is quiet for a while, and none is idle
_PER_WRITE: Final = 1_000
_IN_ONE_DOCUMENT = ("params", "runs")
_MOVES = ("metrics", "tracks")

_log = structlog.get_logger()


class Snapshots:
    """Writes what chains know into the streams' documents."""

    def __init__(self, mongo: Mongo, chains: Chains, *, buckets: int, idle_s: float, sessions: int = KEPT) -> None:
        """`buckets` between two snapshots of a stream, and `sessions` in one, at most."""
        self._mongo, self._chains = mongo, chains
        self._buckets, self._idle_s, self._sessions = buckets, idle_s, sessions
        self._behind: dict[bytes, float] = {}
        """Streams whose document is behind their chain, since when; those that were written last come last. It outlasts
        what is known of them: after a failed append no event may come that would have them loaded."""

    async def after_batch(self, streams: list[bytes]) -> None:
        """Of the batch's streams, those whose snapshot is due."""
        due, now = list[bytes](), monotonic()
        for stream in streams:
            known = self._chains.known.get(stream)
            if known is None or known.snapshot.next == known.snapshot_next:
                continue
            if self._is_due(known):
                due.append(stream)
            else:
                self._behind.pop(stream, None)
                self._behind[stream] = now
        await self.write(due)

    async def write_quiet(self) -> None:
        """Of the streams that have fallen quiet, some: those first that have been for longest."""
        before = monotonic() - _QUIET_S
        oldest = islice(self._behind.items(), _QUIET_AT_ONCE)
        await self.write([stream for stream, since in oldest if since < before])

    async def write_all(self) -> None:
        """Of everything that is behind: before the worker leaves."""
        await self.write(list(self._behind))

    async def make_room(self, most_bytes: int) -> None:
        """Let the streams used least recently leave the cache, their snapshots written first."""
        oldest, excess = list[bytes](), self._chains.known_bytes - most_bytes
        for stream, known in self._chains.known.items():
            if excess <= 0:
                break
            oldest.append(stream)
            excess -= known.held_bytes
        await self.write([stream for stream in oldest if stream in self._behind])
        self._chains.forget(oldest)

    def forget(self, streams: set[bytes]) -> None:
        for stream in streams:
            self._behind.pop(stream, None)

    def forget_all(self) -> None:
        self._behind.clear()

    def _is_due(self, known: Known) -> bool:
        new, old = known.snapshot.next, known.snapshot_next
        return (
            known.kind in _IN_ONE_DOCUMENT
            or old == 0
            or new - old >= _EVENTS
            or new // CHUNK > old // CHUNK
            or known.buckets_since >= self._buckets
            or known.bytes_since >= _BYTES
        )

    async def write(self, streams: list[bytes]) -> None:
        for at in range(0, len(streams), _PER_WRITE):
            part = streams[at : at + _PER_WRITE]
            await self._chains.load_again([stream for stream in part if stream not in self._chains.known])
            there = {stream: known for stream in part if (known := self._chains.known.get(stream)) is not None}
            snapshots = {stream: known.snapshot for stream, known in there.items()}
            for stream in await move_out(self._mongo, snapshots, self._sessions):
                there[stream].crowded = True
            ends = {stream: known.snapshot.next for stream, known in there.items()}
            updates = [self._update(stream, known) for stream, known in there.items()]
            if updates:
                result = await self._mongo.streams.bulk_write(updates, ordered=False)
                _log.debug("snapshots written", count=len(updates), applied=result.modified_count)
            for stream, known in there.items():
                known.snapshot_next, known.buckets_since, known.bytes_since = ends[stream], 0, 0
            for stream in part:
                self._behind.pop(stream, None)

    def _update(self, stream: bytes, known: Known) -> UpdateOne:
        fields = known.snapshot.to_update()
        if known.crowded:
            fields["crowded"] = True
        if known.kind in _MOVES:
            full = known.snapshot.next // CHUNK * CHUNK > known.cold
            fields["due_at"] = time() if full else time() + self._idle_s
        return UpdateOne({"_id": stream, "next": {"$lt": known.snapshot.next}}, {"$set": fields})
