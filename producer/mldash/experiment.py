"""`Experiment`: what a user holds. Its mode, its handles, its run, flush and close."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .callbacks import Callbacks
from .errors import JournalFull, JournalUnwritable
from .events.identity import experiment_id, parse_prefix
from .events.schema import Status
from .handles.handle import checked_about
from .handles.logs import Logs
from .handles.metrics import Metrics
from .handles.params import Params
from .handles.timestamps import Timestamps
from .handles.tracks import Tracks
from .mode import Mode, Reader, Writer, mode_of
from .process.environment import UnknownSetting, read_settings
from .process.locks import Registry, reentrant_lock
from .run import Run, about_event, end_run, start_event, status_of
from .session.disabled import NullWriter
from .session.jobs import with_job
from .settings import SdkSettings, with_whole_paths

if TYPE_CHECKING:
    from .remote.own_writes import OwnWrites
    from .session.session import Session

_SETTINGS = frozenset(SdkSettings.__struct_fields__)

_NOT_STARTED = (
    "the run of {prefix} is not started: use `with Experiment({prefix!r}).run as experiment:` "
    "or call experiment.run.start()"
)


class Experiment:
    """One experiment, named by its prefix `owner/project/…/name`: the same prefix is the same one, from any host.

        with Experiment("me/digits/baseline").run as experiment:
            experiment.params.set(lr=0.1)
            experiment.metrics("train").log(loss=0.5)

    Nothing is written, and no thread or socket exists, before the run is started. Every data call returns when the
    event is in the journal: microseconds, no network.
    """

    params: Params
    metrics: Metrics
    tracks: Tracks
    logs: Logs
    run: Run
    events: Callbacks
    """Functions of yours for lag, drops and network errors: `experiment.events.on("dropped", f)`."""

    def __init__(
        self,
        prefix: str | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        remote: str | None = None,
        mode: Mode | None = None,
        description: str | None = None,
        readme: str | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        token: str | None = None,
        **settings: Any,
    ) -> None:
        """`remote` (an API's address) makes the mode remote; otherwise it is local, under `root`. `mode="offline"`
        journals only, for `mldash sync`; `mode="disabled"` does nothing. What is not given comes from the environment
        (MLDASH_PREFIX, MLDASH_REMOTE, …); the other settings are those of settings.py.

        `{job}` in the prefix is the name of the scheduler's job, the same on all ranks and after a restart, and
        `{{job}}` is the text `{job}` (session/jobs.py).

        `readme` is the long text, `description` the short one; both, tags and metadata are sent when the run starts.

        Raises ValueError (a bad prefix, or none, or `{job}` outside of a job), SettingError (a wrong value of a
        setting), TypeError (an unknown keyword).
        """
        given = {"prefix": prefix, "remote": remote, "mode": mode, "token": token, **settings}
        given["root"] = None if root is None else os.fspath(root)
        for name in settings:
            if name not in _SETTINGS:
                raise TypeError(f"Experiment() got an unexpected keyword argument {name!r}")
        try:
            self.settings = read_settings(
                SdkSettings, "", given={name: value for name, value in given.items() if value is not None}
            )
        except UnknownSetting as error:
            raise TypeError(str(error)) from None
        if not self.settings.prefix:
            raise ValueError("no prefix: Experiment('owner/project/name'), or set MLDASH_PREFIX")
        self._prefix = parse_prefix(with_job(self.settings.prefix, os.environ))
        self.settings = with_whole_paths(self.settings)
        self._mode = mode_of(self.settings)
        self._about = checked_about(description, tags, metadata)
        if readme is not None:
            self._about["readme"] = checked_about(readme, None, None)["description"]
        self._lock = reentrant_lock()
        self._epoch = 0
        self._open: Writer | None = None
        self._opens_at_use = False  # one that was open where it was pickled (carried.py)
        self._session: Session | None = None
        self._timestamps = Timestamps()
        self._own_reader: Reader | None = None
        self.events = Callbacks()
        self.run = Run(self)
        self.params, self.metrics, self.tracks, self.logs = Params(self), Metrics(self), Tracks(self), Logs(self)
        _experiments.add(self)

    # -- names

    @property
    def prefix(self) -> str:
        """Without outer slashes."""
        return self._prefix.text

    @property
    def owner(self) -> str:
        return self._prefix.owner

    @property
    def project(self) -> str:
        return self._prefix.project

    @property
    def name(self) -> str:
        return self._prefix.name

    @property
    def id(self) -> str:
        """32 hexadecimal digits that follow from the prefix: the same on every host."""
        return experiment_id(self.prefix).hex()

    @property
    def mode(self) -> Mode:
        return self._mode

    def __repr__(self) -> str:
        return f"<Experiment {self.prefix} {self._mode} {self.run.own_status}>"

    def _repr_html_(self) -> str:
        """In a notebook: an SVG of what readers see of it now (docs/sdk.md, In a notebook). Never raises."""
        from .pictures.notebook import run_html

        return run_html(self.prefix, self.settings, self._reader)

    # -- data

    def log(self, message: object, level: str = "info", metadata: Mapping[str, Any] | None = None, **more: Any) -> None:
        """A line of the log; see `Logs.log`."""
        self.logs.log(message, level, metadata, **more)

    def flush(self, timeout: float | None = None) -> None:
        """The barrier: local, the files hold everything; remote, Kafka has acknowledged everything; offline, the
        journal is on the disk.

        `timeout` in seconds, None: close_timeout_s (60), `math.inf` waits. Raises TimeoutError with what is left.
        """
        session = self._session
        if session is not None:
            session.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """End the run, if it is open, as COMPLETED, and deliver; what is not delivered in time stays in the journal and
        is said in one line."""
        self.run._end("COMPLETED", None, timeout)

    def __enter__(self) -> Experiment:
        return self.run.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run.__exit__(kind, error, trace)

    async def __aenter__(self) -> Experiment:
        return self.run.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.run.__aexit__(kind, error, trace)

    def __reduce__(self) -> tuple[Any, ...]:
        """As prefix and settings without secrets; carried.py says what becomes of it where it is opened."""
        from .session.carried import carried

        return carried(self)

    def _open_again(self, settings: dict[str, Any], about: dict[str, Any], *, was_open: bool) -> None:
        """What `__init__` does, where it was carried to (carried.py): also for a class derived from this one."""
        Experiment.__init__(self, **settings)
        self._about, self._opens_at_use = about, was_open

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    # -- for the handles (handles.Owner)

    def _writer(self) -> Writer:
        writer = self._open
        if writer is None and self._opens_at_use:
            self.run.start()
            writer = self._open
        if writer is None:
            raise RuntimeError(_NOT_STARTED.format(prefix=self.prefix))
        return writer

    def _reader(self) -> Reader:
        reader = self._own_reader
        if reader is None:
            with self._lock:
                reader = self._own_reader = self._own_reader or self._make_reader()
        return reader

    # -- for the run

    def _begin(self) -> None:
        """Open the session, or join the one that is open in this process."""
        if self._mode == "disabled":
            self._set_open(NullWriter())
            return
        from .session import process_end
        from .session.registry import session_of

        session = session_of(self._prefix, self.settings, self.events, process_end.watch_child)
        self._session, status = session, self.run._status
        try:
            with session.lifecycle:
                session.openers.add(self)
                if session.run_start is None:
                    start = start_event(session)
                    session.append_run_event(start)
                    session.run_start = start
                session.begin_captures()
            about = about_event(self)
            if about is not None:
                session.append_run_event(about)
            self._set_open(session)
            process_end.watch(self)
            self.run._status = "RUNNING"
        except BaseException as error:  # a full journal, Ctrl-C: it has not begun, also for who opens the run next
            self.run._status = status
            self._leave(session, error)
            raise

    def _finish(self, status: Status, error: BaseException | str | None) -> Session | None:
        """This object's part of the run is over; the session that now has to deliver, where it was the last part."""
        self._set_open(None)
        session = self._session
        if session is None:
            return None
        with session.lifecycle:
            session.openers.discard(self)
            session.endings.append((status, error))
            return None if session.openers else end_run(session)

    def __del__(self) -> None:
        # Wherever the collector finds it, maybe within a call of ours: no lock, and nothing is written here. The object
        # lives on until its run is ended by another one, or by the process, and then tells what it has gathered.
        session = getattr(self, "_session", None)
        if session is not None and self.run.is_open:
            session.dropped.append(self)
            session.openers.discard(self)

    def _leave(self, session: Session, error: BaseException) -> None:
        """After a start that failed. Where the run is not open elsewhere, its events in the journal get an end."""
        with session.lifecycle:
            others = [opener for opener in session.openers if opener is not self]
            if others or self not in session.openers:
                session.openers.discard(self)
            else:
                with contextlib.suppress(JournalFull, JournalUnwritable, RuntimeError):
                    self._finish(status_of(error), error)
            self._set_open(None)

    def _set_open(self, writer: Writer | None) -> None:
        self._open, self._opens_at_use = writer, False
        self._epoch += 1  # after the writer: who sees the new epoch asks and gets the new writer

    def _make_reader(self) -> Reader:
        from .session.readers import make_reader

        return make_reader(self._mode, self._prefix, self.settings, self._sessions_that_wrote, self._own_events_stored)

    def _session_with_events(self) -> Session | None:
        session = self._session
        return session if session is not None and session.has_events else None

    def _sessions_that_wrote(self) -> Sequence[OwnWrites]:
        from .session.registry import sessions_that_wrote

        return sessions_that_wrote(self._prefix, self.settings)

    def _own_events_stored(self, wait: float | None) -> None:
        from .errors import NotYetStored

        session = self._session_with_events()
        wait = self.settings.read_wait_s if wait is None else wait
        if session is None or wait <= 0:
            return
        try:
            session.flush(wait)
        except TimeoutError as error:
            raise NotYetStored(session.missing(), wait) from error

    def _after_fork(self) -> None:
        self._own_reader = None  # another thread may have been in its middle; and its connections are the parent's
        self._epoch += 1


_experiments: Registry[Experiment] = Registry()


def _tell_all_that_this_is_a_child() -> None:
    for experiment in _experiments:
        experiment._after_fork()


os.register_at_fork(after_in_child=_tell_all_that_this_is_a_child)
