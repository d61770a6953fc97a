"""What stands in for a time that was not given."""

import threading
import time

import pytest

from mldash.handles.timestamps import Timestamps


def test_times_rise_in_all_threads_together() -> None:
    stamps = Timestamps()
    found: list[list[float]] = [[], [], [], []]

    def rise(own: list[float]) -> None:
        own.extend(stamps.rising() for _ in range(2000))

    threads = [threading.Thread(target=rise, args=(own,)) for own in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [stamp for own in found for stamp in own]
    assert len(set(everything)) == 8000
    assert all(own == sorted(own) for own in found)


def test_a_clock_that_is_set_back_does_not_set_times_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = Timestamps()
    first = stamps.rising()
    monkeypatch.setattr("mldash.handles.timestamps.time", lambda: first - 3600)
    second, third = stamps.rising(), stamps.rising()
    assert first < second < third < first + 1


def test_the_integer_minus_one_alone_stands_for_the_last_time() -> None:
    stamps = Timestamps()
    assert stamps.given(-1, 5.0) == 5.0
    before = time.time()
    assert before <= stamps.given_of_entry(-1) <= time.time() + 1
    stamps.thread.last = 3.0
    assert (stamps.given(-1, 5.0), stamps.given_of_entry(-1)) == (3.0, 3.0)
    assert (stamps.given(-1.0, 5.0), stamps.given_of_entry(-1.0)) == (-1.0, -1.0)


def test_a_point_may_have_an_infinite_time_and_an_entry_may_not() -> None:
    stamps = Timestamps()
    assert stamps.given(float("inf"), 0.0) == float("inf")
    with pytest.raises(ValueError, match="numeric and finite"):
        stamps.given_of_entry(float("inf"))
    stamps.thread.last = float("inf")
    with pytest.raises(ValueError, match="numeric and finite"):
        stamps.given_of_entry(-1)
