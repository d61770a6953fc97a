"""The line on stderr while a delivery takes time."""

import io
from pathlib import Path

from mldash.delivery.delivery_line import DeliveryLine, undelivered


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_within_a_second_and_then_one_line_that_is_written_over() -> None:
    stream, clock, left = Terminal(), Clock(), [5_000_000]
    line = DeliveryLine(lambda: left[0], 60.0, stream, clock)
    for _ in range(8):
        line.tell()
        clock.now += 0.125
    assert stream.getvalue() == ""
    for _ in range(24):
        line.tell()
        clock.now += 0.125
        left[0] -= 125_000
    line.end()
    line.end()
    said = stream.getvalue().split("\r")
    assert len(said) == 7
    assert said[1].startswith("mldash: delivering 5.0 MB of events, 1 s of at most 60 s")
    assert said[-1].startswith("mldash: delivering 2.5 MB of events, 4 s") and said[-1].endswith("\n")
    assert stream.getvalue().count("\n") == 1


def test_in_a_batch_jobs_log_it_is_a_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    line = DeliveryLine(lambda: 1_000_000, 60.0, stream, clock)
    for _ in range(160):
        line.tell()
        clock.now += 0.25
    line.end()
    lines = stream.getvalue().splitlines()
    assert [one.split(", ")[1] for one in lines] == [
        "1 s of at most 60 s",
        "16 s of at most 60 s",
        "31 s of at most 60 s",
    ]


def test_a_stream_that_is_closed_is_no_error() -> None:
    stream, clock = io.StringIO(), Clock()
    line = DeliveryLine(lambda: 0, 60.0, stream, clock)
    stream.close()
    clock.now += 5
    line.tell()
    line.end()


def test_what_is_left_at_an_end_is_never_nothing() -> None:
    said = undelivered("a/b/c", 0, 60.0, "OSError: No space left on device", Path("/journal"))
    assert said.startswith("the events of a/b/c are delivered, but what is written at their end is not after 60 s (OSE")
    assert undelivered("a/b/c", 7, 60.0, None, Path("/journal")).startswith("7 bytes of events of a/b/c are not deliv")
