"""The index of this process: the table, how far it is behind MongoDB, and the threads that work on it.

One lock is between those who read the table and the one who follows the changes: both hold it for milliseconds.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, time
from typing import Final, TypeVar

from mldash.events.run_status import SessionTimes
from mldash_api import instruments
from mldash_api.run_errors import IndexBuilding, QueryTooLong

from .documents import Facts, context_of, life_of, metadata_of, plain_of
from .loading import Loaded, LoadedPlain, LoadedStream
from .table import PLAIN, Part, RunTable, Values
from .visible import Visible

_THREADS: Final = 2
"""Each holds Python's lock while it does not work on arrays: more of them would leave requests less of it."""

_Answer = TypeVar("_Answer")


class Deadline:
    """Of one request: `check` raises once the time is up, or nobody waits any more."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s, self._until, self._is_left = limit_s, monotonic() + limit_s, False

    def leave(self) -> None:
        """Who asked is gone."""
        self._is_left = True

    def check(self) -> None:
        """Raises QueryTooLong."""
        if self._is_left or monotonic() > self._until:
            raise QueryTooLong(self._limit_s)


class RunIndex:
    """Empty until the follower has read everything once (following.py). Times are seconds since the epoch."""

    def __init__(self, lost_after_s: float, timeout_s: float) -> None:
        self.lost_after_s, self._timeout_s = lost_after_s, timeout_s
        self.table = RunTable()
        self.visible = Visible()
        self.lock = threading.Lock()
        self.changes = 0
        """Counts up whenever the table may be another."""
        self.wanted, self.built = asyncio.Event(), asyncio.Event()
        self.as_of = 0.0
        """Every change that MongoDB had at this time is in the table."""
        self.build_s = 0.0
        self.trouble = ""
        """By what the follower failed last; "" while it follows."""
        self._live: dict[bytes, tuple[float, Facts, list[SessionTimes]]] = {}
        """Runs whose status changes as time goes on: when it does next."""
        self._threads = ThreadPoolExecutor(_THREADS)

    def close(self) -> None:
        """Work that has not begun is left."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, work: Callable[[RunTable, Callable[[], None]], _Answer]) -> _Answer:
        """What `work` makes of the table, in a thread and alone with it. Builds the index where nobody has asked yet.

        Raises IndexBuilding where that takes longer than a request may, QueryTooLong.
        """
        await self.ready()
        return await self.aside(lambda check: self._locked(work, check))

    async def ready(self) -> None:
        """Raises IndexBuilding."""
        self.wanted.set()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self.built.wait()
        except TimeoutError:
            raise IndexBuilding(len(self.table), self.trouble) from None

    async def aside(self, work: Callable[[Callable[[], None]], _Answer]) -> _Answer:
        """What `work` makes, in a thread, of what it holds itself."""
        deadline = Deadline(self._timeout_s)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, deadline.check)
        finally:
            deadline.leave()

    def _locked(self, work: Callable[[RunTable, Callable[[], None]], _Answer], check: Callable[[], None]) -> _Answer:
        with self.lock:
            check()
            return work(self.table, check)

    # What follows is called by the follower alone.

    async def change(self, apply: Callable[[], None]) -> None:
        """Change the table, alone with it."""

        def locked() -> None:
            with self.lock:
                apply()

        await asyncio.get_running_loop().run_in_executor(self._threads, locked)

    def start_anew(self) -> None:
        """Forget everything."""
        self.table, self.visible, self._live = RunTable(), Visible(), {}
        self.changes += 1

    def put(self, loaded: Sequence[Loaded]) -> None:
        """Whole runs, in the place of what was known of them."""
        now = time()
        self.changes += bool(loaded)
        for one in loaded:
            row = self.table.begin(one.facts.run)
            for part, values in [*one.parts, *self._plain_parts(one.facts, one.times, one.updated, now)]:
                self.table.note(row, part, values)
        self.table.write_noted()

    def put_plain(self, loaded: Sequence[LoadedPlain]) -> None:
        """Of runs that are there in the same generation."""
        self.changes += bool(loaded)
        for one in loaded:
            row = self._row(one.facts.run.id, one.facts.run.generation)
            if row is not None:
                self._put_plain(row, one.facts, one.times, one.updated)

    def put_streams(self, loaded: Sequence[LoadedStream]) -> None:
        """Likewise."""
        self.changes += bool(loaded)
        for one in loaded:
            row = self._row(one.experiment, one.generation)
            if row is None:
                continue
            if one.part is not None:
                self.table.replace(row, *one.part)
            before = self._updated(row)
            if one.updated is not None and (before is None or one.updated > before):
                self.table.set_plain(row, "updated", one.updated)

    def remove(self, ids: Sequence[bytes]) -> None:
        self.changes += bool(ids)
        for id_ in ids:
            self.table.remove(id_)
            self._live.pop(id_, None)

    def refresh(self, now: float) -> None:
        """The status of runs that have become LOST by now."""
        for id_, (changes_at, facts, times) in list(self._live.items()):
            row = self._row(id_, facts.run.generation)
            if row is None:
                del self._live[id_]
            elif now > changes_at:
                self.changes += 1
                self._put_plain(row, facts, times, None, now)

    def generation_of(self, id_: bytes) -> int | None:
        """None: it is not there."""
        row = self.table.rows.get(id_)
        run = None if row is None else self.table.runs[row]
        return None if run is None else run.generation

    def at(self, moment: float) -> None:
        """All changes up to this time are in the table."""
        self.as_of = max(self.as_of, moment)
        instruments.index_runs.set(len(self.table))
        instruments.index_lag.set(max(0.0, time() - self.as_of))

    def _row(self, id_: bytes, generation: int) -> int | None:
        row = self.table.rows.get(id_)
        run = None if row is None else self.table.runs[row]
        return row if run is not None and run.generation == generation else None

    def _updated(self, row: int) -> float | None:
        column = self.table.columns.get(PLAIN, {}).get("updated")
        try:
            return None if column is None else float(column.value(row))
        except KeyError:
            return None

    def _put_plain(
        self, row: int, facts: Facts, times: list[SessionTimes], updated: float | None, now: float | None = None
    ) -> None:
        newest = max((at for at in (updated, self._updated(row)) if at is not None), default=None)
        for part, values in self._plain_parts(facts, times, newest, time() if now is None else now):
            self.table.replace(row, part, values)

    def _plain_parts(
        self, facts: Facts, times: list[SessionTimes], updated: float | None, now: float
    ) -> list[tuple[Part, Values]]:
        life = life_of(times, now, self.lost_after_s)
        plain = plain_of(facts, life)
        if updated is not None:
            plain["updated"] = updated
        if life.changes_at < float("inf"):
            self._live[facts.run.id] = life.changes_at, facts, times
        else:
            self._live.pop(facts.run.id, None)
        return [
            (PLAIN, plain),
            ("context", context_of(facts.runs, life)),
            ("metadata", metadata_of(facts.runs)),
        ]
