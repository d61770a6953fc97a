"""The one owner of what runs in the background of a component: it sees a step fail, says so, and goes on.

    supervised(name, step, every_s)   step, wait, step, …, until `stop`
    a step that fails     is logged, with its traceback once a kind of error, and counted; the next comes after a delay
                          that grows while it goes on failing, up to the longest or `every_s`, whichever is longer
    red                   after RED_AFTER failures in a row `trouble` names the step; one success clears it
    what ends it          `stop`, its own cancellation, KeyboardInterrupt and SystemExit, and errors named in `stops`

A step is asked for as a function, so that nothing of a failed one is left to the next. Standard library and structlog
alone: a supervisor must start where the things that it looks after can't.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

import structlog
from msgspec import Struct

RED_AFTER: Final = 3
_FIRST_DELAY_S: Final = 0.5
_LONGEST_DELAY_S: Final = 60.0

_log = structlog.get_logger()

Step = Callable[[], Awaitable[object]]

INCONCLUSIVE: Final = object()
"""What a step returns that had nothing to do by which one could see whether it goes through again."""


class RestartDelays:
    """How long to wait before what failed is begun again: doubling, and the first again after health."""

    def __init__(self, first_s: float, longest_s: float, healthy_after_s: float) -> None:
        self._first_s, self._longest_s, self._healthy_after_s = first_s, longest_s, healthy_after_s
        self._next_s = first_s

    def after(self, lived_s: float) -> float:
        """The delay for what lived so long."""
        if self.is_healthy(lived_s):
            self._next_s = self._first_s
        delay_s = min(self._next_s, self._longest_s)
        self._next_s = min(self._next_s * 2, self._longest_s)
        return delay_s

    def is_healthy(self, lived_s: float) -> bool:
        """Whether what lived so long did not fail at its beginning."""
        return lived_s >= self._healthy_after_s

    def reset(self) -> None:
        """It has succeeded."""
        self._next_s = self._first_s


class Failure(Struct, frozen=True):
    """A step that did not go through."""

    name: str
    error: BaseException
    in_a_row: int
    again_in_s: float
    is_first_of_kind: bool
    """Whether this step has not failed by such an error before."""


Tell = Callable[[Failure], None]


def _log_failure(failure: Failure) -> None:
    """A line, and the traceback where the kind of error is new."""
    shown = failure.error if failure.is_first_of_kind else None
    _log.warning(
        "a step failed, it is tried again",
        step=failure.name,
        error=f"{type(failure.error).__name__}: {text_of(failure.error)}",
        in_a_row=failure.in_a_row,
        again_in_s=failure.again_in_s,
        exc_info=shown,
    )


class Supervision:
    """All steps of one component. `trouble` is what health says."""

    def __init__(
        self,
        stop: asyncio.Event,
        count: Callable[[str, str], None] = lambda step, error: None,
        *,
        tell: Tell = _log_failure,
        first_delay_s: float = _FIRST_DELAY_S,
        longest_delay_s: float = _LONGEST_DELAY_S,
        red_after: int = RED_AFTER,
    ) -> None:
        """`count` gets the name of each step that failed and of its error's class: an operator metric's labels."""
        self._stop, self._count, self._tell = stop, count, tell
        self._first_delay_s, self._longest_delay_s = min(first_delay_s, longest_delay_s), longest_delay_s
        self._red_after = red_after
        self._failing = dict[str, Failure]()
        self._kinds = set[tuple[str, type]]()
        self._tasks = dict[str, asyncio.Task[None]]()

    @property
    def trouble(self) -> str | None:
        """None: every step goes through. Else the first that has failed again and again, or that has ended."""
        for name, failure in self._failing.items():
            if failure.in_a_row >= self._red_after:
                error = failure.error
                return f"{name} failed {failure.in_a_row} times: {type(error).__name__}: {text_of(error)}"
        for name, task in self._tasks.items():
            if task.done() and not self._stop.is_set():
                return f"{name} has ended: {_how_it_ended(task)}"
        return None

    def start(self, name: str, step: Step, every_s: float, *, first_after_s: float = 0.0) -> None:
        """`supervised`, in the background until `finish`."""
        running = self.supervised(name, step, every_s, first_after_s=first_after_s)
        self._tasks[name] = asyncio.create_task(running, name=name)

    async def finish(self) -> None:
        """Cut what runs in the background, wherever it is."""
        for task in self._tasks.values():
            task.cancel()
        for name, ended in zip(
            self._tasks, await asyncio.gather(*self._tasks.values(), return_exceptions=True), strict=True
        ):
            if isinstance(ended, Exception):
                _log.error("a step had ended", step=name, error=repr(ended))

    async def supervised(
        self,
        name: str,
        step: Step,
        every_s: float = 0.0,
        *,
        first_after_s: float = 0.0,
        stops: tuple[type[Exception], ...] = (),
        delays: RestartDelays | None = None,
    ) -> None:
        """Until `stop` is set: `step`, then `every_s` seconds of rest. Raises what is of `stops`, and nothing else."""
        delays = delays or RestartDelays(self._first_delay_s, max(self._longest_delay_s, every_s), float("inf"))
        wait_s = first_after_s
        while not await self._rest(wait_s):
            begun = monotonic()
            try:
                seen = await step()
            except stops:
                raise
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # We were not cancelled: the step awaited something that was, which is not a reason to end.
                wait_s = self._failed(name, error, delays, monotonic() - begun)
            except Exception as error:
                wait_s = self._failed(name, error, delays, monotonic() - begun)
            else:
                if seen is not INCONCLUSIVE:
                    self._went_through(name, delays)
                wait_s = every_s

    def _failed(self, name: str, error: BaseException, delays: RestartDelays, lived_s: float) -> float:
        before = None if delays.is_healthy(lived_s) else self._failing.get(name)
        kind = (name, type(error))
        failure = Failure(
            name, error, before.in_a_row + 1 if before else 1, delays.after(lived_s), kind not in self._kinds
        )
        self._failing[name] = failure
        self._kinds.add(kind)
        self._count(name, type(error).__name__)
        self._tell(failure)
        return failure.again_in_s

    def _went_through(self, name: str, delays: RestartDelays) -> None:
        delays.reset()
        if self._failing.pop(name, None):
            _log.info("a step goes through again", step=name)

    async def _rest(self, seconds: float) -> bool:
        """Whether it is time to stop, at the latest after so long."""
        if self._stop.is_set() or seconds <= 0:
            return self._stop.is_set()
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return False
        return True


def _how_it_ended(task: asyncio.Task[None]) -> str:
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return "it returned" if error is None else f"{type(error).__name__}: {text_of(error)}"


def text_of(error: BaseException) -> str:
    """An error that can't say what it is must not end who tells of it."""
    try:
        return str(error)
    except Exception as unspeakable:
        return f"(its text fails with {type(unspeakable).__name__})"
