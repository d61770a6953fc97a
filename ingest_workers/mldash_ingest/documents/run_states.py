"""The fold of run events, in index order: each session's start and end, and the descriptions that users gave.

Folded into the `data` of the runs stream's snapshot, under keys of ours:

  session/{session in hex}   SessionState
  about/{part}               Told: description, readme, tags or metadata of the experiment; the newest by (time,
  session,
                             seq) counts, so that the outcome is the same in whatever order ranks said it
"""

from typing import Any

import msgspec
from msgspec import Struct, field

from mldash.events.schema import Describe, End, Error, Start

RunEvent = Start | Describe | End
_ABOUT_PARTS = ("description", "readme", "tags", "metadata")

_ERROR_BYTES = 2 << 20
"""Of all errors of an experiment together; what comes later is kept with its type and the beginning of its message, so
that a run of very many processes that all fail fits into one document. The chain has each whole."""

_MESSAGE_CHARACTERS = 200

_encode = msgspec.msgpack.Encoder().encode


class SessionState(Struct, omit_defaults=True):
    """One process's emission. A resumed session starts again: its end is forgotten."""

    started: float = 0.0
    host: str = ""
    pid: int = 0
    rank: int | None = None
    user: str = ""
    ended: float | None = None
    status: str | None = None
    error: Error | None = None
    resume_key: str = ""
    after: list[str] = field(default_factory=list)


class Told(Struct, array_like=True):
    """A description: its value, time, session and seq."""

    time: float
    session: bytes
    seq: int
    value: Any

    @property
    def order(self) -> tuple[float, bytes, int]:
        return self.time, self.session, self.seq


class StoredRunEvent(Struct, array_like=True):
    """A run's event as a bucket holds it: with its name, for `newest` goes by it."""

    session: bytes
    seq: int
    event: RunEvent


_decode_state = msgspec.msgpack.Decoder(SessionState).decode
_decode_told = msgspec.msgpack.Decoder(Told).decode


class FoldedRuns:
    """Sessions and description of an experiment after any number of run events."""

    def __init__(self) -> None:
        self.sessions: dict[bytes, SessionState] = {}
        self.about: dict[str, Told] = {}
        self._error_bytes = 0

    def add(self, session: bytes, seq: int, event: RunEvent) -> None:
        """The next event of the chain."""
        if isinstance(event, Start):
            before = self.sessions.get(session)
            self._error_bytes -= _size(before.error) if before else 0
            self.sessions[session] = SessionState(
                before.started if before else event.time,
                event.host,
                event.pid,
                event.rank,
                event.user,
                resume_key=event.resume_key,
                after=event.after,
            )
        elif isinstance(event, End):
            state = self.sessions.setdefault(session, SessionState(event.time))
            self._error_bytes -= _size(state.error)
            state.ended, state.status, state.error = event.time, event.status, self._kept(event.error)
            self._error_bytes += _size(state.error)
        elif event.kind is None:
            for part in _ABOUT_PARTS:
                if (value := getattr(event, part)) is not None:
                    self._tell(part, Told(event.time, session, seq, value))

    def _kept(self, error: Error | None) -> Error | None:
        if error is None or self._error_bytes + _size(error) <= _ERROR_BYTES:
            return error
        return Error(error.type[:_MESSAGE_CHARACTERS], error.message[:_MESSAGE_CHARACTERS])

    def _tell(self, part: str, told: Told) -> None:
        before = self.about.get(part)
        if before is None or told.order > before.order:
            self.about[part] = told

    def to_items(self) -> list[tuple[str, bytes]]:
        sessions = [(f"session/{session.hex()}", _encode(state)) for session, state in self.sessions.items()]
        return sessions + [(f"about/{part}", _encode(told)) for part, told in self.about.items()]

    @classmethod
    def from_items(cls, items: list[tuple[str, bytes]]) -> "FoldedRuns":
        folded = cls()
        for key, value in items:
            role, _, rest = key.partition("/")
            if role == "session":
                state = _decode_state(value)
                folded.sessions[bytes.fromhex(rest)] = state
                folded._error_bytes += _size(state.error)
            else:
                folded.about[rest] = _decode_told(value)
        return folded


def _size(error: Error | None) -> int:
    return 0 if error is None else len(_encode(error))
