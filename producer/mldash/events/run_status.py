"""The status of an experiment follows from those of its sessions (docs/architecture.md, "A run of many processes").

The latest run is the sessions that started since none was live. It is RUNNING while any of them is; then the first that
applies of FAILED, LOST, PREEMPTED, CANCELLED, COMPLETED. A session is live until it has ended or its heartbeat has been
silent for `lost_after_s`. So a run that failed, was resumed and completed is COMPLETED.

A session without an end, whose place another has taken, counts no more: `succeeded` says which these are.

A launcher that loses one process sends SIGTERM to the others, as a scheduler does that preempts all of them. So a run
that reads LOST or PREEMPTED is FAILED where one process of it vanished within a minute of another's preemption.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

CREATED = "CREATED"
RUNNING = "RUNNING"
LOST = "LOST"
_FINAL_ORDER = ("FAILED", LOST, "PREEMPTED", "CANCELLED", "COMPLETED")
_TOGETHER_S = 60.0
"""A process that vanishes and one that is preempted within this time have one cause."""


class SessionTimes(Struct, frozen=True):
    """When a session started, last said that it lives, and ended, in seconds of one clock; `status` is that of its end.

    What may succeed it: `host`, `rank` and `resume_key` are those of its start; `after` are the sessions that it found
    dead on its host, by their journals' locks, when it started.
    """

    started: float
    heartbeat: float
    ended: float | None = None
    status: str | None = None
    id: str = ""
    host: str = ""
    rank: int | None = None
    resume_key: str = ""
    after: tuple[str, ...] = ()
    is_dead: bool = False
    """Its process is known to be gone, whatever its last heartbeat."""

    @property
    def has_end(self) -> bool:
        return self.ended is not None and self.status is not None

    def status_at(self, now: float, lost_after_s: float) -> str:
        if self.ended is not None and self.status is not None:
            return self.status
        return LOST if self.is_dead or now - self.heartbeat > lost_after_s else RUNNING

    @property
    def last_lived(self) -> float:
        return self.ended if self.ended is not None and self.status is not None else self.heartbeat

    def silent_from(self, lost_after_s: float) -> float:
        """From when on it is not live."""
        if self.ended is not None:
            return self.ended
        return self.heartbeat if self.is_dead else self.heartbeat + lost_after_s


def succeeded(sessions: Collection[SessionTimes]) -> set[int]:
    """Places, in `sessions`, of those without an end whose place another session has taken.

    One takes another's place that it found dead on its host when it started; or the place of one with its rank, and its
    host or its resume key, whose heartbeat stopped before it started. Job id and restart count need not be the same:
    torchrun keeps the count at 0 when a node joins.
    """
    found_dead = {one for session in sessions for one in session.after}
    latest: dict[tuple[str, str, int | None], float] = {}
    for session in sessions:
        for place in _places(session):
            latest[place] = max(session.started, latest.get(place, session.started))
    return {
        at
        for at, session in enumerate(sessions)
        if not session.has_end
        and (session.id in found_dead or any(latest[place] > session.heartbeat for place in _places(session)))
    }


def attempts(sessions: Sequence[SessionTimes]) -> dict[int, int]:
    """Which attempt of its job each session is, from 1, by its place in `sessions`; only of those with a resume key.

    One more than the latest of the sessions with its resume key and rank that were over before it started: processes
    of one rank that run side by side are one attempt.
    """
    ranks = defaultdict[tuple[str, int | None], list[int]](list)
    for at, session in enumerate(sessions):
        if session.resume_key:
            ranks[session.resume_key, session.rank].append(at)
    numbers: dict[int, int] = {}
    for places in ranks.values():
        latest, going_on = 0, list[tuple[float, int]]()
        for at in sorted(places, key=lambda one: sessions[one].started):
            while going_on and going_on[0][0] <= sessions[at].started:
                latest = max(latest, heapq.heappop(going_on)[1])
            numbers[at] = latest + 1
            heapq.heappush(going_on, (sessions[at].last_lived, numbers[at]))
    return numbers


def status_of_run(sessions: Iterable[SessionTimes], now: float, lost_after_s: float) -> str:
    """The experiment's status at `now`; CREATED while nothing has started."""
    run = latest_run(sessions, lost_after_s)
    statuses = {session.status_at(now, lost_after_s) for session in run}
    if not statuses:
        return CREATED
    if RUNNING in statuses:
        return RUNNING
    status = next(status for status in _FINAL_ORDER if status in statuses)
    return "FAILED" if status == LOST and _vanished_at_a_preemption(run) else status


def latest_run(sessions: Iterable[SessionTimes], lost_after_s: float) -> list[SessionTimes]:
    """The sessions since the last moment at which none was live, without those that were succeeded."""
    known = list(sessions)
    gone = succeeded(known)
    run: list[SessionTimes] = []
    silent = float("-inf")
    for at, session in sorted(enumerate(known), key=lambda one: one[1].started):
        if session.started > silent:
            run = []
        if at in gone:
            silent = max(silent, session.heartbeat)
        else:
            run.append(session)
            silent = max(silent, session.silent_from(lost_after_s))
    return run


def _places(session: SessionTimes) -> list[tuple[str, str, int | None]]:
    """Values that a successor shares; an unknown host or key matches no session."""
    named = (("host", session.host), ("key", session.resume_key))
    return [(kind, name, session.rank) for kind, name in named if name]


def _vanished_at_a_preemption(run: Iterable[SessionTimes]) -> bool:
    """Of a process that is known to be dead it is not known when it died."""
    run = list(run)
    preempted = [one.ended for one in run if one.status == "PREEMPTED" and one.ended is not None]
    vanished = [one.heartbeat for one in run if not one.has_end and not one.is_dead]
    return any(abs(ended - last) <= _TOGETHER_S for ended in preempted for last in vanished)
