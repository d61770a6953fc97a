"""An experiment's status follows from those of its sessions."""

import pytest

from mldash.producer.events.run_status import CREATED, LOST, RUNNING, SessionTimes, latest_run, status_of_run

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
    assert status([SessionTimes(1, 100), ended(2, 100, "PREEMPTED")]) == LOST
    assert status([SessionTimes(1, 100), ended(2, 100, "FAILED")]) == "FAILED"


def test_a_run_that_failed_was_resumed_and_completed_is_completed() -> None:
    first, second = ended(1, 100, "FAILED"), ended(200, 300, "COMPLETED")
    assert status([first, second]) == "COMPLETED"
    assert latest_run([second, first], LOST_AFTER_S) == [second]


def test_a_session_that_started_while_another_was_live_is_of_the_same_run() -> None:
    sessions = [ended(1, 100, "FAILED"), ended(99, 200, "COMPLETED"), ended(150, 300, "COMPLETED")]
    assert latest_run(sessions, LOST_AFTER_S) == sessions
    assert status(sessions) == "FAILED"
