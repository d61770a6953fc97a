"""Events of an API: one connection of its own, made again where it breaks."""

from __future__ import annotations

import secrets
from typing import Final

from mldash.errors import RequestRefused, ServerUnreachable
from mldash.process.locks import Bell, reentrant_lock
from mldash.remote.opening import Opening
from mldash.remote.streaming import EVENT_STREAM, OpenAnswer
from mldash.remote.transport import Query, Transport

from .asked import LiveAsked
from .events import LiveEvent
from .resuming import Resuming

_SILENT_S: Final = 45.0
"""The API says something every 15 s: a connection that is silent for so long has gone."""
_NAME_BYTES: Final = 18
_NO_CONTENT: Final = 204


class ApiEvents:
    """A LiveSource."""

    def __init__(
        self, transport: Transport, asked: LiveAsked, after: str | None, patience_s: float, *, changeable: bool
    ) -> None:
        self._transport = transport
        self._resuming = Resuming(asked, after, transport.address, patience_s)
        self._name = _new_name() if changeable else None
        self._answer: OpenAnswer | None = None
        self._opening: Opening | None = None
        self._lock = reentrant_lock()
        self._closing = Bell()
        self._is_closed = self._is_reading = False

    @property
    def id(self) -> str | None:
        return self._resuming.id

    def next(self) -> LiveEvent | None:
        with self._lock:
            self._is_reading = True
        try:
            return self._next()
        except BaseException:
            self._drop()  # what was read of an event is not whole
            raise
        finally:
            with self._lock:
                self._is_reading = False
            if self._is_closed:
                self._drop()

    def change(self, asked: LiveAsked) -> int:
        """Raises RuntimeError, as reads do."""
        if self._name is None:
            raise RuntimeError("what is listened to can be changed where it was asked for: live(…, changeable=True)")
        with self._lock:
            if not self._resuming.has_begun:
                self._resuming.begins_with(asked)
                return 0
        answer = self._transport.change("PUT", f"/v1/live/{self._name}", asked.document())
        # A stream that is made anew after the name was forgotten is one of this.
        self._resuming.changes_to(asked)
        return int(answer["change"])

    def close(self) -> None:
        self._is_closed = True
        self._closing.ring()
        with self._lock:
            if self._is_reading:
                if self._answer is not None:
                    self._answer.cut()
                elif self._opening is not None:
                    self._opening.cut()
                return
        self._drop()

    def _next(self) -> LiveEvent | None:
        resuming = self._resuming
        while not self._is_closed:
            event = resuming.next()
            if event is not None:
                if resuming.is_over:
                    self._drop()
                return event
            if resuming.is_over:
                return None
            self._read()
        return None

    def _read(self) -> None:
        """Bytes of the connection, or a wait for the next one."""
        resuming = self._resuming
        try:
            answer = self._answer or self._open()
            data = b"" if answer is None else answer.read()
        except (ServerUnreachable, RequestRefused) as error:
            self._wait(error)
            return
        if data:
            resuming.take(data)
        elif not resuming.is_over and not resuming.has_more:
            self._wait(None)

    def _open(self) -> OpenAnswer | None:
        """None: nothing more will come, or it was closed."""
        resuming = self._resuming
        while True:
            asked = resuming.asked
            query = {**asked.query(), "after": resuming.last, "id": self._name}
            answer = self._made(query)
            if answer is None:
                return None
            with self._lock:
                if self._is_current(asked):
                    if answer.status != _NO_CONTENT and answer.kind.startswith(EVENT_STREAM):
                        return self._begun(answer)
                    break
                self._name = _new_name()  # nothing of the former asking stands under this one
            answer.close()
        answer.close()
        if answer.status != _NO_CONTENT:
            detail = f"{self._transport.address} answered with {answer.kind or 'nothing'}"
            raise RequestRefused(200, "No API", detail)
        resuming.is_over = True
        return None

    def _made(self, query: Query) -> OpenAnswer | None:
        """None: it was closed."""
        opening = Opening()
        with self._lock:
            if self._is_closed:
                return None
            self._opening = opening
        try:
            return self._transport.open("/v1/live", query, {"Accept": EVENT_STREAM}, _SILENT_S, opening)
        finally:
            self._opening = None

    def _is_current(self, asked: LiveAsked) -> bool:
        """A change of a stream that has begun goes to the API, which knows of it at the next connection."""
        return self._resuming.asked is asked or self._resuming.has_begun or self._is_closed

    def _begun(self, answer: OpenAnswer) -> OpenAnswer:
        self._resuming.begins()
        self._answer = answer
        if self._is_closed:  # while it was opened
            answer.cut()
        return answer

    def _wait(self, error: ServerUnreachable | RequestRefused | None) -> None:
        self._drop()
        if not self._is_closed:
            self._closing.wait(self._resuming.broke(error))

    def _drop(self) -> None:
        with self._lock:
            answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()


def _new_name() -> str:
    return secrets.token_urlsafe(_NAME_BYTES)
