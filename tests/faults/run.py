"""One run: the system comes up, emitters write, faults happen, a reader reads; then all is compared.

while faults happen   invariants 1 to 6, again and again
afterwards            every journal is sent, every letter replayed; lag goes to zero (10); then 7, 8 and 9
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Final

from msgspec import Struct

from mldash_compactor.chunks.levels import SPAN
from mldash_compactor.chunks.parquet.conversions import load_conversions
from mldash_compactor.chunks.s3 import ObjectStore, open_store
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import Mongo, open_mongo

from . import sequences
from .api_reader import ApiReader
from .comparison import Comparison
from .counted import Counted
from .invariants import Violation
from .killers import Killers
from .letters import LetterWriter
from .reader import Reader
from .returned import Accounts
from .schedule import Fault, kinds_of, make_schedule
from .sequences import LONG, MAIN, REMADE, Stream
from .statements import Statements
from .system import System

_SETTLE_S: Final = 120.0
_REPLAYS: Final = 10
_MORE: Final = 2
"""Schedules after the first, while something was not hit."""

_APART: Final = 1 << 32
"""Between the seeds of one run's schedules."""

_COUNTERS: Final = (
    "worker_duplicates_skipped",
    "worker_lost_places",
    "worker_dead_letters",
    "worker_late_events",
    "worker_events_of_deleted",
    "worker_retries",
    "compactor_chunks_moved",
    "compactor_chunks_joined",
    "compactor_events_expired",
    "compactor_moves_stopped",
    "compactor_orphans_deleted",
)


class Report(Struct, kw_only=True):
    """What a run did. `missed` names what it should have hit and did not: then it proves nothing."""

    seed: int
    seconds: float
    events: int
    streams: int
    cold_events: int
    joined_chunks: int
    expired_lines: int
    sessions_moved_out: int
    hits: dict[str, int]
    counters: dict[str, int]
    passes: int
    answers: int
    records_checked: int
    lag_gone_after_s: float
    late_of_emitters: int
    ended_by_itself: dict[str, list[int]]
    missed: list[str]


