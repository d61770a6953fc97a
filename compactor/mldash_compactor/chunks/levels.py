"""Summaries over many chunks, so that a chart of a whole stream costs what a chart of a part of it does.

Of every 500 rows there are summaries in the objects, of every chunk in the manifest; coarser ones are here, in the
collection `levels`. A record of a level speaks of 10,000, 100,000, 1,000,000 or 10,000,000 events, and a document holds
100 neighbouring records of each field. So a chart of a thousand columns is some ten documents, whatever it shows.

    _id      stream id, the level as one byte (its place in LEVELS), the block's number as 8 bytes big endian
    fields   [{name, integer, records}, …]: LEVEL records, at most 256 fields a chunk
    t0, t1   float64, little endian: least and greatest time of each record's events
    limited  whether a chunk below had more numeric fields than have summaries: then a field that is not here, and a
             record with nan_count UNKNOWN, may have numbers; otherwise there are none

A block is written when all of its events are cold, and never changes, for it follows from full chunks, and these are
final. So whoever writes it writes the same, an insert that finds it there is good, and no lease is needed. The blocks
that end at or below `joined` of the stream's document are all there (join.py raises it); above it readers take the
manifest. What lies below `floor` is deleted with its chunks.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import DuplicateKeyError, Mongo, Session

from .manifest import Live
from .summaries import FIELD_LIMIT, LEVELS, PLACES, UNKNOWN, FieldSummary

RECORDS: Final = 100
"""Of a document."""

FAN: Final = 10
SPAN: Final = CHUNK * RECORDS
"""Events of the finest level's block."""

_END_OF_BLOCKS: Final = b"\xff" * 9
"""As END_OF_STREAM is to buckets. As long as what stands behind the stream in a block's id: MongoDB sorts by length
before it looks at bytes, so a bound of another length bounds nothing."""


def level_type(*, integer: bool) -> np.dtype[Any]:
    """One record: `…_index` as in a FieldSummary. Where count is 0 the places mean nothing."""
    value = "<i8" if integer else "<f8"
    parts: list[tuple[str, str]] = [("count", "<i8"), ("nan_count", "<i8"), ("sum", "<f8")]
    for place in PLACES:
        parts += [(f"{place}_index", "<i8"), (f"{place}_time", "<f8"), (place, value)]
    return np.dtype(parts)


class LevelField(Struct, frozen=True, kw_only=True):
    """The records of one field."""

    name: str
    integer: bool
    records: bytes

    def array(self) -> NDArray[Any]:
        """Records of level_type."""
        return np.frombuffer(self.records, level_type(integer=self.integer))


class Block(Struct, frozen=True, kw_only=True):
    """One document: RECORDS records a field, of `events` events each."""

    stream: bytes
    level: int
    number: int
    fields: list[LevelField]
    t0: bytes
    t1: bytes
    limited: bool

    @property
    def first_index(self) -> int:
        return self.number * LEVELS[self.level] * RECORDS

    @property
    def end_index(self) -> int:
        return self.first_index + LEVELS[self.level] * RECORDS


def block_id(stream: bytes, level: int, number: int) -> bytes:
    """25 bytes that sort by stream, level and place."""
    return stream + bytes([level]) + number.to_bytes(8, "big")


def of_chunks(stream: bytes, number: int, chunks: Mapping[int, Live]) -> Block:
    """The finest level's block `number`, of the manifest's summaries by k; a chunk that is gone is unknown."""
    first_k = number * RECORDS
    lives = [chunks.get(k) for k in range(first_k, first_k + RECORDS)]
    found = [None if live is None else {one.name: one for one in live.field_summaries()} for live in lives]
    names = dict.fromkeys(name for summaries in found if summaries is not None for name in summaries)
    return Block(
        stream=stream,
        level=0,
        number=number,
        fields=[_field_of_chunks(name, found) for name in names],
        t0=np.array([np.inf if live is None else live.t0 for live in lives], "<f8").tobytes(),
        t1=np.array([-np.inf if live is None else live.t1 for live in lives], "<f8").tobytes(),
        limited=any(summaries is None or len(summaries) >= FIELD_LIMIT for summaries in found),
    )


def _field_of_chunks(name: str, found: Sequence[dict[str, FieldSummary] | None]) -> LevelField:
    own = [None if summaries is None else summaries.get(name) for summaries in found]
    spots = [spot for one in own if one is not None for spot in (one.min, one.max) if spot is not None]
    integer = all(type(spot.value) is int for spot in spots)
    records = np.zeros(len(found), level_type(integer=integer))
    for row, (summary, summaries) in enumerate(zip(own, found, strict=True)):
        if summary is None:
            limited = summaries is None or len(summaries) >= FIELD_LIMIT
            records[row]["nan_count"] = UNKNOWN if limited else 0
            continue
        record = records[row]
        record["count"], record["nan_count"], record["sum"] = summary.count, summary.nan_count, summary.sum
        for place in PLACES:
            spot = getattr(summary, place)
            if spot is not None:
                record[f"{place}_index"], record[f"{place}_time"], record[place] = spot.index, spot.time, spot.value
    return LevelField(name=name, integer=integer, records=records.tobytes())


def of_blocks(stream: bytes, level: int, number: int, finer: Sequence[Block]) -> Block:
    """The block of a coarser level, of the FAN finer ones that it covers, in order."""
    names = dict.fromkeys(field.name for block in finer for field in block.fields)
    t0, t1 = (np.frombuffer(b"".join(parts), "<f8").reshape(RECORDS, FAN) for parts in zip(*_times(finer), strict=True))
    return Block(
        stream=stream,
        level=level,
        number=number,
        fields=[_field_of_blocks(name, finer) for name in names],
        t0=t0.min(axis=1).tobytes(),
        t1=t1.max(axis=1).tobytes(),
        limited=any(block.limited for block in finer),
    )


