"""Fewer chunks at once where MongoDB is busy, one always, and all again when it is calm."""

from mldash_compactor.pace import Pace


def told(pace: Pace, seconds: float, times: int) -> int:
    for _ in range(times):
        pace.seen(seconds)
    return pace.limit


def test_all_go_while_intents_take_what_they_always_take() -> None:
    pace = Pace(4)
    assert told(pace, 0.008, 50) == 4
    assert told(pace, 0.019, 50) == 4  # some milliseconds more are no trouble on any machine


def test_where_intents_become_slow_fewer_go_and_one_always() -> None:
    pace = Pace(8)
    told(pace, 0.01, 20)
    assert told(pace, 0.2, 2) < 5
    assert told(pace, 0.2, 8) == 1
    assert told(pace, 60.0, 100) >= 1


def test_when_it_is_calm_again_all_go_again_step_by_step() -> None:
    pace = Pace(4)
    told(pace, 0.01, 20)
    told(pace, 0.3, 10)
    assert told(pace, 0.01, 4) == 2
    assert told(pace, 0.01, 20) == 4


def test_a_server_that_is_slow_for_good_becomes_the_measure() -> None:
    pace = Pace(4)
    told(pace, 0.01, 20)
    assert told(pace, 0.1, 20) == 1
    assert told(pace, 0.1, 200) == 4
