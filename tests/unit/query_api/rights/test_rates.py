"""How many requests a caller may make, by a clock that the test sets."""

import pytest

from mldash_api.errors import TooManyRequests
from mldash_api.rights.rates import BURST_S, Rates


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(rates: Rates, caller: str, times: int) -> int:
    for number in range(times):
        try:
            rates.take(caller)
        except TooManyRequests:
            return number
    return times


def test_a_burst_is_taken_and_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(10.0, clock)
    assert taken(rates, "a", 1_000) == 10 * BURST_S
    clock.now += 1.0
    assert taken(rates, "a", 1_000) == 10
    clock.now += 1e6
    assert taken(rates, "a", 1_000) == 10 * BURST_S


def test_callers_do_not_take_from_each_other() -> None:
    rates = Rates(1.0, Clock())
    assert taken(rates, "a", 1_000) == taken(rates, "b", 1_000) == BURST_S


def test_who_waits_as_long_as_told_is_taken() -> None:
    clock = Clock()
    rates = Rates(0.5, clock)
    taken(rates, "a", 1_000)
    with pytest.raises(TooManyRequests) as told:
        rates.take("a")
    assert int(told.value.headers()["Retry-After"]) >= told.value.wait_s > 0.0
    clock.now += told.value.wait_s
    rates.take("a")


def test_callers_that_rest_are_forgotten() -> None:
    """A month of tokens must not stay in memory."""
    clock = Clock()
    rates = Rates(10.0, clock)
    for number in range(20_000):
        clock.now += 0.01
        rates.take(str(number))
    assert len(rates._left) < 2_500


def test_without_a_limit_everything_is_taken() -> None:
    assert taken(Rates(0.0), "a", 10_000) == 10_000
