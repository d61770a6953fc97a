"""The sessions of this process: one for each prefix and place, however many `Experiment` objects write to it."""

from __future__ import annotations

from .callbacks import Callbacks
from .events.identity import Prefix
from .locks import reentrant_lock
from .mode import mode_of
from .session import Session
from .settings import SdkSettings

_ENDED_KEPT = 8

_sessions: dict[tuple[object, ...], Session] = {}
_ended: dict[tuple[object, ...], list[Session]] = {}
"""Closed sessions of this process, the latest few of each key: a read waits for what they wrote too."""
_sessions_lock = reentrant_lock()


def session_of(prefix: Prefix, settings: SdkSettings, callbacks: Callbacks) -> Session:
    """The session of this process for a prefix and where its events go; made anew after it was closed."""
    key = _key(prefix, settings)
    with _sessions_lock:
        session = _sessions.get(key)
        if session is None:
            # A handler that interrupts this may have made one meanwhile.
            made = Session(prefix, settings, mode_of(settings), callbacks, forget_session)
            session = _sessions.setdefault(key, made)
        session.callbacks.join(callbacks)
        return session


def sessions_that_wrote(prefix: Prefix, settings: SdkSettings) -> list[Session]:
    """The sessions of this process whose events a read must hold, also those that have ended."""
    key = _key(prefix, settings)
    with _sessions_lock:
        found = [*_ended.get(key, ()), *([_sessions[key]] if key in _sessions else [])]
    return [session for session in found if session.has_events]


def _key(prefix: Prefix, settings: SdkSettings) -> tuple[object, ...]:
    mode = mode_of(settings)
    where = settings.root if mode == "local" else (settings.remote, settings.kafka, settings.journal)
    return prefix.text, mode, where


def forget_session(session: Session) -> None:
    """After it was closed: the next event of the same prefix begins a new one."""
    with _sessions_lock:
        for key, known in [*_sessions.items()]:
            if known is session:
                del _sessions[key]
                _ended[key] = [*_ended.get(key, ()), session][-_ENDED_KEPT:]


def all_sessions() -> list[Session]:
    with _sessions_lock:
        return [*_sessions.values()]
