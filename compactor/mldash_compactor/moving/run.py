"""Neighbouring full chunks of one stream, moved together: the steps of move.py, each done once for all of them.

An acknowledged write costs MongoDB the same for one chunk as for ten, so a backlog is worked off in runs:

    declare_intents    on chunks that nobody had yet, in order; the run ends before the first that somebody had: that
                       one may be committed already, and goes by itself
    read_rows          one walk from the cold end over all of them, then the cold end once more
    put_objects        each chunk its own object, a few on their way at once; each is read back
    commit             every chunk's document, in order
    cover_by_snapshot, advance_cold_end    for the last one, behind which all the others end

It is no new protocol: every write of one chunk comes in the order that it has by itself. A crash between two steps
leaves chunks committed beyond the cold end; whoever comes finds each by its intent and finishes it, one by one. Where
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
from .move import (
    Move,
    committed,
    count,
    intent_of,
    put_object,
    read_chain,
    release,
    take,
    until_answered,
    verify_object,
)

RUN_BYTES: Final = 32 << 20
"""Of a run's rows in memory, whatever was thought of them."""

_LARGER: Final = 2
"""Only the first chunk is measured, for measuring reads it: the others are thought so many times as large at most."""

_PUTS: Final = 4


def run_bytes(first_bytes: int, count: int) -> int:
    """What a run of so many chunks is thought to hold, by the size of its first."""
    return first_bytes * count * _LARGER


def fit_in_a_run(moves: Sequence[Move], first_bytes: int) -> int:
    """How many of these neighbours, from the first on, can go together; 1: the first goes by itself."""
    for number, one in enumerate(moves):
        too_large = run_bytes(first_bytes, number + 1) > RUN_BYTES
        if too_large or one.stream.cold % CHUNK or one.want % CHUNK:
            return max(1, number)
    return len(moves)


class Run:
    """Neighbours on their way: those that it was given, and from the intents on those that nobody had before."""

    def __init__(self, moves: Sequence[Move], most_bytes: int = RUN_BYTES) -> None:
        self.moves, self.most_bytes = list(moves), most_bytes

    @property
    def last(self) -> Move:
        return self.moves[-1]


async def declare_intents(run: Run) -> None:
    """Take the chunks that nobody had, in order, up to the first that somebody had."""
    first, begun = run.moves[0], monotonic()
    wants = [(one.k, one.want) for one in run.moves]
    intents = await manifest.declare_first_intents(
        first.mongo, first.stream.id, wants, owner=first.owner, lease_s=first.lease_s
    )
    for one, intent in zip(run.moves, intents, strict=False):
        one.intent, one.intent_s = intent, monotonic() - begun
    run.moves = run.moves[: len(intents)]


async def read_rows(run: Run) -> None:
    """The chain from the cold end to the end of the last; buckets never cross the end of a chunk."""
    first = run.moves[0]
    buckets = await read_chain(first.mongo, first.stream.id, first.stream.cold, run.last.want, run.most_bytes)
    moves = {one.k: one for one in run.moves}
    for k, own in groupby(buckets, lambda bucket: bucket.first_index // CHUNK):
        take(moves[k], list(own), None)
    before = await read_known(first.mongo, first.stream.id, first.k, None)
    known = await asyncio.to_thread(known_by_each, before, [one.parts for one in run.moves])
    for one, fields in zip(run.moves, known, strict=True):
        one.known = fields


async def put_objects(run: Run) -> None:
    """Encode, put and read back each. Where one fails the others are given up."""
    slots = asyncio.Semaphore(_PUTS)

    async def put(one: Move) -> None:
        async with slots:
            await put_object(one)
            await verify_object(one)

    tasks = [asyncio.create_task(put(one)) for one in run.moves]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def commit(run: Run) -> None:
    """Make every object count. Raises RangeMoved where one has been lost to another; the others may count by then."""
    first, lives = run.moves[0], [committed(one) for one in run.moves]
    commits = [(intent_of(one), live) for one, live in zip(run.moves, lives, strict=True)]
    if not await until_answered(lambda: manifest.commit_all(first.mongo, commits), first.key):
        raise RangeMoved(first.stream.id, first.k, "an epoch of its run has passed")
    for one, live in zip(run.moves, lives, strict=True):
        one.live = live


async def cover_by_snapshot(run: Run) -> None:
    """A snapshot that reaches the end of the last."""
    await move.cover_by_snapshot(run.last)


async def advance_cold_end(run: Run) -> None:
    """To the end of the last, once a snapshot covers it."""
    await move.advance_cold_end(run.last)


Step = Callable[[Run], Awaitable[None]]

STEPS: Final[tuple[Step, ...]] = (
    declare_intents,
    read_rows,
    put_objects,
    commit,
    cover_by_snapshot,
    advance_cold_end,
)


async def move_run(run: Run, steps: Sequence[Step] = STEPS) -> int:
    """The steps in order; how many chunks have moved, none where somebody had the first. Hot buckets are left."""
    begun = monotonic()
    try:
        for step in steps:
            await step(run)
            if not run.moves:
                return 0
    except Exception:
        await asyncio.gather(*(release(one) for one in run.moves))
        raise
    moved = [one for one in run.moves if one.live is not None]
    for one in moved:
        count(one, (monotonic() - begun) / len(moved))
    return len(moved)
