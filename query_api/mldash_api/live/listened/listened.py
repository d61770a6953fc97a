"""Which experiments are listened to, at whatever process of the API, and the processes that wait to hear of it."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Final

from mldash.answers.shapes import ListenedAnswer
from mldash_api import instruments
from mldash_api.live.asked import Asked
from mldash_api.live.errors import ProcessesFull
from mldash_ingest.documents.mongo import Mongo, PyMongoError

from .kept import KEPT_S, said_by, say, say_again, unsay, versions
from .named import listened_of, named_by, state_of

EVERY_S: Final = 0.25
"""So often what is listened to is said and looked at: a process hears of a listener within twice as long."""
STAYS_S: Final = 3.0
"""Who goes is counted for so long: a stream that is cut comes back, and who asks again and again is between two."""
MOST: Final = 5_000
"""Experiments that one process of the API says are listened to. Further ones keep to the budget."""


class _Question:
    """A training process that waits."""

    def __init__(self, prefixes: Sequence[str], state: str) -> None:
        self.prefixes, self.state = prefixes, state
        self.is_answered = asyncio.Event()


class Listened:
    """One a process of the API. `tend` is a step of a supervisor."""

    def __init__(self, mongo: Mongo, most_processes: int) -> None:
        self._mongo, self._most_processes = mongo, most_processes
        self._process = os.urandom(12)
        self._named = Counter[str]()
        """By how many listeners of this process."""
        self._stays = dict[str, float]()
        """Until when, by the monotonic clock."""
        self._said = frozenset[str]()
        self._version, self._say_again_at = 0, 0.0
        self._others = dict[bytes, tuple[int, frozenset[str]]]()
        self._all = frozenset[str]()
        self._looked_at = float("-inf")
        self._questions = set[_Question]()
        self._is_closing = False

    # Listeners of this process.

    def comes(self, asked: Asked) -> None:
        self._named.update(named_by(asked))

    def goes(self, asked: Asked) -> None:
        prefixes = named_by(asked)
        self._named.subtract(prefixes)
        gone = [prefix for prefix in prefixes if self._named[prefix] <= 0]
        for prefix in gone:
            del self._named[prefix]
        self.stay(gone)

    def stay(self, prefixes: Iterable[str]) -> None:
        """They count for STAYS_S."""
        until = monotonic() + STAYS_S
        for prefix in prefixes:
            if prefix in self._stays or len(self._stays) < MOST:
                self._stays[prefix] = until

    # Training processes.

    async def ask(self, prefixes: Sequence[str], state: str, wait_s: float) -> ListenedAnswer:
        """Which of these are listened to: at once where that is not `state`, else when it changes or the time is over.

        Raises ProcessesFull, what reads raise.
        """
        if self._is_closing or len(self._questions) >= self._most_processes:
            raise ProcessesFull(self._most_processes)
        question = _Question(prefixes, state)
        self._questions.add(question)
        instruments.live_processes.set(len(self._questions))
        try:
            if monotonic() - self._looked_at > 2 * EVERY_S:  # nobody has waited until now
                await self._look()
            self._answer([question])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await question.is_answered.wait()
        finally:
            self._questions.discard(question)
            instruments.live_processes.set(len(self._questions))
        listened = listened_of(prefixes, self._all)
        return ListenedAnswer(listened=listened, state=state_of(listened))

    async def tend(self) -> None:
        """Say what is listened to here, where that is new; look what others say, where somebody waits for it."""
        now = monotonic()
        self._stays = {prefix: until for prefix, until in self._stays.items() if until > now}
        await self._say(now)
        if self._questions:
            await self._look()
            self._answer(self._questions)

    def close(self) -> None:
        """Who waits is answered, and nobody comes in."""
        self._is_closing = True
        for question in self._questions:
            question.is_answered.set()

    async def unsay(self) -> None:
        """The process ends, and its listeners have gone."""
        if self._said:
            with contextlib.suppress(PyMongoError):  # then it expires
                await unsay(self._mongo, self._process)

    async def _say(self, now: float) -> None:
        named = frozenset(sorted({*self._named, *self._stays})[:MOST])
        if named != self._said:
            self._version += 1
            if named:
                await say(self._mongo, self._process, named, self._version)
            else:
                await unsay(self._mongo, self._process)
        elif not named or now < self._say_again_at:
            return
        elif not await say_again(self._mongo, self._process):  # it had expired: this process stood still
            await say(self._mongo, self._process, named, self._version)
        self._said, self._say_again_at = named, now + KEPT_S / 3

    async def _look(self) -> None:
        there = await versions(self._mongo)
        there.pop(self._process, None)
        known = {process: said for process, said in self._others.items() if there.get(process) == said[0]}
        if new := there.keys() - known.keys():
            known |= await said_by(self._mongo, new)
        self._others = known
        self._all = self._said.union(*(prefixes for _, prefixes in known.values()))
        self._looked_at = monotonic()

    def _answer(self, questions: Iterable[_Question]) -> None:
        """Those for whom it is another than they know."""
        for question in questions:
            if state_of(listened_of(question.prefixes, self._all)) != question.state:
                question.is_answered.set()
