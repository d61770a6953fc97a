"""`experiment.run`: start, complete, fail, cancel; status. A run of one process; the experiment's own status follows
from those of all its processes (events/run_status.py)."""

from __future__ import annotations

import functools
import gc
import inspect
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import msgspec

from .callbacks import warn
from .errors import JournalFull, JournalUnwritable
from .events.limits import TRACEBACK_BYTES
from .events.schema import Describe, End, Error, Start, Status
from .handles.log_text import text_of
from .session.exit_codes import is_success
from .session.launchers import Placement, placement

if TYPE_CHECKING:
    from .experiment import Experiment
    from .session.session import Session

RunStatus = Literal["CREATED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "PREEMPTED", "LOST"]

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])

# Of several `Experiment` objects in one process that end one run, the first that applies counts.
_WORST = ("FAILED", "PREEMPTED", "CANCELLED", "COMPLETED")


_COLLECTOR_WAIT_S = 10.0


class Run:
    """The run of this process. `with experiment.run:` opens and ends it; so does `@experiment.run` on a function."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._status: RunStatus = "CREATED"
        self._preempted = False

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._experiment, "run")

    def _repr_html_(self) -> str:
        return self._experiment._repr_html_()

    @property
    def status(self) -> RunStatus:
        """CREATED, RUNNING, COMPLETED, FAILED, CANCELLED (KeyboardInterrupt) or PREEMPTED (SIGTERM).

        Of an object that has started its run: what that has come to; nothing is asked for it. Of one that has not: what
        readers see, over all processes of the experiment; there it may also be LOST (no heartbeat, and no end), and is
        CREATED before the first start.
        Raises, for an object that has not started its run, what reads raise: ServerUnreachable, NotYetStored.
        """
        if self._status != "CREATED":
            return self._status
        found = self._experiment._reader().experiment()
        return "CREATED" if found is None else cast(RunStatus, found["status"])

    @property
    def own_status(self) -> RunStatus:
        """That of this object alone; CREATED until it starts its run."""
        return self._status

    @property
    def is_open(self) -> bool:
        return self._status == "RUNNING"

    def start(self) -> Experiment:
        """Open the run and return the experiment. Harmless when it is open; after an end it goes on.

        Raises JournalUnwritable where no journal can be kept.
        """
        experiment = self._experiment
        with experiment._lock:
            if not self.is_open:
                experiment._begin()
                self._status = "RUNNING"
                self._preempted = False
        return experiment

    def complete(self) -> None:
        """End the run as COMPLETED. Delivers first, for the close timeout at most; harmless when it has ended."""
        self._end("COMPLETED", None)

    def fail(self, error: BaseException | str | None = None) -> None:
        """End the run as FAILED; the error's type, message and traceback are kept, a text as the message."""
        self._end("FAILED", error)

    def cancel(self) -> None:
        """End the run as CANCELLED."""
        self._end("CANCELLED", None)

    def __enter__(self) -> Experiment:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = status_of(error)
        if self._preempted:
            status = "PREEMPTED"
        try:
            self._end(status, error if status == "FAILED" else None)
        except (JournalFull, JournalUnwritable) as problem:
            if error is None:
                raise
            warn(f"how the run of {self._experiment.prefix} ended is not recorded: {problem}")

    async def __aenter__(self) -> Experiment:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio  # not at import time: it costs a third of all that is imported

        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def __call__(self, function: _FunctionT) -> _FunctionT:
        """`@experiment.run`: the function's call is the run."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
                async with self:
                    return await function(*args, **kwargs)

            return run_coroutine  # type: ignore[return-value]

        @functools.wraps(function)
        def run_function(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return run_function  # type: ignore[return-value]

    def _end(self, status: Status, error: BaseException | str | None, timeout: float | None = None) -> None:
        """Mark the end, then deliver; what is not delivered in time is said, never raised over the user's own error."""
        if not self.is_open:
            return
        session = self._mark_end(status, error)
        if session is not None:
            session.deliver_and_close(timeout)
        elif (open_session := self._experiment._session) is not None:
            self._deliver_part(open_session, timeout)

    def _deliver_part(self, session: Session, timeout: float | None) -> None:
        """The run goes on by another object of this process: what this one has logged is delivered all the same."""
        if hasattr(sys, "ps1") and session.openers:
            warn(
                f"the run of {self._experiment.prefix} goes on: another Experiment of this process has started it, and "
                "is still held by a name or by the notebook's Out"
            )
        try:
            session.flush(timeout)
        except TimeoutError as late:
            warn(f"{self._experiment.prefix}: {late}")

    def _mark_end(self, status: Status, error: BaseException | str | None) -> Session | None:
        """The session that now has to deliver; None where the run goes on by another object, or was not open."""
        experiment = self._experiment
        session = experiment._session
        if self.is_open and session is not None and len(session.openers) > 1:
            _collect()  # an experiment and its handles know each other: only the collector sees that it was dropped
        with experiment._lock:
            if not self.is_open:
                return None
            experiment.metrics._settle()
            self._status = status
            return experiment._finish(status, error)


