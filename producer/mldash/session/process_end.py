"""How a process ends: interpreter exit, SIGTERM, forked children. What can be delivered is, in a bounded time.

return from main, sys.exit()  atexit: the run is COMPLETED
sys.exit(3), sys.exit("no")   atexit: FAILED with it (exit_codes.py)
unhandled exception           atexit: FAILED with it; KeyboardInterrupt: CANCELLED
SIGTERM                       PREEMPTED: the handler before ours is called; where that was the default,
                              SystemExit(143) is raised in the main thread, so that `finally` and `with` do their work
SIGKILL, os._exit, a crash    nothing runs; the journal holds everything: the next process or `mldash sync` sends it
multiprocessing's children    a finalizer of multiprocessing: atexit does not run in them

What a front holds back for its next call (a row that is open) is written first: `call_before_end`.

Signals are seen to in signals.py.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING

from mldash.callbacks import warn
from mldash.delivery.delivery_line import DeliveryLine
from mldash.process.clock import Deadline
from mldash.process.locks import Registry
from mldash.run import end_run, status_of

from .exit_codes import left_with, watch_exits
from .grace import close_limit_s
from .registry import all_sessions, experiments
from .signals import is_preempted, leave, watch_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from mldash.experiment import Experiment

    from .session import Session

_installed_in: int | None = None
_before_end: list[Callable[[], object]] = []
_finalized_in: int | None = None
_looked_in: int | None = None
_sessions_of_child: Registry[Session] = Registry()
_last_error: object = None


def watch(experiment: Experiment) -> None:
    """With a run's start: its end is seen to. The signal handler is set in the main thread only, and once."""
    global _installed_in, _last_error
    experiments.add(experiment)
    if _installed_in is None:
        _installed_in = os.getpid()
        _last_error = getattr(sys, "last_value", None)
        atexit.register(end_all)
    session = experiment._session
    if session is not None and _is_child_of_multiprocessing():
        _end_with_child(session)
    if experiment.settings.signals:
        watch_exits()
    watch_signals(experiment.settings)


def call_before_end(call: Callable[[], object]) -> None:
    """Before the runs of this process end, and of each child that has inherited it; until `call_no_more`."""
    _before_end.append(call)


def call_no_more(call: Callable[[], object]) -> None:
    """Harmless where it was not to be called."""
    if call in _before_end:
        _before_end.remove(call)


def see_child_end() -> None:
    """By who holds something back: a child of multiprocessing that has written nothing has no session to be ended."""
    global _looked_in
    if _looked_in != os.getpid():
        _looked_in = os.getpid()
        if _is_child_of_multiprocessing():
            _finalize_child()


def _is_child_of_multiprocessing() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _call_before_end() -> None:
    for call in [*_before_end]:
        try:
            call()
        except Exception as error:  # the end goes on
            warn(f"what was open at the end could not be written: {error}")


def end_all() -> None:
    """Write what was held back, end what is still open, deliver within one close timeout, and close."""
    leave()
    error = _unhandled_error()
    _call_before_end()
    for experiment in experiments:
        if experiment.run.is_open:
            status = "PREEMPTED" if experiment.run._preempted else status_of(error)
            experiment.run._mark_end(status, error if status == "FAILED" else None)
    sessions = all_sessions()
    for session in sessions:
        _end_dropped(session, error)
    _deliver_all(sessions)


def _end_dropped(session: Session, error: BaseException | None) -> None:
    """Whose every object was dropped while its run was open: it ends with the process."""
    with session.lifecycle:
        if session.openers or not session.dropped:
            return
        status = "PREEMPTED" if is_preempted() else status_of(error)
        session.endings.append((status, error if status == "FAILED" else None))
        end_run(session)


def _deliver_all(sessions: list[Session]) -> None:
    """Within one deadline. Ctrl-C ends the wait for all of them: what is left is in their journals, and is said."""
    if not sessions:
        return
    limit_s = max(close_limit_s(session.settings) for session in sessions)
    deadline = Deadline(limit_s)
    line = DeliveryLine(lambda: sum(session.unsent_bytes() for session in sessions), limit_s)
    for session in sessions:
        try:
            session.deliver_and_close(deadline.left, line=line)
        except KeyboardInterrupt:
            deadline = Deadline(0.0)
    line.end()


def _unhandled_error() -> BaseException | None:
    """The end of the main thread: the exit that was asked for, or the exception that the interpreter has printed."""
    if (exit_asked := left_with()) is not None:
        return exit_asked
    if hasattr(sys, "ps1"):  # at a prompt every error is kept, and none is an end
        return None
    error = getattr(sys, "last_value", None)
    return error if error is not _last_error and isinstance(error, BaseException) else None


def watch_child(session: Session) -> None:
    """In a forked child that logs in the run that it has inherited."""
    _end_with_child(session)
    watch_signals(session.settings)


def _end_with_child(session: Session) -> None:
    _finalize_child()
    _sessions_of_child.add(session)


def _finalize_child() -> None:
    """In a child of multiprocessing: that may end it by os._exit, after its own finalizers."""
    global _finalized_in, _sessions_of_child
    util = sys.modules.get("multiprocessing.util")
    if util is not None and _finalized_in != os.getpid():
        _finalized_in = os.getpid()
        _sessions_of_child = Registry()  # a fork has copied the parent's
        util.Finalize(None, _end_child, args=(os.getpid(),), exitpriority=10)


def _end_child(pid: int) -> None:
    if os.getpid() == pid:
        _call_before_end()  # first: it may begin a session
        for session in _sessions_of_child:
            _end_session_of_child(session)


def _end_session_of_child(session: Session) -> None:
    error = sys.exc_info()[1]
    for experiment in experiments:
        if experiment.run.is_open and experiment._session is session:
            status = status_of(error)
            experiment.run._mark_end(status, error if status == "FAILED" else None)
    _end_dropped(session, error)
    session.deliver_and_close(None)
