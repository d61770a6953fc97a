"""The generation that a session belongs to, for ever; and the documents that its signals move forward by time.

A session belongs to the generation that is read, as it truly is, after its first record was fetched: insert
{_id: session, exp, gen}; where it is already there, that value counts. Taken from a cache, a new run's events would
vanish into the deleted generation (docs/protocol.md 7.3).
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from time import time
from typing import Any, Final, NamedTuple

import msgspec

from mldash.events.identity import stream_id
from mldash.events.reading import KafkaRecord
from mldash.events.schema import Claim, Describe, Heartbeat, RunEvents, Signals, Start
from mldash_ingest.documents.collections import CLOSE, CLOSED
from mldash_ingest.documents.mongo import BulkWriteError, Collection, Mongo, Session, UpdateOne
from mldash_ingest.fetch.decode import Arrival

DUPLICATE_KEY = 11_000

_LOG_APPEND_TIME: Final = 1
"""aiokafka's `timestamp_type` of a record whose timestamp is the broker's."""

_KNOWN = 100_000
_encode = msgspec.msgpack.Encoder().encode


class Admission(NamedTuple):
    """The generation that a session's events belong to; `closed` where it was deleted."""

    generation: int
    closed: bool


class Sessions:
    """The known sessions, bounded; a session's generation never changes, so it is asked for once."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._known: OrderedDict[bytes, Admission] = OrderedDict()

    async def admit(self, arrivals: Iterable[Arrival]) -> dict[bytes, Admission]:
        """Of each session in the batch. Call it after the batch was fetched."""
        found, new = dict[bytes, Admission](), dict[bytes, Arrival]()
        for arrival in arrivals:
            session = arrival.record.session
            if session in found or session in new:
                continue
            known = self._known.get(session)
            if known is None:
                new[session] = arrival
            else:
                found[session] = known
                self._known.move_to_end(session)
        if new:
            found |= await self._register(new)
            self._known.update((session, found[session]) for session in new)
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return found

    def forget(self, sessions: Iterable[bytes]) -> None:
        """Their experiment may have been deleted: ask again."""
        for session in sessions:
            self._known.pop(session, None)

    async def _register(self, new: Mapping[bytes, Arrival]) -> dict[bytes, Admission]:
        """Give each the generation of its experiment; where it has one already, that one counts."""
        async with await self._mongo.causal() as session:
            current = await self._generations(session, new.values())
            documents = [_session_document(arrival, current[arrival.experiment]) for arrival in new.values()]
            await insert_missing(self._mongo.sessions, documents, session)
            own = {one["_id"]: one["gen"] for one in await _find(self._mongo.sessions, list(new), {"gen": 1}, session)}
        return {one: Admission(own[one], own[one] < current[arrival.experiment]) for one, arrival in new.items()}

    async def _generations(self, session: Session, arrivals: Iterable[Arrival]) -> dict[bytes, int]:
        """Each experiment's generation as it truly is now; generation 0 begins with the first session.

        The upsert changes nothing where the experiment is there, and is still acknowledged by the majority, which no
        deposed primary can get: a majority read causally after it is as good as a linearizable one, for many at once
        (one linearizable read waits for a journal flush of its own: measured, 100 ms each).
        """
        first = {arrival.experiment: arrival.record for arrival in arrivals}
        await self._mongo.experiments.bulk_write(
            [
                UpdateOne(
                    {"_id": experiment},
                    {"$setOnInsert": {"prefix": record.prefix, "gen": 0, "created_at": record.logged_at}},
                    upsert=True,
                )
                for experiment, record in first.items()
            ],
            ordered=False,
            session=session,
        )
        return await generations(self._mongo, first, session)

    async def move_forward(self, arrivals: Sequence[Arrival], admitted: dict[bytes, Admission]) -> None:
        """Heartbeats, claims, run contexts and descriptions of a batch: writes that only ever move forward."""
        writes = _gathered(arrivals, admitted, set())
        if writes.sessions:
            await self._mongo.sessions.bulk_write(list(writes.sessions), ordered=False)
        if not writes.claims and not writes.streams:
            return
        async with await self._mongo.causal() as session:
            # Before the writes, for a deletion may have made its last pass; and after them, for one that comes between.
            if deleted := await self._deleted_since(session, writes):
                writes = _gathered(arrivals, admitted, deleted)
            made = 0
            if writes.claims:
                made += (await self._mongo.claims.bulk_write(writes.claims, False, session=session)).upserted_count
            if writes.streams:
                made += (await self._mongo.streams.bulk_write(writes.streams, session=session)).upserted_count
            if made and (deleted := await self._deleted_since(session, writes)):
                await self._take_back(session, writes, deleted)

    async def _deleted_since(self, session: Session, writes: "_Writes") -> set[bytes]:
        """The sessions whose experiment was deleted since they were admitted."""
        now = await generations(self._mongo, set(writes.owners.values()), session)
        deleted = {one for one, owner in writes.owners.items() if writes.admitted[one].generation < now.get(owner, 0)}
        self.forget(deleted)
        return deleted

    async def _take_back(self, session: Session, writes: "_Writes", deleted: set[bytes]) -> None:
        """What was made for these. A deletion that is not seen after the writes takes away what they made, for it
        raises the generation first and looks for what is there then."""
        claimed = [key for key in writes.claimed if key["sid"] in deleted]
        described = [stream for stream, one in writes.described if one in deleted]
        await self._mongo.claims.delete_many({"_id": {"$in": claimed}}, session=session)
        await self._mongo.streams.update_many({"_id": {"$in": described}}, CLOSE, session=session)


def _session_document(arrival: Arrival, generation: int) -> dict[str, Any]:
    return {
        "_id": arrival.record.session,
        "exp": arrival.experiment,
        "gen": generation,
        "prefix": arrival.record.prefix,
        "first_at": arrival.record.logged_at,
        "heartbeat": arrival.record.logged_at,
        "stored_at": time(),
    }


def _broker_time(origin: KafkaRecord) -> float:
    """When the broker took the record, where its topic says so (LogAppendTime), else this server's time. Hosts of
    training jobs have clocks of their own, and a record's CreateTime is theirs."""
    if getattr(origin, "timestamp_type", None) == _LOG_APPEND_TIME:
        return origin.timestamp / 1000
    return time()


