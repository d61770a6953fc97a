"""The objects that hold an experiment's cold events, as `mldash chunks` prints them."""

from collections.abc import Iterator
from itertools import groupby

from msgspec import Struct

from mldash.events.identity import Prefix, experiment_id
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Mongo

from .chunks import manifest
from .chunks.manifest import Live
from .moving.candidates import MOVING_KINDS, chain_end, from_document


class ListedChunk(Struct, frozen=True):
    """Events [first_index, live.end) of a stream."""

    first_index: int
    live: Live


class ListedStream(Struct, frozen=True, kw_only=True):
    """One metric or track topic."""

    kind: str
    name: str | None
    hot_events: int
    chunks: list[ListedChunk]

    @property
    def label(self) -> str:
        return f"{self.kind} {'(unnamed)' if self.name is None else self.name}"

    @property
    def keys(self) -> list[str]:
        """Each object once, in index order."""
        return list(dict.fromkeys(chunk.live.key for chunk in self.chunks))

    def by_object(self) -> Iterator[tuple[str, list[ListedChunk]]]:
        """Each object with the chunks that it holds, in index order."""
        for key, chunks in groupby(self.chunks, key=lambda chunk: chunk.live.key):
            yield key, list(chunks)


async def list_streams(
    mongo: Mongo, prefix: Prefix, kind: str | None = None, name: str | None = None
) -> list[ListedStream] | None:
    """Those that have cold events, of one kind or both, of one name or all; None: there is no such experiment."""
    experiment = await mongo.experiments.find_one({"_id": experiment_id(prefix.text)}, {"gen": 1})
    if experiment is None:
        return None
    kinds = list(MOVING_KINDS) if kind is None else [kind]
    query = {"exp": experiment["_id"], "gen": experiment["gen"], "kind": {"$in": kinds}}
    if name is not None:
        query["name"] = name
    found = []
    async for document in mongo.streams.find(query).sort([("kind", 1), ("name", 1)]):
        stream = from_document(document)
        if stream.is_closed:
            continue
        end = await chain_end(mongo, stream.id, stream.cold)
        chunks = [
            ListedChunk(chunk.k * CHUNK, chunk.live)
            for chunk in await manifest.live_chunks(mongo, stream.id, stream.floor // CHUNK)
            if chunk.live is not None and chunk.k * CHUNK < stream.cold
        ]
        found.append(ListedStream(kind=stream.kind, name=stream.name, hot_events=end - stream.cold, chunks=chunks))
    return found
