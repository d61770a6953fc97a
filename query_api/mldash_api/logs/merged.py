"""Log lines of many experiments as one: merged by time, page after page.

A line's place is (time, experiment, index), which no other line has: pages in the order of places hold each line that
was stored when the first one was asked for, once. A line that comes later shows where its place lies behind the page's
end.

A chain lies in the order of indices, and late lines make its buckets overlap in time. A page keeps the first `limit`
lines that it has met, from whichever chain. Buckets come in the order of their greatest time; once the page is full its
last place bounds what can still take part, and the rest is asked for again within that bound (the index over times
answers it): what lies in order is read no further than the page needs, and what does not is still found.
"""

import asyncio
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from mldash.events.merging import flatten
from mldash_api.errors import SearchTooLong
from mldash_api.seam import hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.cold import all_of
from mldash_api.seam.rows import Rows, columns_of, rows_of_indices
from mldash_api.stores.streams import ExperimentRef, Stores
from mldash_ingest.documents.buckets import Bucket, bucket_id, from_document
from mldash_ingest.documents.columns import ABSENT
from mldash_ingest.documents.mongo import Session

_CHAINS_AT_ONCE: Final = 4
_BUCKETS_AT_ONCE: Final = 4
"""Each may be some megabytes."""

_FEW: Final = 32
"""Lines that are put in one by one."""

_INDEX: Final = "s_t1_t0"


class Place(NamedTuple):
    """Of a line among those of all experiments."""

    time: float
    experiment: bytes
    line: int


class HasField(NamedTuple):
    """The metadata's field is this value: a number by its size, everything else by kind and value."""

    field: str
    value: str | float | bool | None

    def fits(self, metadata: Any) -> bool:
        if not isinstance(metadata, Mapping):
            return False
        if self.field not in metadata:
            metadata = flatten(metadata)
        found = metadata.get(self.field, ABSENT)
        if isinstance(self.value, bool) or isinstance(found, bool):
            return found is self.value
        if isinstance(self.value, int | float):
            return isinstance(found, int | float) and found == self.value
        return type(found) is type(self.value) and found == self.value


class Wanted(Struct, frozen=True, kw_only=True):
    """Lines that fit all of what is given; times are inclusive."""

    levels: frozenset[str] | None = None
    search: str | None = None
    start: float = -math.inf
    end: float = math.inf
    sessions: frozenset[bytes] | None = None
    fields: tuple[HasField, ...] = ()


class Line(NamedTuple):
    place: Place
    session: bytes
    level: str
    message: str
    metadata: Any
    """ABSENT where there is none."""


class Page:
    """The first `limit` lines behind a place, of those that were offered; an offer may be repeated."""

    def __init__(self, after: Place | None, limit: int) -> None:
        self.after, self.limit = after, limit
        self.lines = list[Line]()

    @property
    def end(self) -> Place | None:
        """What lies behind it can't take part any more; None: everything can."""
        return self.lines[-1].place if len(self.lines) == self.limit else None

    def takes(self, place: Place) -> bool:
        end = self.end
        return (self.after is None or place > self.after) and (end is None or place < end)

    def offer(self, lines: Sequence[Line]) -> None:
        if len(lines) > _FEW:
            # Two parts that lie nearly in order: what a sort takes best, and no other request waits for.
            taken = [line for line in lines if self.takes(line.place)]
            known = {line.place: line for line in (*self.lines, *taken)}
            self.lines = [known[place] for place in sorted(known)[: self.limit]]
            return
        for line in lines:
            if self.takes(line.place):
                at = bisect_left(self.lines, line.place, key=lambda one: one.place)
                if at == len(self.lines) or self.lines[at].place != line.place:
                    self.lines.insert(at, line)
                    del self.lines[self.limit :]


class _Looked:
    """How many lines were looked through."""

    count = 0


async def read_merged(
    stores: Stores, experiments: Mapping[ExperimentRef, Wanted], after: Place | None, limit: int
) -> list[Line]:
    """The first lines behind `after` that fit what is wanted of their experiment. Raises SearchTooLong."""
    page, looked, limit_s = Page(after, limit), _Looked(), stores.settings.search_timeout_s
    if not limit:
        return []
    chains = asyncio.Semaphore(_CHAINS_AT_ONCE)

    async def read(experiment: ExperimentRef, wanted: Wanted) -> None:
        async with chains:
            chain = _Chain(stores, experiment, wanted, page, looked)
            await settled(stores.mongo, experiment.stream("logs"), chain.read)

    try:
        async with asyncio.timeout(limit_s):
            await all_of([read(experiment, wanted) for experiment, wanted in experiments.items()])
    except TimeoutError:
        raise SearchTooLong(looked.count, limit_s) from None
    return page.lines


