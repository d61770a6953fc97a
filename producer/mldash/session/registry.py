"""The sessions of this process: one for each prefix and place, however many `Experiment` objects write to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mldash.callbacks import Callbacks
from mldash.events.identity import Prefix
from mldash.mode import mode_of
from mldash.process.locks import Registry, reentrant_lock
from mldash.settings import SdkSettings

from .session import Session

if TYPE_CHECKING:
    from mldash.experiment import Experiment
    from mldash.remote.own_writes import OwnWrites

_ENDED_KEPT = 8
_KEYS_KEPT = 1_000

experiments: Registry[Experiment] = Registry()
"""Those that have started a run in this process, or in the one that it was forked from."""

_sessions: dict[tuple[object, ...], Session] = {}
_ended: dict[tuple[object, ...], list[OwnWrites]] = {}
"""What closed sessions of this process have written, of the latest few of each key, and of the latest keys: a read
waits for it too. A process may make ten thousand runs: nothing but these numbers is kept of one that has ended."""
_sessions_lock = reentrant_lock()


class EndedSession:
    """A closed session and its writes; all of them are in Kafka."""

    __slots__ = ("_written", "id")

    has_ended = True

    def __init__(self, session_id: bytes, written: dict[tuple[str, str | None], int]) -> None:
        self.id, self._written = session_id, written

    def flush(self, timeout: float | None = None) -> None:
        """Nothing is left to wait for."""

    def written(self) -> dict[tuple[str, str | None], int]:
        return self._written

    def missing(self) -> list[tuple[str, str | None, int]]:
        return []


def session_of(
    prefix: Prefix, settings: SdkSettings, callbacks: Callbacks, on_child: Callable[[Session], None]
) -> Session:
    """The session of this process for a prefix and where its events go; made anew after it was closed."""
    key = _key(prefix, settings)
    with _sessions_lock:
        session = _sessions.get(key)
        if session is None:
            # A handler that interrupts this may have made one meanwhile.
            made = Session(prefix, settings, mode_of(settings), callbacks, forget_session, on_child)
            session = _sessions.setdefault(key, made)
        session.callbacks.join(callbacks)
        return session


def sessions_that_wrote(prefix: Prefix, settings: SdkSettings) -> Sequence[OwnWrites]:
    """The sessions of this process whose events a read must hold, also those that have ended."""
    key = _key(prefix, settings)
    with _sessions_lock:
        session = _sessions.get(key)
        return [*_ended.get(key, ()), *([session] if session is not None and session.has_events else [])]


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
                if session.mode == "remote" and session.has_events:
                    of_key = [*_ended.pop(key, ()), _ended_of(session)][-_ENDED_KEPT:]
                    _ended[key] = of_key  # behind all others
        while len(_ended) > _KEYS_KEPT:
            del _ended[next(iter(_ended))]


def _ended_of(session: Session) -> OwnWrites:
    """Of which the broker has refused something stays as it is: its reads say so."""
    if not session.has_ended or session.was_refused:
        return session
    return EndedSession(session.id, session.written())


def all_sessions() -> list[Session]:
    with _sessions_lock:
        return [*_sessions.values()]


# What the parent has written is the parent's to wait for.
os.register_at_fork(after_in_child=_ended.clear)
