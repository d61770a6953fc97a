"""A figure does not look better for a machine that could not keep up."""

from benchmarks.case import at_rate


def test_what_was_measured_at_a_lower_rate_is_told_at_the_wanted_one() -> None:
    """A tenth of a core for two turns a second is half a core for ten."""
    assert at_rate(0.1, seen=2.0, wanted=10.0) == 0.5


def test_what_kept_the_rate_stays_as_it_was() -> None:
    assert at_rate(0.4, seen=10.0, wanted=10.0) == 0.4
