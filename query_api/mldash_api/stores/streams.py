"""Names of a request → ids. Each request reads the generation anew, so deleted data are invisible at once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash_api.limits import SEARCHES_AT_ONCE
from mldash_api.settings import ApiSettings
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.mongo import Mongo

from .block_cache import BlockCache
from .chunk_cache import ChunkCache
from .full_chunks import FullChunks


class Stores(Struct, frozen=True):
    """The stores that reads use."""

    settings: ApiSettings
    mongo: Mongo
    objects: ObjectStore
    chunks: ChunkCache
    blocks: BlockCache
    searching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEARCHES_AT_ONCE))
    """Who looks through log lines at this moment."""
    full_chunks: FullChunks = field(default_factory=lambda: FullChunks(0))


class ExperimentRef(Struct, frozen=True):
    """An experiment in its present generation."""

    prefix: Prefix
    id: bytes
    generation: int
    created_at: float | None

    def stream(self, kind: str, name: str | None = "") -> "StreamRef":
        """One of its streams; params, logs and runs have no name."""
        return StreamRef(stream_id(self.id, self.generation, kind, name), kind, name, self.prefix.text)


class StreamRef(Struct, frozen=True):
    """A stream, and what it is called in messages."""

    id: bytes
    kind: str
    name: str | None
    prefix: str

    def __str__(self) -> str:
        name = "" if self.name == "" else f" {self.name!r}" if self.name is not None else " (unnamed)"
        return f"{self.kind}{name} of {self.prefix}"


async def find_experiment(mongo: Mongo, prefix: Prefix) -> ExperimentRef | None:
    """None: the prefix has no events, or it was deleted and has had no events since."""
    key = experiment_id(prefix.text)
    document = await mongo.experiments.find_one({"_id": key}, _OF_EXPERIMENTS)
    return None if document is None else await _present(mongo, prefix, document)


async def find_experiments(mongo: Mongo, prefixes: Sequence[Prefix]) -> list[ExperimentRef | None]:
    """The same of each, in their order, by one read; those that were deleted once are looked at one by one."""
    keys = [experiment_id(prefix.text) for prefix in prefixes]
    cursor = mongo.experiments.find({"_id": {"$in": [*set(keys)]}}, _OF_EXPERIMENTS)
    documents = {one["_id"]: one for one in await cursor.to_list(None)}

    async def one(prefix: Prefix, document: Mapping[str, Any] | None) -> ExperimentRef | None:
        return None if document is None else await _present(mongo, prefix, document)

    return await asyncio.gather(*(one(prefix, documents.get(key)) for prefix, key in zip(prefixes, keys, strict=True)))


async def _present(mongo: Mongo, prefix: Prefix, document: Mapping[str, Any]) -> ExperimentRef | None:
    key, generation, created_at = document["_id"], document["gen"], document.get("created_at")
    if generation:
        # The document outlives a deletion; the experiment is there again with its first new session.
        own = {"exp": key, "gen": generation}
        first = await mongo.sessions.find_one(own, {"first_at": 1}, sort=[("first_at", 1)])
        if first is None:
            return None
        created_at = first.get("first_at")
    return ExperimentRef(prefix, key, generation, created_at)


_OF_EXPERIMENTS: Mapping[str, int] = {"gen": 1, "created_at": 1}
