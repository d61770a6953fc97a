"""Neighbouring full chunks of one stream, moved together: the steps of move.py, each done once for all of them.

An acknowledged write costs MongoDB the same for one chunk as for ten, so a backlog moves several at a time:

    declare_intents    on consecutive chunks without a document; they end before the first that has one: that one may
                       be committed already, and goes by itself
    read_rows          one walk from the cold end over all of them, then the cold end once more
    put_objects        each chunk its own object, a few on their way at once; each is read back
    commit             every chunk's document, in order
    cover_by_snapshot, advance_cold_end    for the last one, behind which all the others end

The protocol is that of a single move: each chunk's own writes keep their order. A crash between two steps leaves chunks
committed beyond the cold end; whoever comes finds each by its intent and finishes it, one by one. Where
anything fails, the intents are released, and the chunks go singly.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from time import monotonic
from typing import Final

from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.parquet.inherited import known_by_each, read_known
from mldash_compactor.errors import RangeMoved
from mldash_ingest.documents.buckets import CHUNK

from . import move
from .chain import read_chain
from .move import (
    Move,
    committed,
    count,
    intent_of,
    put_object,
    release,
    take,
    until_answered,
    verify_object,
)

NEIGHBOURS_BYTES: Final = 32 << 20
"""A limit on their rows in memory, whatever was estimated."""

_LARGER: Final = 2
"""Only the first chunk is measured, for measuring reads it: the others are estimated at so many times its size."""

_PUTS: Final = 4


def bytes_together(first_bytes: int, count: int) -> int:
    """An estimate of what so many chunks hold, by the size of the first."""
    return first_bytes * count * _LARGER


def count_together(moves: Sequence[Move], first_bytes: int) -> int:
    """How many of these neighbours, from the first on, can go together; 1: the first goes by itself."""
    for number, one in enumerate(moves):
        too_large = bytes_together(first_bytes, number + 1) > NEIGHBOURS_BYTES
        if too_large or one.stream.cold % CHUNK or one.want % CHUNK:
            return max(1, number)
    return len(moves)


class Neighbours:
    """Neighbours on their way: those that were given, and from the intents on those without a document before."""

    def __init__(self, moves: Sequence[Move], most_bytes: int = NEIGHBOURS_BYTES) -> None:
        self.moves, self.most_bytes = list(moves), most_bytes

    @property
    def last(self) -> Move:
        return self.moves[-1]


async def declare_intents(neighbours: Neighbours) -> None:
    """Claim consecutive unclaimed chunks; stop at the first one that another compactor has had."""
    first, begun = neighbours.moves[0], monotonic()
    wants = [(one.k, one.want) for one in neighbours.moves]
    intents = await manifest.declare_first_intents(
        first.mongo, first.stream.id, wants, owner=first.owner, lease_s=first.lease_s
    )
    for one, intent in zip(neighbours.moves, intents, strict=False):
        one.intent, one.intent_s = intent, monotonic() - begun
    neighbours.moves = neighbours.moves[: len(intents)]


async def read_rows(neighbours: Neighbours) -> None:
    """The chain from the cold end to the end of the last; buckets never cross the end of a chunk."""
    first = neighbours.moves[0]
    buckets = await read_chain(
        first.mongo, first.stream.id, first.stream.cold, neighbours.last.want, neighbours.most_bytes
    )
    moves = {one.k: one for one in neighbours.moves}
    for k, own in groupby(buckets, lambda bucket: bucket.first_index // CHUNK):
        take(moves[k], list(own), None)
    before = await read_known(first.mongo, first.stream.id, first.k, None)
    known = await asyncio.to_thread(known_by_each, before, [one.parts for one in neighbours.moves])
    for one, fields in zip(neighbours.moves, known, strict=True):
        one.known = fields


async def put_objects(neighbours: Neighbours) -> None:
    """Encode, put and read back each. Where one fails the others are given up."""
    slots = asyncio.Semaphore(_PUTS)

    async def put(one: Move) -> None:
        async with slots:
            await put_object(one)
            await verify_object(one)

    tasks = [asyncio.create_task(put(one)) for one in neighbours.moves]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def commit(neighbours: Neighbours) -> None:
    """Make every object count. Raises RangeMoved where one has been lost to another; the others may count by then."""
    first, lives = neighbours.moves[0], [committed(one) for one in neighbours.moves]
    commits = [(intent_of(one), live) for one, live in zip(neighbours.moves, lives, strict=True)]
    if not await until_answered(lambda: manifest.commit_all(first.mongo, commits), first.key):
        raise RangeMoved(first.stream.id, first.k, "the epoch of a neighbour has passed")
    for one, live in zip(neighbours.moves, lives, strict=True):
        one.live = live


async def cover_by_snapshot(neighbours: Neighbours) -> None:
    """A snapshot that reaches the end of the last."""
    await move.cover_by_snapshot(neighbours.last)


async def advance_cold_end(neighbours: Neighbours) -> None:
    """To the end of the last, once a snapshot covers it."""
    await move.advance_cold_end(neighbours.last)


Step = Callable[[Neighbours], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (
    declare_intents,
    read_rows,
    put_objects,
    commit,
    cover_by_snapshot,
    advance_cold_end,
)


async def move_neighbours(neighbours: Neighbours, steps: Sequence[Step] = STEPS) -> int:
    """The steps in order; how many chunks moved, 0 where another compactor has had the first. Keeps hot buckets."""
    begun = monotonic()
    try:
        for step in steps:
            await step(neighbours)
            if not neighbours.moves:
                return 0
    except Exception:
        await asyncio.gather(*(release(one) for one in neighbours.moves))
        raise
    moved = [one for one in neighbours.moves if one.live is not None]
    for one in moved:
        count(one, (monotonic() - begun) / len(moved))
    return len(moved)
