"""An experiment's status follows from those of its sessions."""

from typing import Any

import pytest

from mldash.events.run_status import (
    CREATED,
    LOST,
    RUNNING,
    SessionTimes,
    attempts,
    latest_run,
    status_of_run,
    succeeded,
)

LOST_AFTER_S = 30.0


def ended(started: float, at: float, status: str) -> SessionTimes:
    return SessionTimes(started, at, at, status)


def status(sessions: list[SessionTimes], now: float = 1000.0) -> str:
    return status_of_run(sessions, now, LOST_AFTER_S)


def test_before_anything_has_started_it_is_created() -> None:
    assert status([]) == CREATED


def test_it_runs_while_any_session_does() -> None:
    assert status([ended(1, 990, "FAILED"), SessionTimes(2, 995)]) == RUNNING


def test_a_session_whose_heartbeat_is_silent_is_lost() -> None:
    assert status([SessionTimes(1, 969)]) == LOST
    assert status([SessionTimes(1, 971)]) == RUNNING


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["COMPLETED", "FAILED", "PREEMPTED"], "FAILED"),
        (["COMPLETED", "PREEMPTED", "CANCELLED"], "PREEMPTED"),
        (["COMPLETED", "CANCELLED"], "CANCELLED"),
        (["COMPLETED", "COMPLETED"], "COMPLETED"),
    ],
)
def test_of_sessions_that_ran_together_the_first_that_applies_counts(statuses: list[str], expected: str) -> None:
    sessions = [ended(number, 100, one) for number, one in enumerate(statuses)]
    assert status(sessions) == expected
    assert status(sessions[::-1]) == expected


def test_lost_comes_after_failed_and_before_preempted() -> None:
    assert status([SessionTimes(1, 100), ended(2, 300, "PREEMPTED")]) == LOST
    assert status([SessionTimes(1, 100), ended(2, 100, "FAILED")]) == "FAILED"


def test_a_run_that_failed_was_resumed_and_completed_is_completed() -> None:
    first, second = ended(1, 100, "FAILED"), ended(200, 300, "COMPLETED")
    assert status([first, second]) == "COMPLETED"
    assert latest_run([second, first], LOST_AFTER_S) == [second]


def test_a_session_that_started_while_another_was_live_is_of_the_same_run() -> None:
    sessions = [ended(1, 100, "FAILED"), ended(99, 200, "COMPLETED"), ended(150, 300, "COMPLETED")]
    assert latest_run(sessions, LOST_AFTER_S) == sessions
    assert status(sessions) == "FAILED"


def of(started: float, heartbeat: float, end: str | None = None, **more: Any) -> SessionTimes:
    given = {"id": f"{started}", "host": "h", **more}
    return SessionTimes(started, heartbeat, None if end is None else heartbeat, end, **given)


def test_killed_started_again_and_completed_is_completed() -> None:
    """The second began while the first, killed at 12, still counted as live."""
    assert status([of(1, 11), of(20, 50, "COMPLETED")], now=51) == "COMPLETED"
    assert status([of(1, 11), of(20, 50, "COMPLETED")]) == "COMPLETED"


def test_only_the_same_rank_on_the_same_host_or_of_the_same_job_takes_a_place() -> None:
    completed = [of(2, 90, "COMPLETED", rank=0), of(20, 80, "COMPLETED", rank=1)]
    assert status([of(1, 11, rank=1), *completed]) == "COMPLETED"
    assert status([of(1, 11, rank=3), *completed]) == LOST
    assert status([of(1, 11, rank=1, host="other"), *completed]) == LOST
    elsewhere = of(1, 11, rank=1, host="other", resume_key="slurm:7")
    again = of(20, 80, "COMPLETED", rank=1, resume_key="slurm:7")
    assert status([elsewhere, completed[0], again]) == "COMPLETED"


def test_one_that_was_found_dead_is_succeeded_whatever_its_heartbeat_and_rank() -> None:
    sessions = [of(1, 21, rank=1), of(20, 50, "COMPLETED", rank=0, after=("1",))]
    assert status(sessions, now=51) == "COMPLETED"
    assert succeeded(sessions) == {0}


def test_one_that_lives_beside_a_later_one_keeps_its_place() -> None:
    assert status([of(1, 48), of(20, 50, "COMPLETED")], now=51) == RUNNING
    assert status([of(1, 48), of(20, 50, "COMPLETED")]) == LOST


def test_what_has_ended_is_never_succeeded() -> None:
    assert status([of(1, 30, "FAILED"), of(20, 50, "COMPLETED", after=("1",))]) == "FAILED"


def test_a_run_is_failed_where_a_process_vanished_at_the_preemption_of_the_others() -> None:
    """As torchrun does it: the one is killed, and it ends the healthy ones by SIGTERM."""
    preempted = [of(1, 100, "PREEMPTED", rank=0), of(2, 101, "PREEMPTED", rank=1)]
    assert status([*preempted, of(3, 95, rank=2)]) == "FAILED"
    assert status(preempted) == "PREEMPTED"
    assert status([*preempted, of(3, 20, rank=2)]) == LOST


def test_it_is_not_known_when_a_process_died_that_is_known_to_be_dead() -> None:
    assert status([of(1, 100, "PREEMPTED", rank=0), of(3, 95, rank=2, is_dead=True)]) == LOST
    assert status([of(3, 999, is_dead=True)]) == LOST
    assert status([of(1, 1, is_dead=True, rank=1), of(0, 50, "COMPLETED", rank=0), of(9, 60, "COMPLETED", rank=1)]) == (
        "COMPLETED"
    )


def test_very_many_sessions_are_judged_in_one_pass() -> None:
    """A run of ten thousand processes that all begin again: counted by comparisons, it would be a hundred million."""
    many = [of(number, number, rank=number) for number in range(10_000)]
    again = [of(20_000 + number, 40_000, "COMPLETED", rank=number) for number in range(10_000)]
    assert len(succeeded([*many, *again])) == 10_000


def test_attempts_of_one_job_are_counted_for_each_rank() -> None:
    def of(started: float, until: float, rank: int | None, key: str = "slurm:7", status: str | None = None):  # type: ignore[no-untyped-def]
        return SessionTimes(started, until, until if status else None, status, rank=rank, resume_key=key)

    sessions = [
        of(21, 30, 0),  # the third of rank 0, told out of order
        of(1, 8, 0, status="PREEMPTED"),
        of(1, 9, 1),  # killed
        of(10, 20, 0, status="FAILED"),
        of(11, 20, 1),
        of(12, 20, 1, "slurm:8"),
        of(12, 20, 1, ""),
    ]
    assert attempts(sessions) == {0: 3, 1: 1, 2: 1, 3: 2, 4: 2, 5: 1}


def test_processes_of_a_rank_side_by_side_are_one_attempt() -> None:
    sessions = [SessionTimes(start, start + 5, resume_key="slurm:7") for start in (1, 2, 3, 10, 11)]
    assert attempts(sessions) == {0: 1, 1: 1, 2: 1, 3: 2, 4: 2}
