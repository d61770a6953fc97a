"""The fate of this process's events, asked of the API now and then: whether they count, and which were set aside.

Kafka takes the events of a session whose experiment was deleted (mldash rm) like any others, and workers drop them: a
process that only writes would never learn of it, nor of events that the servers could not store. A thread of its own
asks, for neither log() nor the publisher may wait for the API.
"""

import threading
from random import SystemRandom
from typing import Final

from mldash.answers.shapes import Standing, StandingAnswer
from mldash.callbacks import Callbacks
from mldash.errors import MldashError
from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.locks import Flag

from .transport import Transport

_HEARTBEATS_A_LOOK: Final = 6
"""A minute by default, more or less: the processes of a job begin together, and must not ask together."""

_draw = SystemRandom().uniform


def ask(transport: Transport, prefix: str, session: bytes) -> StandingAnswer:
    """Raises ServerUnreachable, RequestRefused."""
    answer: StandingAnswer = transport.get("/v1/sessions/standing", {"prefix": prefix, "session": session.hex()})
    return answer


def ask_standing(transport: Transport, prefix: str, session: bytes) -> Standing:
    """Raises ServerUnreachable, RequestRefused."""
    return ask(transport, prefix, session)["standing"]


class StandingWatch:
    """Asks for one session, by a transport that keeps no connection (thousands of processes would each hold one for a
    question a minute), until the answer is that its experiment was deleted; then it is told, once. What was set aside
    is told each time when it is more."""

    def __init__(
        self, transport: Transport, prefix: str, session: bytes, heartbeat_s: float, callbacks: Callbacks
    ) -> None:
        self._transport, self._callbacks = transport, callbacks
        self._prefix, self._session = prefix, session
        self._every_s = _HEARTBEATS_A_LOOK * heartbeat_s
        self._dead_lettered = 0
        self._stopping = Flag()
        self._thread = threading.Thread(target=self._run, name="mldash-standing", daemon=True)

    def start(self) -> None:
        threads.begin(self._thread)

    def stop(self) -> None:
        """It ends by itself; nothing waits for it, for it may be waiting for the API."""
        self._stopping.set()

    def _run(self) -> None:
        attempts = Attempts("asking what became of what was written")
        while not self._stopping.wait(self._every_s * _draw(0.5, 1.5)):
            if attempts.attempt(self._is_deleted):
                self._callbacks.deleted(self._prefix)
                return

    def _is_deleted(self) -> bool:
        try:
            answer = ask(self._transport, self._prefix, self._session)
        except MldashError:
            return False  # not known now: that servers are away is told by who needs them, and it is asked again
        if (count := answer.get("deadLettered", 0)) > self._dead_lettered:  # servers of before say nothing of it
            self._dead_lettered = count
            self._callbacks.dead_lettered(self._prefix, count, answer.get("deadLetterReason", ""))
        return answer["standing"] == "deleted"
