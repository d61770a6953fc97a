"""What is said of lag and rate follows from the counts that were looked at."""

import pytest

from benchmarks.lag import Look, lags_s, rates, until_shown


def look(at_s: float, logged: int, stored: int) -> Look:
    return Look(at_s, logged, stored, records=0)


def test_what_is_stored_at_once_does_not_lag() -> None:
    assert lags_s([look(0, 10, 10), look(1, 20, 20)]) == [0.0, 0.0]


def test_lag_is_the_age_of_the_oldest_point_that_is_not_stored() -> None:
    """A hundred points a second; at 4 s the first 250 are stored: the next was logged at 2.5 s."""
    looks = [look(second, 100 * second, stored) for second, stored in enumerate((0, 0, 100, 250, 250))]
    assert lags_s(looks) == pytest.approx([0.0, 1.0, 1.0, 0.5, 1.5])


def test_lag_ends_when_all_is_stored() -> None:
    assert lags_s([look(0, 100, 0), look(1, 200, 0), look(2, 200, 200)])[-1] == 0.0


def test_rates_are_of_whole_windows_alone() -> None:
    looks = [look(at, 0, stored) for at, stored in ((0, 0), (6, 50), (10, 100), (16, 200), (20, 400), (25, 900))]
    assert rates(looks, 10.0) == [10.0, 30.0]


def test_a_point_is_shown_by_the_first_picture_of_as_many_points() -> None:
    """The third and the fourth come in one picture; a picture that was painted late shows no point later."""
    pictures = [(1, 10.5), (2, 11.25), (4, 14.0), (2, 15.0), (4, 16.0)]
    assert until_shown([10.0, 11.0, 12.0, 13.0], pictures) == [0.5, 0.25, 2.0, 1.0]


def test_a_point_that_was_never_shown_has_no_lag() -> None:
    with pytest.raises(ValueError, match="empty"):
        until_shown([10.0, 11.0], [(1, 10.5)])
