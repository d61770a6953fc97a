"""What is said of memory that grows follows from what was looked at, and single readings do not sway it."""

import pytest

from benchmarks.live_hour import growth_an_hour, quarters, settled


def test_memory_that_stays_does_not_grow() -> None:
    assert growth_an_hour([(5.0 * at, 1e8) for at in range(100)]) == 0.0


def test_growth_is_told_by_the_hour() -> None:
    """A kilobyte a second."""
    assert growth_an_hour([(5.0 * at, 1e8 + 5_000.0 * at) for at in range(100)]) == pytest.approx(3.6e6)


def test_peaks_that_pass_are_no_growth() -> None:
    looks = [(5.0 * at, 3e8 if at in (80, 95, 99) else 1e8) for at in range(100)]
    assert growth_an_hour(looks) == 0.0


def test_what_is_taken_at_the_beginning_counts_as_no_growth() -> None:
    looks = [(float(at), min(1e8, 1e7 * at)) for at in range(100)]
    assert growth_an_hour(settled(looks)) == 0.0


def test_each_quarter_of_the_time_has_its_median() -> None:
    assert quarters([(float(at), float(at // 25)) for at in range(101)]) == [0.0, 1.0, 2.0, 3.0]
