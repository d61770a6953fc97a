"""What is printed is recorded by the line, whatever else prints, and nothing keeps the recording waiting."""

import contextlib
import io
import itertools
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mldash.callbacks import MldashWarning
from mldash.capture.echo import echo
from mldash.capture.stdout import LONGEST_LINE, StdoutCapture

Lines = list[tuple[str, str]]


class Taken:
    """A capture at work, and what it took."""

    def __init__(self) -> None:
        self.lines: Lines = []
        self.capture = StdoutCapture(lambda line, name: self.lines.append((line, name)))


@contextlib.contextmanager
def taking() -> Iterator[Taken]:
    """Within the test itself: pytest's own capture changes the streams between a fixture and its test."""
    made = Taken()
    before = sys.stdout, sys.stderr
    made.capture.start()
    try:
        yield made
    finally:
        made.capture.stop()
    assert (sys.stdout, sys.stderr) == before


def test_lines_are_taken_as_they_end() -> None:
    with taking() as taken:
        print("a", "b", end="")
        assert taken.lines == []
        print(" c\n\nd")
        sys.stdout.writelines(["e\n", "f"])
        sys.stderr.write("g\n")
        assert taken.lines == [("a b c", "stdout"), ("d", "stdout"), ("e", "stdout"), ("g", "stderr")]
        taken.capture.stop()
        assert taken.lines[-1] == ("f", "stdout")
        taken.capture.stop()


def test_of_a_line_that_is_drawn_over_the_last_state_is_taken() -> None:
    with taking() as taken:
        for percent in range(0, 101, 10):
            sys.stderr.write(f"\r{percent}%|{'#' * percent}")
        sys.stderr.write("\n")
        print("windows\r\nends")
        assert taken.lines == [("100%|" + "#" * 100, "stderr"), ("windows", "stdout"), ("ends", "stdout")]


def test_a_line_without_end_is_taken_in_parts() -> None:
    with taking() as taken:
        for _ in range(5):
            sys.stdout.write("x" * LONGEST_LINE)
        print("y" * (2 * LONGEST_LINE))
        assert "".join(line for line, _ in taken.lines) == "x" * 5 * LONGEST_LINE + "y" * 2 * LONGEST_LINE
        assert max(len(line) for line, _ in taken.lines) <= LONGEST_LINE


def test_lines_of_threads_do_not_mix() -> None:
    with taking() as taken:

        def work(name: str) -> None:
            for number in range(200):
                print(name, number)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(line for line, _ in taken.lines) == sorted(f"{name} {n}" for name in "abc" for n in range(200))


def test_the_stream_is_what_it_was_for_all_else(capsys: pytest.CaptureFixture[str]) -> None:
    with taking():
        stream: Any = sys.stdout
        assert stream.encoding == stream.uncaptured.encoding
        assert stream.isatty() is False
        assert stream.write("four") == 4
        with pytest.raises(TypeError):
            stream.write(b"bytes")
        stream.flush()
        assert capsys.readouterr().out == "four"


def test_what_recording_prints_is_not_recorded_in_turn(capsys: pytest.CaptureFixture[str]) -> None:
    lines: Lines = []

    def take(line: str, name: str) -> None:
        print("recorded", line)
        lines.append((line, name))

    capture = StdoutCapture(take)
    capture.start()
    print("once")
    capture.stop()
    assert lines == [("once", "stdout")]
    assert capsys.readouterr().out.count("recorded once\n") == 1


def test_a_line_that_can_not_be_recorded_harms_no_print(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(line: str, name: str) -> None:
        raise OSError("the disk is full")

    capture = StdoutCapture(refuse)
    capture.start()
    with pytest.warns(MldashWarning, match="the disk is full") as told:
        print("one")
        print("two")
    capture.stop()
    assert len(told) == 1
    assert capsys.readouterr().out == "one\ntwo\n"


def test_two_captures_take_the_same_lines_and_the_last_one_puts_the_stream_back() -> None:
    behind = sys.stdout
    with taking() as taken:
        other = Taken()
        other.capture.start()
        print("both")
        other.capture.stop()
        print("one")
        taken.capture.stop()
        assert (other.lines, taken.lines) == ([("both", "stdout")], [("both", "stdout"), ("one", "stdout")])
        assert sys.stdout is behind


def test_a_line_that_waits_for_a_full_pipe_is_recorded_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """And other threads' lines meanwhile."""
    reading, writing = os.pipe()
    made, recorded, printed = Taken(), threading.Event(), threading.Event()

    def take(line: str, name: str) -> None:
        made.lines.append((line, name))
        recorded.set()

    made.capture = StdoutCapture(take)

    def print_much() -> None:
        sys.stdout.write("x" * 1_000_000 + "\n")
        printed.set()

    with os.fdopen(writing, "w", buffering=1) as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        made.capture.start()
        waiting = threading.Thread(target=print_much, daemon=True)
        waiting.start()
        try:
            assert recorded.wait(20)
            print("meanwhile", file=sys.stderr)
            assert [line[:9] for line, _ in made.lines] == ["x" * 9, "meanwhile"]
            assert not printed.is_set()
        finally:
            while not printed.wait(0.001):
                os.read(reading, 1 << 20)
            waiting.join()
            made.capture.stop()
    os.close(reading)


def test_a_forked_child_records_its_own_lines_only() -> None:
    with taking() as taken:
        print("the parent's", end="")
        child = os.fork()
        if child == 0:
            taken.lines.clear()
            print("the child's")
            os._exit(0 if taken.lines == [("the child's", "stdout")] else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(["ours", "other", "second"])))
def test_the_stream_is_given_back_whatever_order_others_put_theirs_in_and_out(
    order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours, another's around it, and ours around that, ended in each order; the other puts back what it found."""
    real = io.StringIO()
    monkeypatch.setattr(sys, "stdout", real)
    first: list[str] = []
    ours = StdoutCapture(lambda line, name: first.append(line))
    second = StdoutCapture(lambda line, name: None)
    ours.start()
    found = sys.stdout

    class Around:
        def write(self, text: str) -> int:
            return found.write(text)

        def flush(self) -> None:
            found.flush()

    sys.stdout = Around()  # type: ignore[assignment]
    second.start()
    print("while all are at work")
    ends = {"ours": ours.stop, "second": second.stop, "other": lambda: setattr(sys, "stdout", found)}
    for one in order:
        ends[one]()
    print("afterwards")
    assert sys.stdout is real
    assert first == ["while all are at work"]
    assert real.getvalue() == "while all are at work\nafterwards\n"


def test_the_echo_of_a_line_is_not_recorded_through_a_stream_that_another_has_put_around_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = io.StringIO()
    monkeypatch.setattr(sys, "stdout", real)
    taken: list[str] = []
    capture = StdoutCapture(lambda line, name: taken.append(line))
    capture.start()
    found = sys.stdout

    class Around:
        def write(self, text: str) -> int:
            return found.write(text)

        def flush(self) -> None:
            found.flush()

    sys.stdout = Around()  # type: ignore[assignment]
    echo("info", "of the log", None)
    sys.stdout = found
    capture.stop()
    assert real.getvalue() == "[INFO] of the log\n" and not taken
