"""A batch's events into their chains: load, plan, append, check, and again for what lost its place; then snapshots.

A worker does this with each batch, and a repair with records that it reads again (docs/protocol.md 3.3 to 3.6, 3.8).
The streams of a batch are divided into shares, which go side by side: while MongoDB works on the buckets of one, those
of the next are made. Within a share a stream's next bucket waits for the check of the one before (docs/protocol.md
3.6), and a stream is in one share only. A share ends with the snapshots that are due: it alone works on its streams.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

from mldash.events.identity import stream_id
from mldash_ingest import instruments
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.fetch.decode import Arrival, SetAside
from mldash_ingest.plan.appends import Plan, plan, rounds

from .chains import Chains, Stream
from .sessions import Admission, Sessions
from .snapshots import Snapshots

_FIRST_DELAY_S = 0.005
_LONGEST_DELAY_S = 0.5
_SHARES = 3

Waiting = dict[bytes, list[Arrival]]


class Appending:
    """Appends what is not stored."""

    def __init__(self, mongo: Mongo, chains: Chains, sessions: Sessions, snapshots: Snapshots) -> None:
        self._mongo, self._chains, self._sessions, self._snapshots = mongo, chains, sessions, snapshots

    async def append(self, arrivals: Sequence[Arrival], admitted: dict[bytes, Admission]) -> list[SetAside]:
        """Returns when every event is stored, refused, or dropped because its experiment was deleted; of params and
        runs, when their snapshots are written too. Gives the records that break a limit of their stream.

        Raises what MongoDB raises, when no write is under way any more; then nothing of what is known may be trusted.
        """
        waiting, streams = self._by_stream(arrivals, admitted)
        refused = list[SetAside]()
        shares = [asyncio.create_task(self._share(share, streams, refused)) for share in _shares(waiting)]
        for outcome in await asyncio.gather(*shares, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return refused

    async def _share(self, waiting: Waiting, streams: dict[bytes, Stream], refused: list[SetAside]) -> None:
        """Append in rounds of one bucket a stream; what lost its place is planned anew."""
        delay, touched = _FIRST_DELAY_S, list(waiting)
        async with await self._mongo.causal() as session:
            while waiting:
                sessions = {stream: {one.record.session for one in records} for stream, records in waiting.items()}
                closed = await self._chains.load(session, [streams[stream] for stream in waiting], sessions)
                for stream in closed:
                    self._drop_deleted(waiting.pop(stream))
                plans = {
                    stream: plan(stream, streams[stream].kind, self._chains.known[stream].snapshot, records)
                    for stream, records in waiting.items()
                }
                lost = await self._in_rounds(session, plans)
                refused += _settle((streams[one].kind, plans[one]) for one in plans.keys() - lost)
                self._chains.forget(lost)
                self._snapshots.forget(lost)
                waiting = {stream: waiting[stream] for stream in waiting if stream in lost}
                if lost:
                    await asyncio.sleep(delay)  # the other's insert may not be committed yet
                    delay = min(delay * 2, _LONGEST_DELAY_S)
        await self._snapshots.after_batch(touched)

    async def _in_rounds(self, session: Session, plans: dict[bytes, Plan]) -> set[bytes]:
        """The streams that lost a place."""
        lost = set[bytes]()
        for turn in rounds(plans):
            buckets = [bucket for bucket in turn if bucket.stream not in lost]
            if not buckets:
                break
            taken = await self._chains.append(session, buckets)  # the unique place is the compare-and-set
            placed = [bucket for bucket in buckets if bucket.stream not in taken]
            failed = await self._chains.check(session, placed)  # not into a range that was moved away meanwhile
            lost |= taken | failed
            _count(bucket for bucket in placed if bucket.stream not in failed)
        instruments.lost_places.inc(len(lost))
        return lost

    def _by_stream(
        self, arrivals: Sequence[Arrival], admitted: dict[bytes, Admission]
    ) -> tuple[Waiting, dict[bytes, Stream]]:
        """Records that carry events, by stream in log order; those of deleted experiments are dropped and counted."""
        waiting, streams = defaultdict[bytes, list[Arrival]](list), dict[bytes, Stream]()
        ids = dict[tuple[bytes, int, str, str | None], bytes]()
        for arrival in arrivals:
            record, admission = arrival.record, admitted[arrival.record.session]
            if not record.count:
                continue
            if admission.closed:
                self._drop_deleted([arrival])
                continue
            named = (arrival.experiment, admission.generation, record.kind, record.name)
            if (stream := ids.get(named)) is None:
                stream = ids[named] = stream_id(*named)
                streams[stream] = Stream(stream, *named)
            waiting[stream].append(arrival)
        return dict(waiting), streams

    def _drop_deleted(self, arrivals: Sequence[Arrival]) -> None:
        instruments.deleted.inc(sum(arrival.record.count for arrival in arrivals))
        self._sessions.forget(arrival.record.session for arrival in arrivals)


def _shares(waiting: Waiting) -> list[Waiting]:
    """The streams in a few parts of about equal size."""
    shares: list[Waiting] = [{} for _ in range(min(_SHARES, len(waiting)))]
    for turn, (stream, arrivals) in enumerate(waiting.items()):
        shares[turn % len(shares)][stream] = arrivals
    return shares


def _settle(done: Iterable[tuple[str, Plan]]) -> list[SetAside]:
    """Count what was found, by kind; the refused ones of all."""
    refused = list[SetAside]()
    for kind, planned in done:
        refused += planned.refused
        for counter, count in (
            (instruments.duplicates, planned.duplicate_count),
            (instruments.late, planned.late_count),
            (instruments.holes, planned.hole_count),
        ):
            if count:
                counter.labels(kind).inc(count)
    return refused


def _count(buckets: Iterable[Bucket]) -> None:
    events, stored = defaultdict[str, int](int), defaultdict[str, int](int)
    for bucket in buckets:
        events[bucket.kind] += bucket.count
        stored[bucket.kind] += bucket.stored_bytes
    for kind, count in events.items():
        instruments.events_stored.labels(kind).inc(count)
        instruments.bytes_stored.labels(kind).inc(stored[kind])
