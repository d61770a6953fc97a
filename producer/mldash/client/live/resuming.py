"""Where a listener stands, and what it does when its stream breaks. No I/O.

An id says all positions, so coming back with the last one gives what follows it, once (docs/decisions/0030). An event
of the API may hold several streams: the id counts as reached when all of it was given to the user.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Final

from mldash.client.errors import LiveEnded
from mldash.errors import NotAllowed, RequestRefused, ServerUnreachable, TokenRefused
from mldash.process.clock import GrowingDelay

from .asked import LiveAsked
from .event_text import EventText
from .events import REFUSED, Changed, Closed, LiveEvent, events_of

_AGAIN: Final = (408, 429, 500, 502, 503, 504)
_FIRST_S, _MOST_S = 0.25, 10.0


class Resuming:
    """Of one listener. For one thread."""

    def __init__(self, asked: LiveAsked, after: str | None, address: str, patience_s: float) -> None:
        self.asked, self.patience_s = asked, patience_s
        self.id = after
        """Behind all that was given."""
        self.is_over = False
        self._address = address
        self._told = deque[tuple[LiveEvent, str | None]]()
        self._text = EventText()
        self._delay = GrowingDelay(_FIRST_S, _MOST_S)
        self.has_begun = False
        self._ending: LiveEnded | TokenRefused | NotAllowed | None = None
        self._lost_at: float | None = None

    def begins(self) -> None:
        """A connection is there. What was taken and not given yet is told: nothing of it comes again."""
        self._text, self.has_begun = EventText(), True

    @property
    def last(self) -> str | None:
        """The id to come back with."""
        return self._told[-1][1] if self._told else self.id

    def take(self, data: bytes) -> None:
        """Bytes of the connection. Raises RequestRefused for what is no event."""
        try:
            for sent in self._text.take(data):
                events = events_of(sent.name, sent.data)
                before = self.last
                id_ = sent.id or before
                for at, event in enumerate(events, 1):
                    self._told.append((event, id_ if at == len(events) else before))
                if id_ != before or sent.name == "up-to-date":  # state alone is no way forward
                    self._lost_at = None
                    self._delay.reset()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            detail = f"{self._address} sent no event of ours: {type(error).__name__}: {str(error)[:200]}"
            raise RequestRefused(200, "No API", detail) from error

    def next(self) -> LiveEvent | None:
        """What is to be given; None: nothing is there. Raises why the API has ended the stream."""
        if not self._told:
            if self._ending is not None:
                raise self._ending
            return None
        event, self.id = self._told.popleft()
        if isinstance(event, Closed) and not event.goes_on:
            self.is_over = True
            self._ending = _why(self._address, event.reason) if event.reason in REFUSED else None
        return event

    @property
    def has_more(self) -> bool:
        return bool(self._told) or self._ending is not None

    def broke(self, error: ServerUnreachable | RequestRefused | None) -> float:
        """The connection ended, or there was none: the seconds to wait for the next one.

        Raises the error where coming back is no use, or would have taken too long; None: the stream ended."""
        failed = error or ServerUnreachable(self._address, "the stream has ended")
        if isinstance(failed, RequestRefused) and failed.status not in _AGAIN:
            raise failed
        if not self.has_begun:
            raise failed
        now = monotonic()
        if self._lost_at is None:
            self._lost_at = now
        if now - self._lost_at > self.patience_s:
            raise failed
        asked_for = getattr(failed, "retry_after_s", None) or 0.0
        return max(self._delay.next(), min(asked_for, _MOST_S))

    def begins_with(self, asked: LiveAsked) -> None:
        """In place of what was asked for; nothing was asked of the API yet."""
        self.asked = asked
        self._told.append((Changed(change=0), self.id))

    def changes_to(self, asked: LiveAsked) -> None:
        """From now on."""
        self.asked = asked


def _why(address: str, reason: str) -> LiveEnded | TokenRefused | NotAllowed:
    if reason == "not-signed-in":
        return TokenRefused(address, "it was revoked, or has expired, while the stream was open")
    if reason == "not-allowed":
        return NotAllowed(address, "the right to read what is listened to was taken")
    return LiveEnded(reason)
