"""Who follows a log gets every line that is still there, whenever retention takes lines from its front."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.handles.logs import Logs

Action = tuple[str, int]


class Log:
    """A log as a reader answers from it: offsets count from the first line that is there."""

    def __init__(self) -> None:
        self.floor = self.end = 0
        self.reads = 0
        self.before_read: Callable[[], None] = lambda: None

    def log_lines(self, offset: int = 0, limit: int = 1000, **_: Any) -> list[Any]:
        self.reads += 1
        self.before_read()
        first = self.floor + offset
        return [{"sequenceNumber": number, "level": "info"} for number in range(first, min(self.end, first + limit))]

    def act(self, action: Action) -> None:
        what, count = action
        if what == "append":
            self.end += count
        else:
            self.floor = min(self.end, self.floor + count)


def place_behind(log: Log) -> Any:
    class Owner:
        def _reader(self) -> Log:
            return log

    return Logs(Owner())._place_behind()  # type: ignore[arg-type]


ACTIONS = st.lists(st.tuples(st.sampled_from(["append", "expire", "poll"]), st.integers(1, 2_500)), max_size=30)


@given(ACTIONS, ACTIONS)
def test_no_line_that_is_there_at_a_look_is_left_out(before: list[Action], after: list[Action]) -> None:
    """Lines come, expire, and are looked for in any order; at each look all that are new and left come, in order."""
    log = Log()
    for action in before:
        log.act(action) if action[0] != "poll" else None
    place, expected = place_behind(log), log.end
    for action in [*after, ("poll", 1)]:
        if action[0] != "poll":
            log.act(action)
            continue
        seen = list[int]()
        while lines := place.next_lines(log):
            seen += [line["sequenceNumber"] for line in lines]
        assert seen == list(range(max(expected, log.floor), log.end))
        expected = log.end


@given(st.integers(1, 50), st.integers(1, 50))
def test_the_place_behind_the_last_line_is_found_while_lines_expire(count: int, expiring: int) -> None:
    """The floor rises between the looks by which it is sought."""
    log = Log()
    log.end = count

    def expire() -> None:
        if log.reads in (3, 5):
            log.floor = min(log.end, log.floor + expiring)

    log.before_read = expire
    place = place_behind(log)
    log.before_read = lambda: None
    log.act(("append", 3))
    assert [line["sequenceNumber"] for line in place.next_lines(log)] == [count, count + 1, count + 2]


def test_a_look_at_a_log_that_is_quiet_is_one_request() -> None:
    """And one that finds something new, too."""
    log = Log()
    log.end = 10
    place = place_behind(log)
    for appended in (0, 5, 0):
        log.act(("append", appended))
        before = log.reads
        assert len(place.next_lines(log)) == appended
        assert log.reads == before + 1


@pytest.mark.parametrize("floor", [0, 4])
def test_a_log_without_a_line_begins_with_whatever_comes(floor: int) -> None:
    log = Log()
    log.floor = log.end = floor
    place = place_behind(log)
    log.act(("append", 2))
    assert [line["sequenceNumber"] for line in place.next_lines(log)] == [floor, floor + 1]
