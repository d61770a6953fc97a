"""How a process ends: interpreter exit, SIGTERM, forked children. What can be delivered is, in a bounded time.

return from main, sys.exit()  atexit: the run is COMPLETED
sys.exit(3), sys.exit("no")   atexit: FAILED with it (exit_codes.py)
unhandled exception           atexit: FAILED with it; KeyboardInterrupt: CANCELLED
SIGTERM                       PREEMPTED: the handler before ours is called; where that was the default,
                              SystemExit(143) is raised in the main thread, so that `finally` and `with` do their work
SIGKILL, os._exit, a crash    nothing runs; the journal holds everything: the next process or `mldash sync` sends it
multiprocessing's children    a finalizer of multiprocessing: atexit does not run in them

What a front holds back for its next call (a row that is open) is written first: `call_before_end`.

A forked child has the handler that was there before ours, until it logs or starts a run itself; SIGTERM waits while a
fork goes on (of 300 children that were terminated as they were forked 236 lived on without that). And daemonic children
of multiprocessing (a pool's and a loader's workers) never have ours: a handler of Python's runs when the interpreter
gets to it, and a worker that is terminated just as it waits for the pool's lock never does. The pool then waits for it
for ever (tried: one pool in some hundreds). They die at once instead; their journal holds what they have logged.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from mldash.callbacks import warn
from mldash.delivery.delivery_line import DeliveryLine
from mldash.process.clock import Deadline
from mldash.process.locks import Registry
from mldash.process.processes import is_daemonic_child
from mldash.run import end_run, status_of

from .exit_codes import left_with, watch_exits
from .registry import all_sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from mldash.experiment import Experiment

    from .session import Session

_FORK_WAIT_S = 0.01

_experiments: Registry[Experiment] = Registry()
_installed_in: int | None = None
_before_end: list[Callable[[], object]] = []
_finalized_in: int | None = None
_looked_in: int | None = None
_sessions_of_child: Registry[Session] = Registry()
_last_error: object = None
_before: Any = None
_handled_in: int | None = None
_masks: dict[int, set[int]] = {}
"""Thread → what it had blocked before it forked."""
_leaving = False
_is_preempted = False


def watch(experiment: Experiment) -> None:
    """With a run's start: its end is seen to. The signal handler is set in the main thread only, and once."""
    global _installed_in, _last_error
    _experiments.add(experiment)
    if _installed_in is None:
        _installed_in = os.getpid()
        _last_error = getattr(sys, "last_value", None)
        atexit.register(end_all)
    session = experiment._session
    if session is not None and _is_child_of_multiprocessing():
        _end_with_child(session)
    if experiment.settings.signals:
        watch_exits()
        _handle_sigterm()


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
    global _leaving
    _leaving = True
    error = _unhandled_error()
    _call_before_end()
    for experiment in _experiments:
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
        status = "PREEMPTED" if _is_preempted else status_of(error)
        session.endings.append((status, error if status == "FAILED" else None))
        end_run(session)


def _deliver_all(sessions: list[Session]) -> None:
    """Within one deadline. Ctrl-C ends the wait for all of them: what is left is in their journals, and is said."""
    if not sessions:
        return
    limit_s = max(session.settings.close_timeout_s for session in sessions)
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
    if session.settings.signals:
        _handle_sigterm()


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
    for experiment in _experiments:
        if experiment.run.is_open and experiment._session is session:
            status = status_of(error)
            experiment.run._mark_end(status, error if status == "FAILED" else None)
    _end_dropped(session, error)
    session.deliver_and_close(None)


def _handle_sigterm() -> None:
    global _before, _handled_in
    if threading.current_thread() is not threading.main_thread() or is_daemonic_child():
        return
    current = signal.getsignal(signal.SIGTERM)
    if current is _on_sigterm or current is signal.SIG_IGN or current is None:
        return  # None: a handler that was not set from Python, and can't be called from here
    _before = current
    _handled_in = os.getpid()
    signal.signal(signal.SIGTERM, _on_sigterm)


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


def _give_back_sigterm() -> None:
    """In a forked child, whose main thread is the one that forked."""
    if signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, _before)
    _let_sigterm_come()
    _masks.clear()


os.register_at_fork(before=_hold_back_sigterm, after_in_parent=_let_sigterm_come, after_in_child=_give_back_sigterm)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    global _is_preempted
    if (thread := threading.get_ident()) in _masks:
        threading.Thread(target=_send_sigterm_after_fork, args=(thread,), daemon=True).start()
        return
    _is_preempted = True
    again = all(experiment.run._preempted for experiment in _experiments if experiment.run.is_open)
    for experiment in _experiments:
        experiment.run._preempted = True
    if callable(_before):
        _before(number, frame)
    elif _leaving or (again and any(experiment.run.is_open for experiment in _experiments)):
        # Asked twice, or asked while it leaves: at once. The journal keeps what is not delivered.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    else:
        raise SystemExit(128 + number)
