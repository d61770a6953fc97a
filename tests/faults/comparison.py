"""In the end, all that was written against all that can be read: invariants 7, 8 and 9 of docs/protocol.md 10."""

import asyncio
from time import monotonic
from typing import Final

import msgspec

from mldash.events.identity import experiment_id
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.mongo import Mongo
from tests.plain_http import plain_http

from . import sequences
from .invariants import Violation, missing_events
from .reader import Reader
from .returned import Accounts
from .sequences import REMADE, Stream

_PURGE_S: Final = 120.0


class Comparison:
    """Once everything is stored, and the reader has read it."""

    def __init__(self, reader: Reader, accounts: Accounts, mongo: Mongo, store: ObjectStore) -> None:
        self._reader, self._accounts, self._mongo, self._store = reader, accounts, mongo, store

    async def run(self, api_url: str, removed_at: list[tuple[int, float]]) -> None:
        """Raises Violation. `removed_at`: each new generation of REMADE, and when it was there at the latest."""
        sessions = self._mongo.sessions.find({}, {"gen": 1})
        generations = {bytes(one["_id"]): int(one["gen"]) async for one in sessions}
        for who, life in self._accounts.lives.items():
            for stream, counts in self._accounts.counts(who).items():
                session = bytes.fromhex(life.sessions[stream.prefix])
                if counts.returned and session not in generations:
                    raise Violation(7, stream, f"writer {who} wrote {counts.returned} events; its session is unknown")
                current = self._reader.generations.get(stream.prefix, 0)
                generation = generations.get(session, current)
                if stream.prefix == REMADE:
                    _is_of_its_time(who, life.began, generation, removed_at)
                if generation != current:
                    self._is_invisible(stream, who)
                elif counts.begun:
                    chain = self._reader.chain(stream)
                    if chain is None:
                        raise Violation(7, stream, f"writer {who} wrote {counts.returned} events; nothing is readable")
                    missing_events(chain, who, counts)
        await self._compare_folds(api_url)
        await self._until_purged()

    def _is_invisible(self, stream: Stream, who: int) -> None:
        chain = self._reader.chain(stream)
        if chain is not None and any(writer == who for writer, _ in chain.events):
            raise Violation(9, stream, f"events of writer {who}, whose generation was deleted, are readable")

    async def _until_purged(self) -> None:
        """(9) After the purge there is no document or object of a deleted generation but the stripped tombstones."""
        experiment = experiment_id(REMADE)
        deadline = monotonic() + _PURGE_S
        current = await self._reader.read_generation(REMADE)
        old = {"exp": experiment, "gen": {"$lt": current}}
        while True:
            document = await self._mongo.experiments.find_one({"_id": experiment})
            if document is None or not document.get("purge"):
                break
            if monotonic() > deadline:
                raise Violation(9, REMADE, f"the purge is not done after {_PURGE_S:g} s: {document['purge']}")
            await asyncio.sleep(0.5)
        left = [one["_id"] async for one in self._mongo.streams.find(old, {"_id": 1})]
        ids = [one.id(gen) for one in sequences.all_streams() if one.prefix == REMADE for gen in range(current)]
        buckets = await self._mongo.buckets.count_documents({"s": {"$in": ids}})
        chunks = await self._mongo.chunks.count_documents({"_id.s": {"$in": ids}})
        objects = [one.key async for one in self._store.list() if any(i.hex() in one.key for i in ids)]
        if left or buckets or chunks or objects:
            found = f"{len(left)} streams, {buckets} buckets, {chunks} chunks, {len(objects)} objects"
            raise Violation(9, REMADE, f"after the purge there are {found} of deleted generations")
        async for session in self._mongo.sessions.find(old):
            if more := session.keys() - {"_id", "exp", "gen"}:
                raise Violation(9, REMADE, f"the tombstone of a session still says {sorted(more)}")

    async def _compare_folds(self, api_url: str) -> None:
        """(8) Through the API, as users read: tracks and params are the fold in index order."""
        async with plain_http(base_url=api_url, timeout=60, headers={"Accept": "application/msgpack"}) as client:
            for stream in sequences.all_streams():
                chain = self._reader.chain(stream)
                if chain is None:
                    continue
                if stream.kind == "tracks":
                    query = {"prefix": stream.prefix, "topic": stream.name}
                    answer = msgspec.msgpack.decode((await client.get("/v1/tracks/entries", params=query)).content)
                    if answer["entries"] != sequences.fold_entries(chain.events):
                        raise Violation(8, stream, "its entries are not the fold of its events in index order")
                elif stream.kind == "params":
                    answer = msgspec.msgpack.decode(
                        (await client.get("/v1/params", params={"prefix": stream.prefix})).content
                    )
                    if answer["params"] != sequences.fold_params(chain.events):
                        raise Violation(8, stream, "they are not the fold of its events in index order")


def _is_of_its_time(who: int, began: float, generation: int, removed_at: list[tuple[int, float]]) -> None:
    """(9) A session that began after the removal is of the new generation."""
    for new, at in removed_at:
        if began > at and generation < new:
            raise Violation(9, REMADE, f"writer {who} began after the removal, and is of generation {generation}")
