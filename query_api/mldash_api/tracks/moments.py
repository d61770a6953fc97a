"""Entries of a track at given times: the last one at or before each (docs/protocol.md 5).

The source whose end is the latest at or before the time says one candidate, those that cover the time another; the
later of the two is the entry's time, and then every source that covers that time is folded.
"""

from collections.abc import Sequence
from typing import Any, Final

from mldash.answers.resample import grid, held
from mldash_api.errors import AnswerTooLarge
from mldash_api.seam import hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.rows import Rows, rows_of_times
from mldash_api.stores.streams import Stores, StreamRef
from mldash_ingest.documents.buckets import CHUNK, bucket_id
from mldash_ingest.documents.mongo import Session

from .entries import TIMESTAMP, Asked, entries_of, read_entries, read_parts, stored_names

Entry = dict[str, Any]

_MOST_TOLD: Final = 1e15
"""A count above it is told as this one: a rate may ask for more than any number says."""


async def entries_at(
    stores: Stores, stream: StreamRef, times: Sequence[float], fields: Sequence[str] | None
) -> list[Entry | None]:
    """Of each time, in the order given; None where the track begins later."""
    found = dict[float, Entry | None]()
    for time in times:
        if time not in found:
            found[time] = await _entry_at(stores, stream, time, fields)
    return [found[time] for time in times]


async def resampled(stores: Stores, stream: StreamRef, asked: Asked, rate_hz: float) -> list[Entry]:
    """Entries at start, start + 1 / rate, …: at each the last one at or before. `start` -inf: from the first entry on.

    Raises AnswerTooLarge where there are more than the setting allows, read or answered.
    """
    rows = await read_entries(stores, stream, Asked(asked.start, asked.end, asked.fields))
    entries = entries_of(rows, asked.fields)
    before = None if asked.start == -float("inf") else await _entry_at(stores, stream, asked.start, asked.fields)
    if before is not None:
        entries = [before, *(entry for entry in entries if entry[TIMESTAMP] > before[TIMESTAMP])]
    if not entries:
        return []
    start = entries[0][TIMESTAMP] if asked.start == -float("inf") else asked.start
    end = entries[-1][TIMESTAMP] if asked.end == float("inf") else asked.end
    most, wanted = stores.settings.entries_limit, (end - start) * rate_hz
    if wanted >= most:
        raise AnswerTooLarge(int(min(wanted, _MOST_TOLD)) + 1, most, "give start and end, or a lower rate")
    return list(held(entries, list(grid(start, end, rate_hz))))


async def _entry_at(stores: Stores, stream: StreamRef, time: float, fields: Sequence[str] | None) -> Entry | None:
    stored = stored_names(fields)

    async def read(session: Session) -> Entry | None:
        at = await _latest(stores, session, stream, time, stored)
        if at is None:
            return None
        parts = await read_parts(stores, session, stream, (at, at), stored)
        rows = [rows_of_times(part, at, at) for part in parts]
        entries = entries_of([one for one in rows if one.count], fields)
        return entries[0] if entries else None

    return await settled(stores.mongo, stream, read)


async def _latest(
    stores: Stores, session: Session, stream: StreamRef, time: float, stored: Sequence[str] | None
) -> float | None:
    """The greatest timestamp at or before. Raises Moved."""
    candidates = [one for one in await _ended(stores, session, stream, time) if one is not None]
    for part in await read_parts(stores, session, stream, (time, time), stored):
        until = rows_of_times(part, -float("inf"), time)
        if until.count:
            candidates.append(Rows(part, until.stop - 1, until.stop).times()[0])
    return max(candidates, default=None)


async def _ended(stores: Stores, session: Session, stream: StreamRef, time: float) -> list[float | None]:
    """When the chunk and the bucket that end last at or before the time end. Raises Moved."""
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return []
    end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    chunk = await stores.mongo.chunks.find_one(
        {"_id.s": stream.id, "_id.k": {"$lt": -(-seam.cold // CHUNK)}, "live.t1": {"$lte": time}},
        {"live.t1": 1},
        sort=[("live.t1", -1)],
        session=session,
    )
    bucket = await stores.mongo.buckets.find_one(
        {
            "_id": {"$gte": bucket_id(stream.id, seam.cold), "$lt": bucket_id(stream.id, end)},
            "s": stream.id,
            "kind": stream.kind,
            "t1": {"$lte": time},
        },
        {"t1": 1},
        sort=[("t1", -1)],
        session=session,
    )
    await hot.look_again(stores.mongo, session, stream.id, seam.cold)
    return [None if chunk is None else chunk["live"]["t1"], None if bucket is None else bucket["t1"]]
