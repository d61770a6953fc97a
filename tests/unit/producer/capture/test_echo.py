"""Log lines on the terminal: at once, in order, and never waiting for whoever reads them."""

import fcntl
import io
import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mldash.capture import echo as echo_module
from mldash.capture.echo import echo, line_of


class Pipe:
    """A pipe, its writing end as a stream."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 65536)
        self.stream = os.fdopen(writing, "w")
        self._monkeypatch = monkeypatch

    def become_stdout(self) -> None:
        """Within the test: pytest sets its own stdout between a fixture and the test."""
        self._monkeypatch.setattr(sys, "stdout", self.stream)

    def read_until(self, end: bytes) -> bytes:
        data = b""
        while not data.endswith(end):
            data += os.read(self.reading, 1 << 16)
        return data


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """A pipe that becomes stdout where the test says so."""
    made = Pipe(monkeypatch)
    yield made
    made.stream.close()
    os.close(made.reading)


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        (None, "[INFO] text"),
        ({}, "[INFO] text"),
        ({"k": "v", "k2": 2}, "[INFO] text [k=v, k2=2]"),
        ({"nested": {"a": [1, None]}}, "[INFO] text [nested={'a': [1, None]}]"),
    ],
)
def test_a_line_has_its_metadata_in_brackets_where_there_is_any(metadata: dict[str, object] | None, line: str) -> None:
    assert line_of("info", "text", metadata) == line


def test_a_line_is_there_at_once_behind_what_the_user_printed(pipe: Pipe) -> None:
    pipe.become_stdout()
    print("printed", end=";")
    echo("info", "logged", None)
    assert pipe.read_until(b"\n") == b"printed;[INFO] logged\n"


def test_a_full_pipe_never_blocks_and_loses_no_line(pipe: Pipe) -> None:
    """Nobody reads until all is logged; then every line comes, in order."""
    pipe.become_stdout()
    began = time.monotonic()
    for number in range(5000):
        echo("info", f"line {number:05} " + "x" * 100, None)
    assert time.monotonic() - began < 60  # a second of waiting each would be over an hour
    text = pipe.read_until(b"line 04999 " + b"x" * 100 + b"\n").decode()
    assert [line[12:17] for line in text.splitlines()] == [f"{number:05}" for number in range(5000)]


def test_a_line_longer_than_the_pipe_comes_whole(pipe: Pipe) -> None:
    pipe.become_stdout()
    echo("info", "x" * 1_000_000, None)
    echo("info", "after", None)
    data = pipe.read_until(b"after\n")
    assert data == b"[INFO] " + b"x" * 1_000_000 + b"\n[INFO] after\n"


def test_beyond_the_backlog_lines_are_dropped_and_counted(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe.become_stdout()
    monkeypatch.setattr(echo_module, "BACKLOG_BYTES", 100_000)
    for _ in range(300):
        echo("info", "x" * 1000, None)
    data = pipe.read_until(b"the log has them\n")
    dropped = int(data.split(b"[mldash] ")[1].split()[0])
    assert dropped > 100
    assert data.count(b"[INFO]") == 300 - dropped


def test_a_reader_that_is_gone_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdout", stream)
    os.close(reading)
    echo("info", "nobody listens", None)
    echo("info", "x" * 100_000, None)
    stream.close()  # nothing is left in it that its end would stumble over


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_without_a_console_or_with_a_closed_stream_nothing_happens(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    echo("info", "x", None)


def test_a_stream_in_memory_takes_the_line_here_and_now(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    echo("error", "wrong", {"code": 1})
    assert stream.getvalue() == "[ERROR] wrong [code=1]\n"


def test_threads_do_not_tear_each_others_lines(pipe: Pipe) -> None:
    pipe.become_stdout()
    threads = [threading.Thread(target=lambda: [echo("info", "y" * 50, None) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    echo("info", "end", None)
    lines = pipe.read_until(b"end\n").decode().splitlines()
    assert lines.count("[INFO] " + "y" * 50) == 200
