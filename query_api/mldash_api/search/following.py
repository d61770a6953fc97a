"""The index follows MongoDB: everything is read once, then what MongoDB's change stream says has changed.

  1. The change stream is opened, so that nothing is missed between reading and following.
  2. Everything is read, some hundred experiments at a time.
  3. A change says which document; the document is read as it is now, and takes the place of what was known. So a change
     that is seen twice, or late, does no harm, and after the last one the table is what a new reading would make.

Heartbeats are most of the changes and alter little: what they change is read at most every `_HEARTBEATS_S`. A stream
of changes that breaks goes on at its token; where MongoDB has it no more, everything is read again.
"""

import asyncio
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic, time
from typing import Any, Final

import structlog
from msgspec import Struct, field

from mldash_api import instruments
from mldash_ingest.documents.mongo import ChangeStream, Mongo, OperationFailure

from . import loading
from .index import RunIndex

_AT_ONCE: Final = 500
"""Experiments of one read: their documents are in memory together."""

_CHANGES_AT_ONCE: Final = 2_000
_GATHER_S: Final = 0.1
_AWAIT_MS: Final = 200
_HEARTBEATS_S: Final = 10.0
_COLLECTIONS: Final = ("experiments", "sessions", "streams", "annotations")
_PIPELINE: Final[list[dict[str, Any]]] = [
    {
        "$match": {
            "ns.coll": {"$in": list(_COLLECTIONS)},
            "operationType": {"$in": ["insert", "update", "replace", "delete"]},
        }
    },
    {"$project": {"ns.coll": 1, "operationType": 1, "documentKey": 1, "clusterTime": 1, "wallTime": 1}},
]
_log = structlog.get_logger()


class Changed(Struct):
    """Ids of documents that have changed, by collection; `beating` are sessions whose heartbeat may be all."""

    experiments: set[bytes] = field(default_factory=set)
    streams: set[bytes] = field(default_factory=set)
    sessions: set[bytes] = field(default_factory=set)
    beating: set[bytes] = field(default_factory=set)
    annotations: set[bytes] = field(default_factory=set)

    def add(self, change: Mapping[str, Any]) -> None:
        collection, id_ = change["ns"]["coll"], change["documentKey"]["_id"]
        if collection == "sessions" and change["operationType"] == "update":
            self.beating.add(id_)
        else:
            getattr(self, collection).add(id_)


class Follower:
    """Of one index. `step` is run by a supervisor: again where it fails."""

    def __init__(self, mongo: Mongo, index: RunIndex) -> None:
        self._mongo, self._index = mongo, index
        self._token: Any = None
        self._beating = set[bytes]()
        self._read_beating_at = monotonic()

    async def step(self) -> None:
        """Until cancelled, or an error. Begins once somebody has asked."""
        await self._index.wanted.wait()
        try:
            async with self._mongo.watch(_PIPELINE, self._token, _AWAIT_MS) as stream:
                await self._follow(stream)
        except OperationFailure as error:
            self._index.trouble = f"{type(error).__name__} (code {error.code})"
            # Its history is gone, or it may not be read: nothing that was known can be trusted to be new.
            self._token = None
            raise
        except Exception as error:
            self._index.trouble = type(error).__name__
            raise

    async def _follow(self, stream: ChangeStream) -> None:
        begun, first = time(), await stream.try_next()
        if self._token is None:
            await self._build(stream, begun)
        changed = Changed()
        if first is not None:
            changed.add(first)
        while True:
            moment = await self._gather(stream, changed)
            await self._apply(changed)
            self._token = stream.resume_token
            self._index.at(moment)
            self._index.trouble = ""
            changed = Changed()

    async def _build(self, stream: ChangeStream, begun: float) -> None:
        """Read everything; who asks meanwhile waits."""
        self._index.built.clear()
        await self._index.change(self._index.start_anew)
        with _collecting_rarely():
            count = await self._read_all()
        self._token = stream.resume_token
        self._index.build_s = time() - begun
        instruments.index_build.set(self._index.build_s)
        self._index.at(begun)
        self._index.built.set()
        _log.info("the index of runs is built", runs=count, seconds=round(self._index.build_s, 3))

    async def _read_all(self) -> int:
        """How many runs there are."""
        count, waiting = 0, list[asyncio.Task[list[loading.Loaded]]]()
        try:
            async for documents in loading.all_experiments(self._mongo, _AT_ONCE):
                # MongoDB reads these while the ones before are decoded and put.
                waiting.append(asyncio.create_task(loading.load(self._mongo, documents)))
                if len(waiting) > 1:
                    count += await self._put(waiting)
            while waiting:
                count += await self._put(waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return count

    async def _put(self, waiting: list[asyncio.Task[list[loading.Loaded]]]) -> int:
        """The first of these."""
        loaded = await waiting[0]
        waiting.pop(0)
        await self._index.change(lambda: self._index.put(loaded))
        return len(loaded)

    async def _gather(self, stream: ChangeStream, changed: Changed) -> float:
        """What has changed, until there is no more for a moment; up to which time that is all."""
        until, moment, count = monotonic() + _GATHER_S, 0.0, 0
        while count < _CHANGES_AT_ONCE and (not count or monotonic() < until):
            looked = time()
            change = await stream.try_next()
            if change is None:
                return looked
            changed.add(change)
            moment, count = _time_of(change), count + 1
        return moment

    async def _apply(self, changed: Changed) -> None:
        self._beating |= changed.beating
        sessions = changed.sessions | self._due()
        streams, started = await self._streams(changed.streams)
        mongo, index = self._mongo, self._index
        plain = started | changed.annotations
        if sessions:
            plain |= await loading.experiments_of_sessions(mongo, sessions)
        touched = plain | {one.experiment for one in streams} | changed.experiments
        known = {one["_id"]: one for one in await loading.experiments_of(mongo, touched)} if touched else {}
        whole = {id_ for id_, one in known.items() if index.generation_of(id_) != one["gen"]}
        loaded = await loading.load(mongo, [known[id_] for id_ in whole]) if whole else []
        again = [one for id_, one in known.items() if id_ in plain and id_ not in whole]
        loaded_plain = await loading.load_plain(mongo, again) if again else []
        there = {one.facts.run.id for one in loaded}
        gone = [id_ for id_ in touched if id_ not in known or (id_ in whole and id_ not in there)]
        now = time()

        def apply() -> None:
            index.remove(gone)
            index.put(loaded)
            index.put_plain(loaded_plain)
            index.put_streams(streams)
            index.refresh(now)

        await index.change(apply)

    async def _streams(self, ids: set[bytes]) -> tuple[Sequence[loading.LoadedStream], set[bytes]]:
        return await loading.load_streams(self._mongo, ids) if ids else ([], set())

    def _due(self) -> set[bytes]:
        """Sessions whose heartbeats are to be read now."""
        if monotonic() - self._read_beating_at < min(_HEARTBEATS_S, self._index.lost_after_s / 6):
            return set()
        self._read_beating_at = monotonic()
        due, self._beating = self._beating, set()
        return due


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """What is read is very many objects without cycles: to look for cycles among them every 700 allocations, as by
    default, takes as long as all the rest (measured: 490 instead of 200 µs a run to decode)."""
    usual = gc.get_threshold()
    gc.set_threshold(500_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _time_of(change: Mapping[str, Any]) -> float:
    """When it was made, by MongoDB's clock; servers before 6.0 say it in whole seconds."""
    wall = change.get("wallTime")
    return float(wall.timestamp()) if wall is not None else float(change["clusterTime"].time)
