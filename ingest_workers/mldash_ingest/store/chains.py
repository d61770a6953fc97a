"""The chains of a batch: load, append, check, forget. docs/protocol.md 3.3 to 3.6 rule by rule.

Who appends knows the whole chain: a snapshot and the buckets behind it. The end of a chain is a place that only one
bucket can take, so the insert is the compare-and-set. Doubt is never guessed away: after a write without a clear
answer, a taken place or a failed check the stream is forgotten and loaded again.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from time import time
from typing import Any, NamedTuple

from mldash_ingest.documents.buckets import Bucket, bucket_id, to_document
from mldash_ingest.documents.collections import CLOSE, CLOSED
from mldash_ingest.documents.crowd import complete
from mldash_ingest.documents.mongo import BulkWriteError, Mongo, Session
from mldash_ingest.documents.snapshot import Snapshot, advance_all
from mldash_ingest.documents.walk import cold_ends, walk_many

from .sessions import DUPLICATE_KEY, NEW_STREAM, generations, insert_missing


class Stream(NamedTuple):
    """A stream of a batch, as its document names it."""

    id: bytes
    experiment: bytes
    generation: int
    kind: str
    name: str | None


class Known:
    """This worker's knowledge of a stream: the fold of its chain, and the part of it in the stream's document."""

    __slots__ = ("buckets_since", "bytes_since", "cold", "crowded", "held_bytes", "kind", "snapshot", "snapshot_next")

    def __init__(self, kind: str, snapshot: Snapshot, cold: int, *, crowded: bool) -> None:
        self.kind = kind
        self.snapshot = snapshot
        self.snapshot_next = snapshot.next
        self.cold = cold
        self.crowded = crowded
        self.buckets_since = self.bytes_since = 0
        self.held_bytes = 0

    def note(self, bucket: Bucket) -> None:
        """That the snapshot was carried over it."""
        self.buckets_since += 1
        self.bytes_since += bucket.stored_bytes

    def weigh(self) -> int:
        """How much more memory it takes than when it was weighed last: about as much as was measured."""
        before, snapshot = self.held_bytes, self.snapshot
        self.held_bytes = 1_100 + 270 * len(snapshot.fields) + 200 * len(snapshot.seen)
        return self.held_bytes - before


class Chains:
    """The known chains, and the writes that make them longer."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self.known: OrderedDict[bytes, Known] = OrderedDict()
        """Those used last come last."""
        self.known_bytes = 0

    def forget(self, streams: Iterable[bytes]) -> None:
        for stream in streams:
            if (known := self.known.pop(stream, None)) is not None:
                self.known_bytes -= known.held_bytes

    def forget_all(self) -> None:
        self.known.clear()
        self.known_bytes = 0

    async def load(
        self, session: Session, streams: Sequence[Stream], sessions: Mapping[bytes, Collection[bytes]]
    ) -> set[bytes]:
        """Know all of these, and of each what these sessions have stored in it.

        Gives the ids of those that turned out closed, for their experiment was deleted.
        """
        closed = set[bytes]()
        missing = [stream for stream in streams if stream.id not in self.known]
        while missing:
            documents = await self._documents(session, missing)
            live = [stream for stream in missing if documents[stream.id]["cold"] < CLOSED]
            closed.update(stream.id for stream in missing if documents[stream.id]["cold"] >= CLOSED)
            missing = await self._walk(session, live, documents)
        here = [stream.id for stream in streams if stream.id not in closed]
        for stream_id in here:
            self.known.move_to_end(stream_id)
        await self._complete(session, {one: sessions[one] for one in here if self.known[one].crowded})
        return closed

    async def load_again(self, streams: Sequence[bytes]) -> None:
        """Know these by their documents; of those that are closed or gone, nothing."""
        if not streams:
            return
        async with await self._mongo.causal() as session:
            there = (await self._find(session, list(streams))).values()
            open_ = [Stream(one["_id"], one["exp"], one["gen"], one["kind"], one["name"]) for one in there]
            await self.load(session, open_, {stream.id: () for stream in open_})

    async def _complete(self, session: Session, sessions: Mapping[bytes, Collection[bytes]]) -> None:
        """Sessions that a crowded stream's snapshot has not: what `seqs` says of them."""
        unread = {
            stream: (known.snapshot, absent)
            for stream, wanted in sessions.items()
            if (absent := [one for one in wanted if one not in (known := self.known[stream]).snapshot.seen])
        }
        if unread:
            await complete(self._mongo, session, unread)

    async def _documents(self, session: Session, streams: Sequence[Stream]) -> dict[bytes, dict[str, Any]]:
        """Each stream's document, made where it is missing: no chain is ever without one.

        A stream whose experiment was deleted since its session was admitted gets none (docs/protocol.md 3.3): after the
        last pass of a deletion it would stay for ever. A deletion in between is seen after the insert; one that is not
        seen there closes what was inserted, for it raises the generation first and looks for open streams then.
        """
        found = await self._find(session, [stream.id for stream in streams])
        absent = [stream for stream in streams if stream.id not in found]
        if absent:
            deleted = await self._deleted(session, absent)
            found.update((stream, {"cold": CLOSED}) for stream in deleted)
            absent = [stream for stream in absent if stream.id not in deleted]
        if absent:
            await insert_missing(self._mongo.streams, [_new_document(stream) for stream in absent], session)
            if late := await self._deleted(session, absent):
                await self._mongo.streams.update_many({"_id": {"$in": [*late]}}, CLOSE, session=session)
            found.update(await self._find(session, [stream.id for stream in absent]))
        return found

    async def _deleted(self, session: Session, streams: Sequence[Stream]) -> set[bytes]:
        """Those of a generation that is older than their experiment's."""
        present = await generations(self._mongo, {stream.experiment for stream in streams}, session)
        return {stream.id for stream in streams if stream.generation < present.get(stream.experiment, 0)}

    async def _find(self, session: Session, ids: list[bytes]) -> dict[bytes, dict[str, Any]]:
        documents = await self._mongo.streams.find({"_id": {"$in": ids}}, session=session).to_list(None)
        return {document["_id"]: document for document in documents}

    async def _walk(
        self, session: Session, streams: Sequence[Stream], documents: dict[bytes, dict[str, Any]]
    ) -> list[Stream]:
        """Walk the chains from their snapshots on, then look at `cold` again; those to be loaded once more."""
        walked = dict[bytes, Known]()
        for stream in streams:
            document = documents[stream.id]
            snapshot = Snapshot.from_document(stream.kind, document)
            walked[stream.id] = Known(stream.kind, snapshot, 0, crowded=bool(document.get("crowded")))
        starts = {stream: known.snapshot.next for stream, known in walked.items()}
        since = defaultdict[bytes, set[bytes]](set)  # sessions in the buckets that a crowded snapshot has not
        async for bucket in walk_many(self._mongo, session, starts):
            known = walked[bucket.stream]
            if known.crowded:
                since[bucket.stream] |= {one.session for one in bucket.sources} - known.snapshot.seen.keys()
            known.snapshot.advance(bucket)
            known.note(bucket)
        if since:
            await complete(self._mongo, session, {one: (walked[one].snapshot, since[one]) for one in since})
        look = await cold_ends(self._mongo, session, starts)
        again = list[Stream]()
        for stream in streams:
            if look.get(stream.id, CLOSED) > starts[stream.id]:
                again.append(stream)
                continue
            self.known[stream.id] = known = walked[stream.id]
            known.cold = look[stream.id]
            self.known_bytes += known.weigh()
        return again

    async def append(self, session: Session, buckets: Sequence[Bucket]) -> set[bytes]:
        """Insert one bucket a stream; the streams whose place was taken. Raises what else goes wrong, all in doubt."""
        try:
            await self._mongo.buckets.insert_many([to_document(one) for one in buckets], ordered=False, session=session)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(one["code"] != DUPLICATE_KEY for one in failed):
                raise
            return {buckets[one["index"]].stream for one in failed}
        return set()

    async def check(self, session: Session, buckets: Collection[Bucket]) -> set[bytes]:
        """Read `cold`, causally after the inserts; the streams whose bucket may lie in a range that was moved away.

        Those that pass are known to be longer by their bucket from here on.
        """
        cold = await cold_ends(self._mongo, session, [bucket.stream for bucket in buckets])
        if gone := [bucket for bucket in buckets if bucket.stream not in cold]:
            # The rest of the deleted generation is gone, and these would stay for ever (docs/protocol.md 3.6).
            ids = [bucket_id(bucket.stream, bucket.first_index) for bucket in gone]
            await self._mongo.buckets.delete_many({"_id": {"$in": ids}}, session=session)
        passed = [bucket for bucket in buckets if cold.get(bucket.stream, CLOSED) <= bucket.first_index]
        advance_all((self.known[bucket.stream].snapshot, bucket) for bucket in passed)
        for bucket in passed:
            known = self.known[bucket.stream]
            known.cold = cold[bucket.stream]
            known.note(bucket)
            self.known_bytes += known.weigh()
        return {bucket.stream for bucket in buckets} - {bucket.stream for bucket in passed}


def _new_document(stream: Stream) -> dict[str, Any]:
    return {
        "_id": stream.id,
        "exp": stream.experiment,
        "gen": stream.generation,
        "kind": stream.kind,
        "name": stream.name,
        **NEW_STREAM,
        "created_at": time(),
    }
