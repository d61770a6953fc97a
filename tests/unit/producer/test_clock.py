"""Deadlines are shared, delays grow and are bounded."""

import math
import random

from mldash.process.clock import Deadline, GrowingDelay


def test_delays_grow_up_to_their_most_and_begin_again() -> None:
    delay = GrowingDelay(first=0.1, most=2.0)
    delays = [delay.next() for _ in range(60)]
    assert 0.08 <= delays[0] <= 0.12
    assert all(1.6 <= late <= 2.4 for late in delays[20:])
    delay.reset()
    assert delay.next() <= 0.12


def test_a_delay_draws_no_number_that_the_program_would_have_drawn() -> None:
    random.seed(7)
    before = random.getstate()
    GrowingDelay().next()
    assert random.getstate() == before


def test_a_deadline_gives_what_is_left() -> None:
    assert Deadline(0).passed
    assert Deadline(0).left == 0
    assert 9 < Deadline(10).left <= 10
    assert Deadline(10).wait_s(0.5) == 0.5
    assert not Deadline(math.inf).passed
