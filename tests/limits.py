"""Every test has a time limit, and a hang shows where everything stands: all threads here, and each child.

`@pytest.mark.time_limit(seconds)` sets another than the usual. At the limit the children of this process are told to
show their stacks (Python's do, by PYTHONFAULTHANDLER; for others /proc tells what they wait for) and end, and the test
fails with all of it in its report. Where even that does not come through, as in a call that never returns to Python,
the process shows its stacks on stderr and ends, and xdist starts another.
"""

import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil
import pytest

USUAL_S = 300.0
_TO_TEAR_DOWN_S = 30.0
_TO_SHOW_S = 3.0
_SHOWN_BYTES = 20_000


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "time_limit(seconds): how long the test may take, set up and torn down")
    config.stash[_STDERR] = os.dup(2)  # the real one: capturing is suspended at this moment
    os.environ["PYTHONFAULTHANDLER"] = "1"
    # A shell that ignores SIGINT (a script's `&`, cron, `trap "" INT`) hands that down to every child, and the tests
    # send it to theirs. With a handler here it is on again in what is executed from here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[_STDERR])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    marked = item.get_closest_marker("time_limit")
    limit_s = float(marked.args[0]) if marked else USUAL_S

    def on_alarm(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, _TO_TEAR_DOWN_S)
        pytest.fail(f"not over within {limit_s:g} s\n{_threads()}{_children()}", pytrace=True)

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    last_resort_s = limit_s + 2 * _TO_TEAR_DOWN_S
    faulthandler.dump_traceback_later(last_resort_s, exit=True, file=item.config.stash[_STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_STDERR = pytest.StashKey[int]()


def _threads() -> str:
    return "\n".join(
        f"--- thread {ident}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


def _children() -> str:
    """What each child, and theirs, does now; they end by it."""
    shown = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, OSError):
            errors = _readable(child.pid)
            waits_in = Path(f"/proc/{child.pid}/wchan").read_text()
            told = f"--- child {child.pid} ({child.status()}, in {waits_in}): {' '.join(child.cmdline())}\n"
            child.send_signal(signal.SIGABRT)
            with suppress(psutil.TimeoutExpired):
                child.wait(_TO_SHOW_S)
            shown.append(told + _last_words(errors))
    return "\n".join(shown)


def _readable(pid: int) -> str | int | None:
    """Where one can read what the process writes to its stderr: a file, or our own end of a pipe."""
    target = str(Path(f"/proc/{pid}/fd/2").readlink())
    if not target.startswith("pipe:"):
        return target if Path(target).is_file() else None
    for own in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(own.readlink()) == target and own.lstat().st_mode & 0o400:
                return int(own.name)
    return None


def _last_words(errors: str | int | None) -> str:
    if isinstance(errors, str):
        return Path(errors).read_bytes()[-_SHOWN_BYTES:].decode(errors="replace")
    if errors is None:
        return "(its stderr can't be read from here)\n"
    os.set_blocking(errors, False)
    said, until = b"", time.monotonic() + _TO_SHOW_S
    while time.monotonic() < until:
        with suppress(BlockingIOError):
            more = os.read(errors, 65_536)
            if not more:
                break
            said += more
    return said[-_SHOWN_BYTES:].decode(errors="replace")
