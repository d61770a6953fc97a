"""A deleted experiment, everywhere: docs/protocol.md 7, rule by rule.

An experiment is deleted by raising its generation: from then on everything old is invisible, for its ids carry the
generation. What is left behind is deleted in steps, each of which can be cut anywhere and run again:

    close_streams    next and cold beyond every index, so that each check of a worker that still writes fails; what the
                     documents said is taken out of them
    delete_buckets   the hot events
    delete_chunks    the manifest, and all else that names a stream: levels, seqs, claims; tags and notes of people
    delete_objects   the cold events
    strip_sessions   to their ids and generation: they stay, else a late record would bring its session back

`purge` in the experiment's document notes each deleted generation until all of that has been done twice: at once, and
after `purge_after_s`, for what late writers left. Only then the closed documents go. The command, or any compactor,
that finds a note goes on with it. While somebody holds the objects, as a backup does (documents/holds.py), they stay,
and so does the note.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import time
from typing import Any, Final

import structlog

from mldash.events.identity import Prefix, experiment_id
from mldash_compactor.apart import Apart
from mldash_compactor.chunks import levels
from mldash_compactor.chunks.keys import experiment_folder, parse_key
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import END_OF_STREAM, bucket_id
from mldash_ingest.documents.collections import CLOSE, CLOSED
from mldash_ingest.documents.holds import objects_are_held
from mldash_ingest.documents.mongo import Collection, Mongo

_STREAMS_AT_ONCE: Final = 200
_BUCKETS_AT_ONCE: Final = 2_000
_OBJECTS_AT_ONCE: Final = 1_000
_log = structlog.get_logger()


class Deleted:
    """Counts of what was deleted so far; `tell` is called with it whenever it has grown."""

    def __init__(self, tell: Callable[["Deleted"], None] = lambda deleted: None) -> None:
        self.streams = self.buckets = self.chunks = self.objects = self.sessions = 0
        self.tell = tell


class Removal:
    """One deleted generation of one experiment, and what was deleted of it."""

    def __init__(
        self, mongo: Mongo, objects: ObjectStore, prefix: Prefix, generation: int, deleted: Deleted | None = None
    ) -> None:
        self.mongo, self.objects = mongo, objects
        self.prefix, self.generation = prefix, generation
        self.experiment = experiment_id(prefix.text)
        self.deleted = deleted or Deleted()
        self.is_held = False
        """Whether objects were left there because somebody holds them."""

    @property
    def of_generation(self) -> dict[str, Any]:
        return {"exp": self.experiment, "gen": self.generation}

    async def streams(self) -> AsyncIterator[list[bytes]]:
        """Ids of the generation's streams, some hundred at a time."""
        part: list[bytes] = []
        async for document in self.mongo.streams.find(self.of_generation, {"_id": 1}):
            part.append(bytes(document["_id"]))
            if len(part) == _STREAMS_AT_ONCE:
                yield part
                part = []
        if part:
            yield part


async def close_streams(removal: Removal) -> None:
    """After this no check of a worker passes, and no compactor takes one of them up."""
    open_streams = removal.of_generation | {"cold": {"$lt": CLOSED}}
    done = await removal.mongo.streams.update_many(open_streams, CLOSE)
    removal.deleted.streams += done.modified_count
    removal.deleted.tell(removal.deleted)


async def delete_buckets(removal: Removal) -> None:
    """Some thousand at a time: one command over millions would outlast the socket's patience."""
    buckets = removal.mongo.buckets
    async for streams in removal.streams():
        ranges = [{"_id": {"$gte": bucket_id(stream, 0), "$lt": stream + END_OF_STREAM}} for stream in streams]
        while ids := [one["_id"] async for one in buckets.find({"$or": ranges}, {"_id": 1}).limit(_BUCKETS_AT_ONCE)]:
            removal.deleted.buckets += (await buckets.delete_many({"_id": {"$in": ids}})).deleted_count
            removal.deleted.tell(removal.deleted)


