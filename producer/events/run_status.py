"""The status of an experiment follows from those of its sessions (docs/architecture.md, "A run of many processes").

The latest run is the sessions that started since none was live. It is RUNNING while any of them is; then the first that
applies of FAILED, LOST, PREEMPTED, CANCELLED, COMPLETED. A session is live until it has ended or its heartbeat has been
silent for `lost_after_s`. So a run that failed, was resumed and completed is COMPLETED.
"""

from collections.abc import Iterable

from msgspec import Struct

CREATED = "CREATED"
RUNNING = "RUNNING"
LOST = "LOST"
FINAL_ORDER = ("FAILED", LOST, "PREEMPTED", "CANCELLED", "COMPLETED")


class SessionTimes(Struct, frozen=True):
    """When a session started, last said that it lives, and ended, in seconds; `status` is that of its end."""

    started: float
    heartbeat: float
    ended: float | None = None
    status: str | None = None

    def status_at(self, now: float, lost_after_s: float) -> str:
        if self.ended is not None and self.status is not None:
            return self.status
        return LOST if now - self.heartbeat > lost_after_s else RUNNING

    def silent_from(self, lost_after_s: float) -> float:
        """From when on it is not live."""
        return self.ended if self.ended is not None else self.heartbeat + lost_after_s


def status_of_run(sessions: Iterable[SessionTimes], now: float, lost_after_s: float) -> str:
    """The experiment's status at `now`; CREATED while nothing has started."""
    statuses = {session.status_at(now, lost_after_s) for session in latest_run(sessions, lost_after_s)}
    if not statuses:
        return CREATED
    return RUNNING if RUNNING in statuses else next(status for status in FINAL_ORDER if status in statuses)


def latest_run(sessions: Iterable[SessionTimes], lost_after_s: float) -> list[SessionTimes]:
    """The sessions since the last moment at which none was live."""
    run: list[SessionTimes] = []
    silent = float("-inf")
    for session in sorted(sessions, key=lambda one: one.started):
        if session.started > silent:
            run = []
        run.append(session)
        silent = max(silent, session.silent_from(lost_after_s))
    return run
