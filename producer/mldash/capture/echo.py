"""Log lines on the terminal at once, without ever waiting for whoever reads it.

    [LEVEL] message [key=value, key2=value2]      error and fatal to stderr, all others to stdout

Where the stream is a file or lives in memory (a test's capture, a notebook), the line is written and flushed here and
now, and so it is where a pipe or terminal has room for it: in order with what the user prints. Where it has not, the
line waits in a backlog, which a thread of its own writes out; lines after it wait behind it. Beyond BACKLOG_BYTES lines
are dropped from the echo (not from the log) and counted, and the count is said once there is room again.

A signal's handler may log in the middle of an echo: its line comes behind the one that it has interrupted. It may log
in the middle of the user's own print(), whose stream then takes nothing more from this thread: its line takes the way
of the backlog. A line goes past the stream's buffer, so that threads never hold the stream's lock while they write: one
that the interpreter's end stops there would make that end abort.
"""

import array
import atexit
import contextlib
import fcntl
import io
import os
import select
import stat
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, TextIO

from mldash.process.locks import Flag, reentrant_lock

BACKLOG_BYTES = 16 * 1024 * 1024

_PIPE_ROOM_BYTES = select.PIPE_BUF
"""What poll() promises that a writable pipe takes without blocking."""

_STREAM_BUFFER_BYTES = 2 * 8192
"""What Python's text and byte buffers of a stream may still hold when the line comes behind them."""

_EXIT_WAIT_S = 1.0
"""How long a process that ends waits for its backlogs to be read."""

_TO_STDERR = frozenset(("error", "fatal"))


def echo(level: str, message: str, metadata: Mapping[str, Any] | None) -> None:
    """Print one line. Never blocks and never raises for the stream's sake: a closed stream takes nothing."""
    stream = sys.stderr if level in _TO_STDERR else sys.stdout
    if stream is None:  # no console, as under pythonw
        return
    # What a capture of stdout records is not to hold the lines of the log once more (capture/stdout.py).
    stream = getattr(stream, "uncaptured", stream)
    _console.write(stream, line_of(level, message, metadata))


def line_of(level: str, message: str, metadata: Mapping[str, Any] | None) -> str:
    """The line without its end."""
    if not metadata:
        return f"[{level.upper()}] {message}"
    pairs = ", ".join(f"{key}={value}" for key, value in metadata.items())
    return f"[{level.upper()}] {message} [{pairs}]"


class _Console:
    """The backlogs of this process, one a file descriptor that was full."""

    def __init__(self) -> None:
        self._lock = reentrant_lock()
        self._backlogs: dict[int, _Backlog] = {}
        self._settles_at_exit = False

    def write(self, stream: TextIO, line: str) -> None:
        if _here.later is not None:  # a handler, in the middle of this very function
            _here.later.append((stream, line))
            return
        later: deque[tuple[TextIO, str]] = deque()
        try:
            _here.later = later
            self._write(stream, line + "\n")
        finally:
            _here.later = None
            while later:
                self.write(*later.popleft())

    def _write(self, stream: TextIO, text: str) -> None:
        # OSError, ValueError: the stream is closed or its reader gone; RuntimeError: no thread can begin, or this one
        # is in the middle of a stream of another kind. The line is in the log all the same.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            descriptor = _descriptor(stream)
            if descriptor is None:
                self._hand_to(stream, text)
                return
            data = text.encode(stream.encoding or "utf-8", errors="backslashreplace")
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) and self._must_wait(descriptor, data):
                return
            if not isinstance(stream, io.TextIOWrapper):  # a notebook's, or a wrapper around another stream
                self._hand_to(stream, text)
            elif _is_within(stream):
                self._put_off(descriptor, data)
            else:
                stream.flush()  # what the user has printed comes before
                _write_all(descriptor, data)

    def _hand_to(self, stream: TextIO, text: str) -> None:
        try:
            _here.is_handing_on = True
            stream.write(text)
            stream.flush()
        finally:
            _here.is_handing_on = False

    def _must_wait(self, descriptor: int, data: bytes) -> bool:
        """Whether the line has been put into a backlog."""
        backlog = self._backlogs.get(descriptor)
        if backlog is not None and backlog.add(data):
            return True
        if _has_room(descriptor, len(data)):
            return False
        self._put_off(descriptor, data)
        return True

    def _put_off(self, descriptor: int, data: bytes) -> None:
        with self._lock:
            backlog = self._backlogs.get(descriptor)  # another thread may have made one
            if backlog is not None and backlog.add(data):
                return
            if not self._settles_at_exit:
                self._settles_at_exit = True
                atexit.register(self.settle, _EXIT_WAIT_S)
            self._backlogs[descriptor] = _Backlog(descriptor, data)

    def settle(self, timeout: float) -> None:
        """Give the backlogs this long, all together, to be read."""
        deadline = time.monotonic() + timeout
        for backlog in list(self._backlogs.values()):
            backlog.ended.wait(max(0.0, deadline - time.monotonic()))

    def forget(self) -> None:
        """In a forked child: the threads that write backlogs stayed with the parent, and so did what they hold."""
        self._backlogs = {}