def unknown(stream: bytes, level: int, number: int) -> Block:
    """In place of a block that retention has deleted."""
    least, greatest = np.full(RECORDS, np.inf), np.full(RECORDS, -np.inf)
    return Block(
        stream=stream,
        level=level,
        number=number,
        fields=[],
        t0=least.astype("<f8").tobytes(),
        t1=greatest.astype("<f8").tobytes(),
        limited=True,
    )


def _times(blocks: Sequence[Block]) -> list[tuple[bytes, bytes]]:
    return [(block.t0, block.t1) for block in blocks]


def _field_of_blocks(name: str, finer: Sequence[Block]) -> LevelField:
    found = [next((field for field in block.fields if field.name == name), None) for block in finer]
    integer = all(field.integer for field in found if field is not None)
    kind = level_type(integer=integer)
    parts = []
    for field, block in zip(found, finer, strict=True):
        if field is None:
            parts.append(np.zeros(RECORDS, kind))
            parts[-1]["nan_count"] = UNKNOWN if block.limited else 0
        else:
            parts.append(field.array().astype(kind))
    return LevelField(name=name, integer=integer, records=coarsen(np.concatenate(parts), FAN).tobytes())


def coarsen(records: NDArray[Any], fan: int) -> NDArray[Any]:
    """One record for every `fan` neighbours; unknown where one of them is."""
    table = records.reshape(-1, fan)
    lines = np.arange(len(table))
    there = table["count"] > 0
    coarse = np.zeros(len(table), records.dtype)
    coarse["count"] = table["count"].sum(axis=1)
    unknown = (table["nan_count"] == UNKNOWN).any(axis=1)
    coarse["nan_count"] = np.where(unknown, UNKNOWN, table["nan_count"].sum(axis=1))
    with np.errstate(all="ignore"):
        coarse["sum"] = np.where(there, table["sum"], 0.0).sum(axis=1)
    integer = records.dtype["min"].kind == "i"
    top, bottom = (np.iinfo(np.int64).max, np.iinfo(np.int64).min) if integer else (np.inf, -np.inf)
    chosen = {
        "first": there.argmax(axis=1),
        "last": fan - 1 - there[:, ::-1].argmax(axis=1),
        "min": np.where(there, table["min"], top).argmin(axis=1),
        "max": np.where(there, table["max"], bottom).argmax(axis=1),
    }
    for place, columns in chosen.items():
        # A neighbour without numbers can only win where every number equals its filler: then the first will do.
        best = table[lines, np.where(there[lines, columns], columns, chosen["first"])]
        for part in (f"{place}_index", f"{place}_time", place):
            coarse[part] = best[part]
    return coarse


async def insert(mongo: Mongo, block: Block) -> None:
    """Where it is there already it is the same."""
    try:
        await mongo.levels.insert_one(to_document(block))
    except DuplicateKeyError:
        return


async def read_blocks(
    mongo: Mongo,
    stream: bytes,
    level: int,
    numbers: range,
    names: Collection[str] | None = None,
    session: Session | None = None,
) -> list[Block]:
    """The blocks with these numbers that are there, in order; None: with all fields, else only these cross the wire."""
    if not numbers:
        return []
    query = {"_id": {"$gte": block_id(stream, level, numbers[0]), "$lte": block_id(stream, level, numbers[-1])}}
    cursor = mongo.levels.find(query, _projection(names), session=session).sort("_id", 1)
    return [from_document(document) async for document in cursor]


def _projection(names: Collection[str] | None) -> dict[str, Any] | None:
    """Names are literals: a field may be called "$where"."""
    if names is None:
        return None
    wanted = {"$in": ["$$this.name", {"$literal": list(names)}]}
    return {"t0": 1, "t1": 1, "limited": 1, "fields": {"$filter": {"input": "$fields", "cond": wanted}}}


async def delete_below(mongo: Mongo, stream: bytes, index: int) -> None:
    """The stream's blocks that end at or below the index."""
    for level, events in enumerate(LEVELS):
        bounds = {"$gte": block_id(stream, level, 0), "$lt": block_id(stream, level, index // (events * RECORDS))}
        await mongo.levels.delete_many({"_id": bounds})


async def delete_all(mongo: Mongo, streams: Collection[bytes]) -> None:
    """All blocks of these streams, and of no other: both bounds are as long as an id, see _END_OF_BLOCKS."""
    ranges = [{"_id": {"$gte": block_id(stream, 0, 0), "$lt": stream + _END_OF_BLOCKS}} for stream in streams]
    await mongo.levels.delete_many({"$or": ranges})


def to_document(block: Block) -> dict[str, Any]:
    return {
        "_id": block_id(block.stream, block.level, block.number),
        "fields": [{"name": one.name, "integer": one.integer, "records": one.records} for one in block.fields],
        "t0": block.t0,
        "t1": block.t1,
        "limited": block.limited,
    }


def from_document(document: Mapping[str, Any]) -> Block:
    """The reverse."""
    place = bytes(document["_id"])
    return Block(
        stream=place[:16],
        level=place[16],
        number=int.from_bytes(place[17:], "big"),
        fields=[LevelField(**field) for field in document["fields"]],
        t0=document["t0"],
        t1=document["t1"],
        limited=document["limited"],
    )