class Run:
    """One run in a folder of its own, which must not be there yet."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        seconds: float,
        *,
        proxied: bool = False,
        over_http: bool = False,
        secured: bool = False,
        rate: float = 1.0,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._seed, self._seconds, self._rate, self._tell = seed, seconds, rate, tell
        self._system = System(folder, seed, cuts=proxied, over_http=over_http, secured=secured)
        self._kinds = {"proxied": proxied, "over_http": over_http}
        self._proxies = self._system.proxies
        self._accounts = Accounts(self._system.accounts)

    async def run(self) -> Report:
        """Raises Violation, or whatever else went wrong; all processes are gone then."""
        schedule = make_schedule(self._seed, self._seconds, **self._kinds)
        self._tell(f"seed {self._seed}, {self._seconds:g} s, {len(schedule)} faults")
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that the broker is away is no news here
        await asyncio.to_thread(load_conversions)  # the proxies of all workers run in this loop
        async with self._proxies:
            try:
                await self._system.up()
                await self._system.begin(workers=1, rate=self._rate)
                async with self._clients() as (mongo, store):
                    return await self._run(schedule, mongo, store)
            finally:
                await self._system.down()

    @contextlib.asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[Mongo, ObjectStore]]:
        """The reader's own, straight to the servers."""
        servers = self._system.servers
        mongo, store = open_mongo(servers), open_store(servers)
        try:
            async with store:
                yield mongo, store
        finally:
            await mongo.close()

    async def _run(self, schedule: list[Fault], mongo: Mongo, store: ObjectStore) -> Report:
        servers = self._system.servers
        self._reader = Reader(mongo, store, self._accounts)
        self._api = ApiReader(self._reader, self._system.api_url, self._seed)
        self._statements = Statements(servers, mongo)
        self._letters = LetterWriter(self._system, self._accounts)
        self._killers = Killers(self._system, self._statements, self._letters, self._reader)
        self._counted = Counted([self._system.compactor, *self._system.workers])
        beside = [asyncio.create_task(self._statements.follow()), asyncio.create_task(self._counted.follow())]
        try:
            await self._while_faults_happen(schedule)
            for more in range(1, _MORE + 1):
                if not (missed := self._not_hit()):
                    break
                self._tell(f"not hit yet: {', '.join(missed)}; more of the same")
                again = make_schedule(self._seed + more * _APART, self._seconds, **self._kinds)
                await self._while_faults_happen(again)
            lag_gone_after_s = await self._settle()
            await self._until_joined(mongo)
            self._tell("all is stored: comparing")
            await self._statements.check(self._reader)
            await Comparison(self._reader, self._accounts, mongo, store).run(
                self._system.api_url, self._killers.removed_at
            )
            await self._audit()
            self._check_ends()
            return self._report(lag_gone_after_s)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._api.close()

    async def _while_faults_happen(self, schedule: list[Fault]) -> None:
        began = monotonic()
        faults = asyncio.create_task(
            self._killers.run(schedule, lambda f: self._tell(f"{monotonic() - began:6.1f} s  {f.kind}"))
        )
        reading = asyncio.create_task(self._read_on())
        try:
            await asyncio.wait((faults, reading), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await faults
        finally:
            for task in (faults, reading):
                task.cancel()
            await asyncio.gather(faults, reading, return_exceptions=True)

    async def _read_on(self) -> None:
        while True:
            await self._reader.read_all()
            await self._api.ask_all()
            await self._statements.check(self._reader)

    async def _settle(self) -> float:
        """Emitters end, journals are sent, letters are replayed until none is left; then (10) lag goes to zero."""
        self._tell("faults are over: emitters end, journals are sent")
        self._proxies.calm()
        system = self._system
        for process in (system.compactor, system.workers[0]):
            if not process.runs:
                await process.begin()
        await asyncio.gather(*(emitter.end(90) for emitter in system.emitters))
        for number in range(len(system.emitters)):
            await system.mldash("sync", str(system.journal_of(number)))
        for _ in range(_REPLAYS):
            await self._until_no_lag()
            # On a slow machine the first letters may come when all faults are over.
            if not await self._letters_left() and (self._letters.replayed or not self._statements.letters):
                break
            await self._letters.replay(self._statements)
        began = monotonic()
        await self._until_no_lag()
        return monotonic() - began

    async def _until_no_lag(self) -> None:
        deadline = monotonic() + _SETTLE_S
        while (lag := await self._statements.lag()) != 0:
            if monotonic() > deadline:
                raise Violation(10, "lag", f"{lag} records are not stored {_SETTLE_S:g} s after the last fault")
            await asyncio.sleep(0.2)

    async def _until_joined(self, mongo: Mongo) -> None:
        """All that can be joined is: every full million of the long metric that has become cold."""
        stream = {"_id": LONG.id(self._reader.generations.get(LONG.prefix, 0))}
        deadline = monotonic() + _SETTLE_S
        while True:
            document = await mongo.streams.find_one(stream, {"cold": 1, "joined": 1, "next": 1})
            assert document is not None, "nobody ever wrote the long metric"
            if document["cold"] // CHUNK == document["next"] // CHUNK and document.get("joined", 0) >= (
                document["cold"] // SPAN * SPAN
            ):
                return
            if monotonic() > deadline:
                raise Violation(10, LONG, f"its full ranges are not cold and joined after {_SETTLE_S:g} s: {document}")
            await asyncio.sleep(0.2)

    async def _letters_left(self) -> bool:
        """Whether an event that a letter holds is not stored yet."""
        await self._statements.check(self._reader)
        return any(
            self._accounts.counts(who)[stream].returned > self._stored(stream, who)
            for who in self._letters.writers
            for stream in self._accounts.lives[who].streams
        )

    def _stored(self, stream: Stream, who: int) -> int:
        chain = self._reader.chain(stream)
        return 0 if chain is None else sum(1 for writer, _ in chain.events if writer == who)

    async def _audit(self) -> None:
        """What an operator would ask says the same: its exit code is 1 where anything is missing, double or damaged."""
        for prefix in (MAIN, REMADE):
            await self._system.mldash("audit", prefix, "--quiet")

    def _check_ends(self) -> None:
        """A component may end because a server is away when it starts, and says so in a line: never by a surprise."""
        for process in self._system.components():
            if b"Traceback (most recent call last)" in process.log.read_bytes():
                raise AssertionError(f"{process.name} met an error that nobody expected: {process.log}")

    def _hits(self) -> dict[str, int]:
        hits = {**self._killers.hits, "letters replayed": self._letters.replayed}
        return hits | (self._proxies.hits if self._proxies.cuts else {})

    def _not_hit(self) -> list[str]:
        """Kinds of faults, and what they are there for: on a slow machine a schedule may pass beside it."""
        cut = self._proxies.hits if self._proxies.cuts else {}
        wanted = [*kinds_of(**self._kinds), *cut]
        hits = self._hits()
        missed = [what for what in wanted if not hits.get(what)]
        # Beside a proxy a place is lost by chance: whoever would take it over is cut off as well. Over HTTP it is the
        # API that is put to the test: where it is away no records come that a paused worker's successor would store.
        by_chance = self._proxies.cuts or self._kinds["over_http"]
        counters = ["worker_duplicates_skipped"] + ([] if by_chance else ["worker_lost_places"])
        return missed + [name for name in counters if not self._counted[name]]

    def _report(self, lag_gone_after_s: float) -> Report:
        chains = [chain for stream in sequences.all_streams() if (chain := self._reader.chain(stream)) is not None]
        counters = {name: self._counted[name] for name in _COUNTERS}
        missed = self._not_hit()
        cold = sum(chain.cold for chain in chains if chain.stream.kind != "logs")
        expired = sum(chain.expired for chain in self._reader.chains.values())
        joined = self._reader.joined_chunks
        missed += [] if self._proxies.cuts or self._letters.replayed else ["no letter was replayed"]
        missed += [] if cold else ["nothing became cold"]
        missed += [] if joined else ["no chunks were joined"]
        missed += [] if expired else ["no log line expired"]
        missed += [] if self._reader.moved_out else ["no session was moved out of a snapshot"]
        late = sum(count for chain in chains for who, count in chain.late.items() if who not in self._letters.writers)
        return Report(
            seed=self._seed,
            seconds=self._seconds,
            events=sum(len(chain.events) for chain in chains),
            streams=len(chains),
            cold_events=cold,
            joined_chunks=joined,
            expired_lines=expired,
            sessions_moved_out=len(self._reader.moved_out),
            hits=self._hits(),
            counters=counters,
            passes=self._reader.passes,
            answers=self._api.answers,
            records_checked=self._statements.checked_records,
            lag_gone_after_s=lag_gone_after_s,
            late_of_emitters=late,
            ended_by_itself={one.name: one.ended_by_itself for one in self._system.components() if one.ended_by_itself},
            missed=missed,
        )