async def delete_chunks(removal: Removal) -> None:
    """Whatever else is kept by stream; also the claims of streams without stored events."""
    async for streams in removal.streams():
        done = await removal.mongo.chunks.delete_many({"_id.s": {"$in": streams}})
        removal.deleted.chunks += done.deleted_count
        for collection in _by_stream(removal.mongo):
            await collection.delete_many({"_id.s": {"$in": streams}})
        await levels.delete_all(removal.mongo, streams)
        removal.deleted.tell(removal.deleted)
    await removal.mongo.claims.delete_many(removal.of_generation)
    await removal.mongo.annotations.delete_many({"_id": removal.experiment, "gen": removal.generation})


def _by_stream(mongo: Mongo) -> tuple[Collection, ...]:
    """Collections beside the manifest whose ids name a stream as `s`."""
    return mongo.seqs, mongo.claims


async def delete_objects(removal: Removal) -> None:
    """All listed objects, also those that no chunk names. Two experiments may share a folder (`a/b` and `a/b/b`): an
    object goes by its stream's id alone."""
    own = set[bytes]()
    async for streams in removal.streams():
        own.update(streams)
    keys: list[str] = []
    async for one in removal.objects.list(f"{experiment_folder(removal.prefix)}gen={removal.generation}/"):
        place = parse_key(one.key)
        if place is not None and place.stream in own:
            keys.append(one.key)
        if len(keys) == _OBJECTS_AT_ONCE:
            await _delete(removal, keys)
            keys = []
    await _delete(removal, keys)


async def _delete(removal: Removal, keys: Sequence[str]) -> None:
    if keys and await objects_are_held(removal.mongo):
        removal.is_held = True
    elif keys:
        await removal.objects.delete(keys)
        removal.deleted.objects += len(keys)
        removal.deleted.tell(removal.deleted)


async def strip_sessions(removal: Removal) -> None:
    """They stay as tombstones, with nothing in them that a user said."""
    stripped = {"_id": "$_id", "exp": "$exp", "gen": "$gen"}
    full = removal.of_generation | {"$or": [{field: {"$exists": True}} for field in ("first_at", "heartbeat", "host")]}
    done = await removal.mongo.sessions.update_many(full, [{"$replaceWith": stripped}])
    removal.deleted.sessions += done.modified_count
    removal.deleted.tell(removal.deleted)


Step = Callable[[Removal], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (close_streams, delete_buckets, delete_chunks, delete_objects, strip_sessions)


async def sweep_generation(removal: Removal) -> None:
    """All steps, and a note that they were done. Cut anywhere and run again it goes on; so it does where objects were
    held."""
    for step in STEPS:
        await step(removal)
    if removal.is_held:
        _log.info("the objects of a deletion are held, as by a backup; they go later", prefix=removal.prefix.text)
        return
    noted = {"_id": removal.experiment, "purge": {"$elemMatch": {"gen": removal.generation, "swept_at": None}}}
    await removal.mongo.experiments.update_one(noted, {"$set": {"purge.$.swept_at": time()}})


async def finish_generation(removal: Removal) -> None:
    """Once more, for what late writers left; then the closed documents go, and the note."""
    await sweep_generation(removal)
    if removal.is_held:
        return
    await removal.mongo.streams.delete_many(removal.of_generation | {"cold": {"$gte": CLOSED}})
    gone = {"$pull": {"purge": {"gen": removal.generation}}}
    await removal.mongo.experiments.update_one({"_id": removal.experiment}, gone)
    _log.info("deleted generation is gone", prefix=removal.prefix.text, generation=removal.generation)


async def go_on_with_removals(mongo: Mongo, objects: ObjectStore, purge_after_s: float, now: float) -> int:
    """Continue removals that were interrupted, and those whose second pass is due; how many."""
    done, apart = 0, Apart()
    async for document in mongo.experiments.find({"purge.gen": {"$gte": 0}}, {"prefix": 1, "purge": 1}):
        for note in document["purge"]:
            with apart.one(prefix=document["prefix"], generation=note["gen"]):
                removal = Removal(mongo, objects, Prefix(document["prefix"]), note["gen"])
                if note["at"] + purge_after_s <= now:
                    await finish_generation(removal)
                elif note.get("swept_at") is None:
                    await sweep_generation(removal)
                else:
                    continue
                done += 1
    apart.raise_first()
    return done