async def _find(
    collection: Collection, ids: list[bytes], fields: dict[str, int], session: Session
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await collection.find({"_id": {"$in": ids}}, fields, session=session).to_list(None)
    return found


async def generations(mongo: Mongo, experiments: Iterable[bytes], session: Session) -> dict[bytes, int]:
    """The present generation of those that there are."""
    there = await _find(mongo.experiments, list(experiments), {"gen": 1}, session)
    return {one["_id"]: int(one["gen"]) for one in there}


async def insert_missing(collection: Collection, documents: list[dict[str, Any]], session: Session) -> None:
    """Insert those that are not there; what is there stays. Raises BulkWriteError for anything else."""
    try:
        await collection.insert_many(documents, ordered=False, session=session)
    except BulkWriteError as error:
        if error.details["writeConcernErrors"] or any(
            one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"]
        ):
            raise


def _gathered(arrivals: Sequence[Arrival], admitted: dict[bytes, Admission], deleted: set[bytes]) -> "_Writes":
    writes = _Writes(admitted)
    for arrival in arrivals:
        session = arrival.record.session
        if not admitted[session].closed and session not in deleted:
            writes.gather(arrival)
    return writes


class _Writes:
    """The updates that a batch's signals and run events ask for."""

    def __init__(self, admitted: dict[bytes, Admission]) -> None:
        self.admitted = admitted
        self.owners: dict[bytes, bytes] = {}
        """Session → its experiment; of those that claim or describe."""
        self.claimed: list[dict[str, bytes]] = []
        self.described: list[tuple[bytes, bytes]] = []
        """Stream, and the session that says something of it."""
        self.sessions: list[UpdateOne] = []
        self.claims: list[UpdateOne] = []
        self.streams: list[UpdateOne] = []

    def gather(self, arrival: Arrival) -> None:
        seq = arrival.record.first_seq
        for block in arrival.record.blocks:
            if isinstance(block, Signals):
                for signal in block.signals:
                    self._signal(arrival, signal)
            elif isinstance(block, RunEvents):
                for offset, event in enumerate(block.events):
                    if isinstance(event, Start):
                        self._start(arrival, event)
                    elif isinstance(event, Describe) and event.kind is not None:
                        self._describe(arrival, event, seq + offset)
            seq += block.count

    def _signal(self, arrival: Arrival, signal: Heartbeat | Claim) -> None:
        session = arrival.record.session
        if isinstance(signal, Heartbeat):
            seen_at = _broker_time(arrival.origin)
            newest_of = {"heartbeat": signal.time, "seen_at": seen_at}
            self._session(session, {"$max": newest_of, "$min": {"skew": seen_at - signal.time}})
            return
        stream = self._stream(arrival, signal.kind, signal.name)
        newest: dict[str, Any] = {"seq": signal.seq, "offset": signal.offset, "at": signal.time, "final": signal.final}
        once = {
            "exp": arrival.experiment,
            "gen": self.admitted[session].generation,
            "kind": signal.kind,
            "name": signal.name,
            "partition": signal.partition,
        }
        key = {"sid": session, "s": stream}
        self.owners[session] = arrival.experiment
        self.claimed.append(key)
        self.claims.append(UpdateOne({"_id": key}, {"$max": newest, "$setOnInsert": once}, upsert=True))

    def _start(self, arrival: Arrival, start: Start) -> None:
        facts = {
            "host": start.host,
            "pid": start.pid,
            "rank": start.rank,
            "user": start.user,
            "context": _encode(start.context),
        }
        self._session(arrival.record.session, {"$set": facts, "$max": {"heartbeat": start.time}})

    def _session(self, session: bytes, update: dict[str, Any]) -> None:
        """Nothing comes back into one that a deletion has stripped, of its first time too."""
        self.sessions.append(UpdateOne({"_id": session, "first_at": {"$exists": True}}, update))

    def _describe(self, arrival: Arrival, said: Describe, seq: int) -> None:
        assert said.kind is not None
        stream = self._stream(arrival, said.kind, said.name)
        self.owners[arrival.record.session] = arrival.experiment
        self.described.append((stream, arrival.record.session))
        order = [said.time, arrival.record.session, seq]
        first = {
            "exp": arrival.experiment,
            "gen": self.admitted[arrival.record.session].generation,
            "kind": said.kind,
            "name": said.name,
            **NEW_STREAM,
            "created_at": said.time,
        }
        self.streams.append(UpdateOne({"_id": stream}, {"$setOnInsert": first}, upsert=True))
        for part in ("description", "tags", "metadata"):
            if (value := getattr(said, part)) is not None:
                older = [{f"about.{part}.at": {"$lt": order}}, {f"about.{part}": None}]
                newer = {"_id": stream, "cold": {"$lt": CLOSED}, "$or": older}
                self.streams.append(UpdateOne(newer, {"$set": {f"about.{part}": {"at": order, "v": _encode(value)}}}))

    def _stream(self, arrival: Arrival, kind: str, name: str | None) -> bytes:
        return stream_id(arrival.experiment, self.admitted[arrival.record.session].generation, kind, name)


NEW_STREAM = {"chunk": 10_000, "next": 0, "cold": 0, "floor": 0}
"""What a stream's document begins with, at first sight, before any bucket."""
