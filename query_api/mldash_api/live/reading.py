"""From the store, by the same reads as all routes: chains as they are now, and events that no piece in memory holds."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple

from mldash_api import instruments
from mldash_api.points.points import read_range
from mldash_api.seam import hot
from mldash_api.seam.attempts import DELAYS_S, Moved, settled, unsettled
from mldash_api.seam.chain_ends import buckets_since, starts_of
from mldash_api.seam.rows import Rows
from mldash_api.stores.streams import ExperimentRef, Stores, StreamRef
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.documents.walk import cold_ends, walk_many

from .pieces import Piece

PIECE_EVENTS: Final = 1_000
_PIECE_BUCKETS: Final = 100
_EXPERIMENTS_AT_ONCE: Final = 200
_LOOK_BYTES: Final = 32 << 20
"""Of one look; what is behind it comes with the next."""


class Found(NamedTuple):
    """A stream as it is: `end` is its first free index, `fields` the names that are known."""

    experiment: bytes
    generation: int
    kind: str
    name: str | None
    end: int
    fields: list[str]


class Gap(NamedTuple):
    """Events [first_index, end_index) are not told. `expired`: retention took them; `moved`: of a track, on S3."""

    first_index: int
    end_index: int
    reason: str


async def find_chains(mongo: Mongo, experiments: Sequence[ExperimentRef], kinds: Iterable[str]) -> list[Found]:
    """All streams of these kinds. Raises ReadOvertaken."""
    found = list[Found]()
    for at in range(0, len(experiments), _EXPERIMENTS_AT_ONCE):
        found += await _find_chains(mongo, experiments[at : at + _EXPERIMENTS_AT_ONCE], list(kinds))
    return found


async def _find_chains(mongo: Mongo, experiments: Sequence[ExperimentRef], kinds: list[str]) -> list[Found]:
    own = [{"exp": one.id, "gen": one.generation} for one in experiments]
    query: dict[str, Any] = {"$or": own, "kind": {"$in": kinds}}
    fields = {"exp": 1, "gen": 1, "kind": 1, "name": 1, "fields": 1}
    for delay in DELAYS_S:
        async with await mongo.causal() as session:
            documents, starts = await starts_of(mongo, session, query, fields)
            ends, names = (
                dict(starts),
                {stream: dict.fromkeys(one.get("fields", ())) for stream, one in documents.items()},
            )
            async for bucket in buckets_since(mongo, session, starts, {"cols.name": 1}):
                ends[bucket["s"]] += bucket["n"]
                names[bucket["s"]].update(dict.fromkeys(one["name"] for one in bucket["cols"] if one["name"]))
            look = await cold_ends(mongo, session, starts)
        if all(look.get(stream, first) <= first for stream, first in starts.items()):
            return [
                Found(one["exp"], one["gen"], one["kind"], one["name"], ends[stream], list(names[stream]))
                for stream, one in documents.items()
            ]
        instruments.restarts.labels("live").inc()
        await asyncio.sleep(delay)
    raise unsettled(experiments[0].stream("live"), Moved())


async def count_streams(mongo: Mongo, experiments: Sequence[ExperimentRef]) -> dict[bytes, dict[str, int]]:
    """Experiment → kind → how many streams it has; an index answers it."""
    counts = {one.id: dict[str, int]() for one in experiments}
    for at in range(0, len(experiments), _EXPERIMENTS_AT_ONCE):
        part = experiments[at : at + _EXPERIMENTS_AT_ONCE]
        match = {"$match": {"$or": [{"exp": one.id, "gen": one.generation} for one in part]}}
        group = {"$group": {"_id": {"exp": "$exp", "kind": "$kind"}, "count": {"$sum": 1}}}
        async for one in mongo.streams.aggregate([match, group]):
            counts[one["_id"]["exp"]][one["_id"]["kind"]] = one["count"]
    return counts


class Look(NamedTuple):
    """What one look found: of each stream the buckets from its end on, and the streams that moved under it."""

    buckets: list[Bucket]
    moved: set[bytes]
    is_whole: bool
    """Whether there was no more than one look holds."""


async def look(mongo: Mongo, ends: Mapping[bytes, int]) -> Look:
    """The buckets that follow these ends (docs/protocol.md 5)."""
    buckets, held, is_whole = list[Bucket](), 0, True
    async with await mongo.causal() as session:
        async with aclosing(walk_many(mongo, session, ends)) as walked:
            async for bucket in walked:
                buckets.append(bucket)
                held += bucket.stored_bytes
                if held > _LOOK_BYTES:
                    is_whole = False
                    break
        cold = await cold_ends(mongo, session, ends)
    moved = {stream for stream, end in ends.items() if cold.get(stream, CLOSED) > end}
    return Look([one for one in buckets if one.stream not in moved], moved, is_whole)


def pieces_of(stream: StreamRef, buckets: Sequence[Bucket]) -> list[Piece]:
    """Buckets that follow each other, in pieces: small ones together, for each piece has a cost of its own."""
    pieces, together = list[Piece](), list[Bucket]()
    for bucket in buckets:
        together.append(bucket)
        if bucket.end_index - together[0].first_index >= PIECE_EVENTS or bucket is buckets[-1]:
            rows = [Rows(one, 0, one.row_count) for one in together]
            pieces.append(Piece(stream, together[0].first_index, bucket.end_index, rows))
            together = []
    return pieces


async def read_piece(stores: Stores, stream: StreamRef, index: int) -> Piece | Gap | None:
    """What begins there, hot or cold; None: nothing, for it was deleted. Raises as reads do."""
    if stream.kind == "tracks":
        return await _read_entries(stores, stream, index)
    found = await read_range(stores, stream, index, PIECE_EVENTS)
    if found.first_index > index:
        return Gap(index, found.first_index, "expired")
    return Piece(stream, index, index + found.count, found.rows) if found.count else None


async def _read_entries(stores: Stores, stream: StreamRef, index: int) -> Piece | Gap | None:
    async def read(session: Session) -> Piece | Gap | None:
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return None
        if index < seam.floor:
            return Gap(index, seam.floor, "expired")
        if index < seam.cold:
            return Gap(index, seam.cold, "moved")
        end = index + PIECE_EVENTS
        buckets = await hot.chain_between(stores.mongo, session, stream.id, seam.cold, index, end)
        buckets = [one for one in buckets if one.end_index > index][:_PIECE_BUCKETS]
        await hot.look_again(stores.mongo, session, stream.id, buckets[0].first_index if buckets else index)
        if not buckets:
            return None
        rows = [Rows(one, 0, one.row_count) for one in buckets]
        return Piece(stream, buckets[0].first_index, buckets[-1].end_index, rows)

    return await settled(stores.mongo, stream, read)
