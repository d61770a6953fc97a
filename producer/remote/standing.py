"""Whether what this process writes still counts, asked of the API now and then.

Kafka takes the events of a session whose experiment was deleted (mldash rm) like any others, and workers drop them: who
only writes would never hear of it. A thread of its own asks, for neither log() nor the publisher may wait for the API.
"""

import threading
from random import SystemRandom
from typing import Final

from mldash.producer import threads
from mldash.producer.answers.shapes import Standing, StandingAnswer
from mldash.producer.attempts import Attempts
from mldash.producer.callbacks import Callbacks
from mldash.producer.errors import MldashError
from mldash.producer.locks import Flag

from .transport import Transport

HEARTBEATS_A_LOOK: Final = 6
"""A minute by default, more or less: the processes of a job begin together, and must not ask together."""

_draw = SystemRandom().uniform


def ask_standing(transport: Transport, prefix: str, session: bytes) -> Standing:
    """Raises ServerUnreachable, RequestRefused."""
    answer: StandingAnswer = transport.get("/v1/sessions/standing", {"prefix": prefix, "session": session.hex()})
    return answer["standing"]


class StandingWatch:
    """Asks for one session, by a transport that keeps no connection (thousands of processes would each hold one for a
    question a minute), until the answer is that its experiment was deleted; then it is told, once."""

    def __init__(
        self, transport: Transport, prefix: str, session: bytes, heartbeat_s: float, callbacks: Callbacks
    ) -> None:
        self._transport, self._callbacks = transport, callbacks
        self._prefix, self._session = prefix, session
        self._every_s = HEARTBEATS_A_LOOK * heartbeat_s
        self._stopping = Flag()
        self._thread = threading.Thread(target=self._run, name="mldash-standing", daemon=True)

    def start(self) -> None:
        threads.begin(self._thread)

    def stop(self) -> None:
        """It ends by itself; nothing waits for it, for it may be waiting for the API."""
        self._stopping.set()

    def _run(self) -> None:
        attempts = Attempts("asking whether the experiment is still there")
        while not self._stopping.wait(self._every_s * _draw(0.5, 1.5)):
            if attempts.attempt(self._is_deleted):
                self._callbacks.deleted(self._prefix)
                return

    def _is_deleted(self) -> bool:
        try:
            return ask_standing(self._transport, self._prefix, self._session) == "deleted"
        except MldashError:
            return False  # not known now: that servers are away is told by who needs them, and it is asked again