class _Garbage:
    """What a collection has to find: it knows itself."""

    def __init__(self) -> None:
        self.itself = self


def _collect() -> None:
    """A whole collection that begins now. While another thread collects, gc.collect() returns at once, with nothing
    found: that one may have begun before the object that is looked for was dropped, and is waited for, a while."""
    until = time.monotonic() + _COLLECTOR_WAIT_S
    _Garbage()
    while not gc.collect() and time.monotonic() < until:
        time.sleep(0.001)
        _Garbage()


def end_run(session: Session) -> Session | None:
    """Write the end of a session's run, whose last part is over. Returns the session where it now has to deliver.

    Call it with the session's lifecycle lock.
    """
    while session.dropped:
        experiment = session.dropped.pop()
        if experiment.run.is_open:
            experiment.metrics._settle()
            experiment.run._status = session.endings[-1][0]
            experiment._set_open(None)
    session.end_captures()
    endings, session.endings = session.endings, []
    if not session.has_events:  # a forked child that has logged nothing has no run of its own
        return None
    status = worst([one for one, _ in endings])
    end, whole = _end_events(status, next((cause for one, cause in endings if one == status and cause), None))
    if whole is not None:
        fields = {"level": "error", "message": whole, "metadata": {"traceback_of": "the run"}}
        session.stream("logs").append(end.time, fields)
    if session.run_start is not None:
        session.append_run_event(end)
        session.run_start = None
    return session


def status_of(error: BaseException | None) -> Status:
    """The status of a run whose block was left by this exception."""
    if error is None or (isinstance(error, SystemExit) and is_success(error.code)):
        return "COMPLETED"
    asyncio = sys.modules.get("asyncio")
    if isinstance(error, KeyboardInterrupt) or (asyncio is not None and isinstance(error, asyncio.CancelledError)):
        return "CANCELLED"
    if isinstance(error, GeneratorExit):
        return "COMPLETED"
    return "FAILED"


def worst(statuses: list[Status]) -> Status:
    return min(statuses, key=_WORST.index)


def start_event(session: Session) -> Start:
    """This process, and what its run was started with."""
    from .session.succession import found_dead

    context: dict[str, Any] = {}
    user = ""
    if session.settings.capture_context:
        try:
            from .capture.run_context import gather
        except ImportError:
            context = {}
        else:
            context = gather()
        user = str(context.pop("user", "")) or _user()
    placed = placement(session.settings)
    if placed != Placement():
        context["launcher"] = msgspec.to_builtins(placed)
    return Start(
        time=time.time(),
        host=socket.gethostname(),
        pid=os.getpid(),
        rank=placed.rank,
        world_size=placed.world_size,
        user=user,
        context=context,
        resume_key=placed.resume_key,
        after=found_dead(session.journal_folder, session.prefix.text),
    )


def _end_events(status: Status, error: BaseException | str | None) -> tuple[End, str | None]:
    """The end, and the traceback in full where it is too long to stand in it."""
    if error is None:
        return End(time.time(), status), None
    if isinstance(error, str):
        return End(time.time(), status, Error("", _printable(error))), None
    whole = _printable("".join(traceback.format_exception(error)))
    cut = whole.encode()[-TRACEBACK_BYTES:].decode(errors="ignore")
    told = Error(type(error).__name__, text_of(error)[0][: 4 * TRACEBACK_BYTES], cut)
    return End(time.time(), status, told), whole if len(cut) < len(whole) else None


def about_event(experiment: Experiment) -> Describe | None:
    """The user's description of the experiment, if any."""
    about = experiment._about
    return Describe(time=time.time(), **about) if about else None


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _printable(text: str) -> str:
    """Without lone surrogates, which no encoding of ours takes."""
    return text.encode(errors="replace").decode()
