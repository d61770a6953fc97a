"""Who listens to this process's experiments: one question a process and API, which the API answers when that changes
(GET /v1/live/listened). Then delivery sends sooner (docs/decisions/0041-delivery-has-a-budget.md).

Training does not depend on it: where the API does not answer, has no room, or is of an earlier version, delivery keeps
to its budget, nobody is told, and it is asked again after a while.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Collection
from os import getpid
from random import SystemRandom
from time import monotonic

import msgspec

from mldash.answers.shapes import ListenedAnswer
from mldash.errors import MldashError, RequestRefused, ServerUnreachable
from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.clock import GrowingDelay
from mldash.process.locks import Bell
from mldash.settings import SdkSettings

from .opening import Opening
from .transport import Query, Transport

MOST_NAMED = 100
"""Experiments of one question: those that began last."""

_WAIT_S = 45.0
"""Shorter than the minute after which many proxies end a silent connection."""
_SILENT_S = _WAIT_S + 15.0
_FIRST_S = 0.5
"""Processes of a job begin together, and must not ask together; those that end at once ask nothing."""
_LEAST_S = 0.25
"""Between two questions."""
_AWAY_MOST_S = 60.0
_REFUSED_S, _BUSY_S = 300.0, 60.0
_MOST_BYTES = 1 << 20
_BUSY = frozenset({429, 503})

_decode = msgspec.msgpack.Decoder(ListenedAnswer).decode
_draw = SystemRandom().uniform
_numbers = itertools.count()


class ListenedWatch:
    """Of one session: `tell` gets whether somebody listens to the experiment, when that changes, from a thread."""

    def __init__(self, settings: SdkSettings, remote: str, prefix: str, tell: Callable[[bool], None]) -> None:
        self.prefix, self._tell = prefix, tell
        self.number = next(_numbers)
        self._question = _question_of(settings, remote)
        self._is_listened = False

    def start(self) -> None:
        self._question.add(self)

    def stop(self) -> None:
        """Nothing waits for its end."""
        self._question.drop(self)

    def hear(self, is_listened: bool) -> None:
        if is_listened != self._is_listened:
            self._is_listened = is_listened
            self._tell(is_listened)


class Question:
    """Of all sessions of a process that write to one API. Its thread lives as long as there are any."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._watches: dict[ListenedWatch, None] = {}
        self._one = threading.Lock()
        """Whose thread has it asks; only ever tried."""
        self._changed = Bell()
        self._opening: Opening | None = None
        self._state = ""
        self._asked_for: list[int] = []
        """Numbers of watches, for a question is out for long: it must not keep a session that has ended."""
        self._delay = GrowingDelay(first=1.0, most=_AWAY_MOST_S)

    def add(self, watch: ListenedWatch) -> None:
        self._watches[watch] = None
        self._ask_anew()
        if not self._one.locked():
            threads.begin(threading.Thread(target=self._run, name="mldash-listened", daemon=True))

    def drop(self, watch: ListenedWatch) -> None:
        """What is asked goes on for the others, and names it until the next question."""
        self._watches.pop(watch, None)
        if not self._watches:
            self._ask_anew()

    def _ask_anew(self) -> None:
        self._changed.ring()
        opening = self._opening
        if opening is not None:
            opening.cut()

    def _run(self) -> None:
        while self._watches and self._one.acquire(blocking=False):
            try:
                self._ask_on()
            finally:
                self._one.release()

    def _ask_on(self) -> None:
        attempts = Attempts("asking who listens")
        self._state, pause_s = "", _FIRST_S * _draw(0.5, 1.5)
        while self._pause(pause_s):
            pause_s = attempts.attempt(self._ask) or _REFUSED_S

    def _pause(self, seconds: float) -> bool:
        """Whether there is still something to ask. One that comes meanwhile is asked for a little later."""
        until = monotonic() + seconds
        while self._watches and (left := until - monotonic()) > 0:
            if self._changed.wait(left):
                until = min(until, monotonic() + _LEAST_S)
        return bool(self._watches)

    def _ask(self) -> float:
        """One question. The seconds until the next."""
        prefixes = self._name()
        begun, before = monotonic(), self._state
        try:
            answer = self._answer(prefixes)
        except (MldashError, msgspec.DecodeError) as error:
            if self._changed.wait(0):  # it was cut, for there is another one to ask
                return _LEAST_S
            self._state = ""
            self._tell(())
            return self._pause_after(error)
        self._state = answer["state"]
        self._tell(answer["listened"])
        if self._state == before and monotonic() - begun < _WAIT_S / 2:  # it did not wait: the API is about to stop
            return self._delay.next()
        self._delay.reset()
        return _LEAST_S

    def _name(self) -> list[str]:
        watches = [*self._watches][-MOST_NAMED:]
        numbers = [watch.number for watch in watches]
        if numbers != self._asked_for:  # who is new is told what the others know
            self._asked_for, self._state = numbers, ""
        return sorted({watch.prefix for watch in watches})

    def _answer(self, prefixes: list[str]) -> ListenedAnswer:
        """Raises ServerUnreachable, RequestRefused, DecodeError."""
        query: Query = {"prefixes": prefixes, "heard": self._state, "wait": _WAIT_S}
        opening = self._opening = Opening()
        try:
            with contextlib.closing(self._transport.open("/v1/live/listened", query, {}, _SILENT_S, opening)) as answer:
                body = bytearray()
                while data := answer.read():
                    body += data
                    if len(body) > _MOST_BYTES:
                        raise RequestRefused(200, "No API", f"more than {_MOST_BYTES} bytes came")
                return _decode(body)
        finally:
            self._opening = None

    def _tell(self, listened: Collection[str]) -> None:
        for watch in [*self._watches]:
            watch.hear(watch.prefix in listened)

    def _pause_after(self, error: Exception) -> float:
        if isinstance(error, RequestRefused) and error.status in _BUSY:
            return max(error.retry_after_s or 0.0, _BUSY_S) * _draw(1.0, 2.0)
        return self._delay.next() if isinstance(error, ServerUnreachable) else _REFUSED_S * _draw(1.0, 2.0)


_questions: dict[tuple[int, str, str | None, bool], Question] = {}


def _question_of(settings: SdkSettings, remote: str) -> Question:
    """This process's. A forked child has its own: its parent's thread and connection are not there."""
    key = (getpid(), remote, settings.token, settings.token_over_http)
    return _questions.setdefault(key, Question(Transport.of(settings, remote, keep=False)))
