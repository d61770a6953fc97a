"""SIGTERM, and the signals by which a scheduler says that it will come. Both may come twice, and beside SIGCONT.

SIGTERM              what is logged is sent at once. The handler marks the runs as PREEMPTED; the handler before ours is
                     called, or, where that was the default, SystemExit(143) is raised in the main thread
  the main thread    is in C code, and no handler runs: a thread writes the ends of the runs, so that a process that is
  does not come      killed there was preempted and not lost. If it comes after all and goes on, so do its runs
  a second one       never cuts a delivery short, and within seconds it is the same request. Later, where nothing is
                     delivered, it raises again: somebody has caught the first
preemption_signals   all is sent, on a thread; the process goes on, and a handler before ours is called

A forked child has the handlers that were there before ours, until it logs or starts a run itself; SIGTERM waits while a
fork goes on (of 300 children that were terminated as they were forked 236 lived on without that). And daemonic children
of multiprocessing (a pool's and a loader's workers) never have ours: a handler of Python's runs when the interpreter
gets to it, and a worker that is terminated just as it waits for the pool's lock never does. The pool then waits for it
for ever (tried: one pool in some hundreds). They die at once instead; their journal holds what they have logged.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from mldash.callbacks import warn
from mldash.errors import MldashError
from mldash.events.schema import End
from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.locks import Flag
from mldash.process.processes import is_daemonic_child

from . import wakeup
from .grace import begin_grace, close_limit_s
from .registry import all_sessions, experiments

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from mldash.settings import SdkSettings

    from .session import Session

_FORK_WAIT_S = 0.01
_HANDLER_WAIT_S = 2.0
"""A main thread that does not come within it is in C code; if it was only slow, nothing is wrong either."""
_SAME_REQUEST_S = 5.0
_ANY_TIME_S = 3600.0

_before: Any = None
_handled_in: int | None = None
_masks: dict[int, set[int]] = {}
"""Thread → what it had blocked before it forked."""
_announcements: dict[int, Any] = {}
"""Signal of `preemption_signals` → the handler before ours."""
_has_come = Flag()
"""The handler has run."""
_asked_at: float | None = None
"""Monotonic: when SystemExit was raised."""
_is_leaving = False
_sending = Attempts("sending at a signal")
_sigterm_thread: threading.Thread | None = None


def watch_signals(settings: SdkSettings) -> None:
    """With the start of a run, and in a child that goes on in one. Does something in the main thread alone."""
    if threading.current_thread() is not threading.main_thread() or is_daemonic_child():
        return
    has_sigterm = settings.signals and _handle_sigterm()
    for name in settings.preemption_signals:
        _handle_announcement(signal.Signals[f"SIG{name}"])
    if has_sigterm or _announcements:
        wakeup.listen(_notice)


def leave() -> None:
    """The process ends, and delivers: SIGTERM asks for nothing more."""
    global _is_leaving
    _is_leaving = True


def is_preempted() -> bool:
    return _has_come.is_set()


def _handle_sigterm() -> bool:
    global _before, _handled_in
    current = signal.getsignal(signal.SIGTERM)
    if current is _on_sigterm:
        return True
    if current is signal.SIG_IGN or current is None:
        return False  # None: a handler that was not set from Python, and can't be called from here
    _before = current
    _handled_in = os.getpid()
    signal.signal(signal.SIGTERM, _on_sigterm)
    return True


def _handle_announcement(number: signal.Signals) -> None:
    current = signal.getsignal(number)
    if current is not _on_announcement and current is not None:
        _announcements[number] = current
        signal.signal(number, _on_announcement)


# -- handlers: they run in the main thread, between any two steps of it


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    global _asked_at
    if (thread := threading.get_ident()) in _masks:
        threading.Thread(target=_send_sigterm_after_fork, args=(thread,), daemon=True).start()
        return
    begin_grace()
    _has_come.set()
    for experiment in experiments:
        experiment.run._preempted = True
    wakeup.tell(number)
    if callable(_before):
        _before(number, frame)
        return
    now, asked_at = time.monotonic(), _asked_at
    if _is_leaving or (asked_at is not None and (now - asked_at < _SAME_REQUEST_S or _is_delivering())):
        return
    _asked_at = now
    raise SystemExit(128 + number)


def _on_announcement(number: int, frame: FrameType | None) -> None:
    wakeup.tell(number)
    if callable(before := _announcements.get(number)):
        before(number, frame)


def _is_delivering() -> bool:
    return any(session.waits for session in all_sessions())


# -- beside the main thread


def _notice(numbers: bytes) -> None:
    """On the thread that reads the wakeup: it has to go on reading."""
    global _sigterm_thread
    if signal.SIGTERM in numbers and signal.getsignal(signal.SIGTERM) is _on_sigterm:
        begin_grace()
        if _sigterm_thread is None or not _sigterm_thread.is_alive():
            _sigterm_thread = _begin(_see_to_sigterm)
    if any(number in _announcements for number in numbers):
        _begin(lambda: _sending.attempt(_flush))


def _begin(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, name="mldash-signal", daemon=True)
    threads.begin(thread)  # where none can begin, the process leaves, and delivers by itself
    return thread


def _see_to_sigterm() -> None:
    for session in all_sessions():
        if session.delivery is not None:
            session.delivery.wake()
    if _has_come.wait(_HANDLER_WAIT_S):
        if callable(_before):  # it may take all its time: what is there now is sent now
            _sending.attempt(_flush)
        return
    ended = _sending.attempt(_end_beside_main_thread) or []
    _sending.attempt(_flush)
    while not _has_come.wait(_ANY_TIME_S):
        pass
    if callable(_before):
        _sending.attempt(lambda: _go_on(ended))


def _end_beside_main_thread() -> list[Session]:
    """The ends are written to the journal, and nowhere else: to the main thread its runs are open."""
    ended = []
    for session in all_sessions():
        with session.lifecycle:
            if session.run_start is not None and session.has_events and not _has_come.is_set():
                session.append_run_event(End(time.time(), "PREEMPTED"))
                ended.append(session)
    return ended


def _go_on(ended: list[Session]) -> None:
    """A start behind an end takes that back."""
    for session in ended:
        with session.lifecycle:
            if session.run_start is not None:
                session.append_run_event(session.run_start)


def _flush() -> None:
    for session in all_sessions():
        try:
            session.flush(close_limit_s(session.settings))
        except (TimeoutError, MldashError) as problem:
            warn(f"{session.prefix.text}: {problem}")


# -- forks


def _hold_back_sigterm() -> None:
    """While a fork goes on. Python clears what has come to a child by then, and ignores what a hook of a fork raises: a
    child that is terminated as it is forked would go on, and a pool wait for it for ever."""
    if _handled_in == os.getpid():
        _masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, ())  # noted first: the handler looks
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))


def _let_sigterm_come() -> None:
    """One that has waited comes within this, where what it raises is ignored: the handler then sends it once more."""
    thread = threading.get_ident()
    if thread in _masks:
        signal.pthread_sigmask(signal.SIG_SETMASK, _masks[thread])
        del _masks[thread]


def _send_sigterm_after_fork(thread: int) -> None:
    while thread in _masks:
        time.sleep(_FORK_WAIT_S)
    time.sleep(_FORK_WAIT_S)  # the hooks of others
    os.kill(os.getpid(), signal.SIGTERM)


def _give_back_handlers() -> None:
    """In a forked child, whose main thread is the one that forked."""
    global _sigterm_thread, _asked_at, _has_come
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, _before)
    for number, before in _announcements.items():
        if signal.getsignal(number) is _on_announcement:
            signal.signal(number, before)
    _announcements.clear()
    _sigterm_thread, _asked_at, _has_come = None, None, Flag()
    _let_sigterm_come()
    _masks.clear()


os.register_at_fork(before=_hold_back_sigterm, after_in_parent=_let_sigterm_come, after_in_child=_give_back_handlers)