class _Chain:
    """The log of one experiment, offered to a page."""

    def __init__(self, stores: Stores, experiment: ExperimentRef, wanted: Wanted, page: Page, looked: _Looked) -> None:
        self._stores, self._experiment, self._wanted = stores, experiment, wanted
        self._page, self._looked = page, looked
        self._stream = experiment.stream("logs").id

    async def read(self, session: Session) -> None:
        mongo = self._stores.mongo
        seam = await hot.find_seam(mongo, session, self._stream)
        if seam is None:
            return
        first = max(seam.floor, seam.cold)
        end = await hot.chain_end(mongo, session, self._stream, seam.cold)
        low = self._wanted.start if self._page.after is None else max(self._wanted.start, self._page.after.time)
        await self._offer_all(session, (seam.cold, end), first, low)
        await hot.look_again(mongo, session, self._stream, seam.cold)

    async def _offer_all(self, session: Session, span: tuple[int, int], first_index: int, low: float) -> None:
        """Buckets that end at `low` or later, in the order of their ends; asked for anew whenever the page's end has
        come nearer, so that what lies behind it is not even fetched."""
        reached, seen = low, set[bytes]()
        while True:
            bound, query = self._bound(), self._query(span, reached)
            found = self._stores.mongo.buckets.find(query, session=session, batch_size=_BUCKETS_AT_ONCE)
            count, is_nearer = 0, False
            async for document in found.sort([("t1", 1), ("t0", 1)]).hint(_INDEX):
                if document["_id"] in seen:
                    continue
                if document["t1"] > reached:
                    reached, seen = document["t1"], set()
                seen.add(document["_id"])
                count += 1
                if document["t0"] <= self._bound():
                    await self._offer(document, first_index)
                if is_nearer := count >= _BUCKETS_AT_ONCE and self._bound() < bound:
                    break
            if not is_nearer:
                return

    def _bound(self) -> float:
        """The latest time that can still take part."""
        end = self._page.end
        return self._wanted.end if end is None else min(self._wanted.end, end.time)

    def _query(self, span: tuple[int, int], reached: float) -> dict[str, Any]:
        query: dict[str, Any] = {
            "s": self._stream,
            "kind": "logs",  # the index over times is a partial one
            "_id": {"$gte": bucket_id(self._stream, span[0]), "$lt": bucket_id(self._stream, span[1])},
            "t1": {"$gte": reached},
            "t0": {"$lte": self._bound()},
        }
        if self._wanted.levels is not None:
            # Levels are of a fixed list, checked before: they may be a path.
            query["$or"] = [{f"levels.{level}": {"$gt": 0}} for level in sorted(self._wanted.levels)]
        return query

    async def _offer(self, document: Mapping[str, Any], first_index: int) -> None:
        async with self._stores.searching:
            lines = await asyncio.to_thread(self._look_through, from_document(document), first_index)
        self._looked.count += document["n"]
        self._page.offer(lines)

    def _look_through(self, bucket: Bucket, first_index: int) -> list[Line]:
        """Those that fit and can take part, in a thread: the page may end nearer by the time that they are offered."""
        rows = rows_of_indices(bucket, first_index, bucket.end_index)
        wanted, times, sessions = self._wanted, rows.times(), _sessions_of(bucket)[rows.start : rows.stop]
        needle = wanted.search.casefold() if wanted.search else ""
        found = list[Line]()
        for at, (level, message, metadata) in enumerate(_said(rows)):
            place = Place(times[at], self._experiment.id, rows.first_index + at)
            if (
                wanted.start <= place.time <= wanted.end
                and (wanted.levels is None or level in wanted.levels)
                and (wanted.sessions is None or sessions[at] in wanted.sessions)
                and self._page.takes(place)
                and (not needle or needle in message.casefold())
                and all(one.fits(metadata) for one in wanted.fields)
            ):
                found.append(Line(place, sessions[at], level, message, metadata))
        return found


def _sessions_of(bucket: Bucket) -> list[bytes]:
    return [one.session for one in bucket.sources for _ in range(one.count)]


def _said(rows: Rows) -> Iterator[tuple[str, str, Any]]:
    """Level, message and metadata of each row."""
    names, columns = columns_of(rows, ["level", "message", "metadata"])
    if names == [""]:
        for event in columns[0]:
            yield event["level"], event["message"], event.get("metadata", ABSENT)
        return
    of = dict(zip(names, columns, strict=True))
    absent = [ABSENT] * rows.count
    yield from zip(of["level"], of["message"], of.get("metadata", absent), strict=True)