class _Backlog:
    """Lines that wait for a full pipe, and the thread that writes them; it ends when all are out."""

    def __init__(self, descriptor: int, first: bytes) -> None:
        # A descriptor of its own: the user may close or redirect theirs while lines wait.
        self._descriptor = os.dup(descriptor)
        self._lock = reentrant_lock()
        self._waiting = deque([first])
        self._waiting_bytes = len(first)
        self._dropped = 0
        self.ended = Flag()
        threading.Thread(target=self._run, name="mldash-echo", daemon=True).start()

    def add(self, data: bytes) -> bool:
        """Whether the line has been taken care of here: written later, or dropped and counted."""
        with self._lock:
            if self.ended.is_set():
                return False
            if self._waiting_bytes + len(data) > BACKLOG_BYTES:
                self._dropped += 1
            else:
                self._waiting.append(data)
                self._waiting_bytes += len(data)
            return True

    def _run(self) -> None:
        watch = select.poll()
        watch.register(self._descriptor, select.POLLOUT)
        with contextlib.suppress(OSError):  # the reader is gone
            while (data := self._next()) is not None:
                # os.write and not the stream: a thread that waits inside the stream holds its lock, at exit too.
                rest = memoryview(data)
                while rest:
                    watch.poll()
                    rest = rest[os.write(self._descriptor, rest[:_PIPE_ROOM_BYTES]) :]
        with self._lock:
            self.ended.set()
        os.close(self._descriptor)

    def _next(self) -> bytes | None:
        with self._lock:
            if self._waiting:
                data = self._waiting.popleft()
                self._waiting_bytes -= len(data)
                return data
            if self._dropped:
                told, self._dropped = self._dropped, 0
                return b"[mldash] %d lines were not printed: nobody read them in time; the log has them\n" % told
            self.ended.set()
            if self._waiting:  # of a finaliser that ran in this thread just now
                self.ended.clear()
                return b""
            return None


class _Here(threading.local):
    """The state of this thread."""

    later: deque[tuple[TextIO, str]] | None = None
    """In the middle of an echo: lines that come behind it."""
    is_handing_on = False
    """What it writes to a stream of others is a line of the log."""


def is_echo() -> bool:
    """Whether what this thread writes just now is a line of the log: a capture of stdout must not record it again."""
    return _here.is_handing_on


def _descriptor(stream: TextIO) -> int | None:
    """None for what lives in memory."""
    try:
        return stream.fileno()
    except (AttributeError, OSError):
        return None


def _is_within(stream: io.TextIOWrapper) -> bool:
    """Whether this thread is in the middle of a write to the stream, which a handler has interrupted."""
    try:
        stream.buffer.flush()  # before the text that waits above it is moved: that would be lost
    except RuntimeError:  # "reentrant call"
        return True
    return False


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _has_room(descriptor: int, size: int) -> bool:
    """Whether a pipe, socket or terminal takes `size` bytes now, after what the stream itself may still hold."""
    watch = select.poll()
    watch.register(descriptor, select.POLLOUT)
    if not any(event & select.POLLOUT for _, event in watch.poll(0)):
        return False
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return size <= _PIPE_ROOM_BYTES
    waiting = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, waiting)
    return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) - waiting[0] >= size + _STREAM_BUFFER_BYTES


_here = _Here()
_console = _Console()
os.register_at_fork(after_in_child=_console.forget)
