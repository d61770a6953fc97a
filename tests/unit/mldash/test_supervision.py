"""A step that fails is told of and begun again: nothing that it raises ends the loop in silence."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from mldash.process.supervision import RED_AFTER, Failure, RestartDelays, Supervision
from tests.own_errors import own_errors

OWN = [*own_errors()]


def fast(stop: asyncio.Event, count: Callable[[str, str], None] = lambda step, error: None) -> Supervision:
    return Supervision(stop, count, first_delay_s=0.001, longest_delay_s=0.002)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another task
            await asyncio.sleep(0.001)


class Faulty:
    """A step that fails while it has an error, and counts its turns."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.turns = self.successes = 0

    async def __call__(self) -> None:
        self.turns += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.successes += 1


@pytest.mark.parametrize("error", OWN, ids=lambda error: type(error).__name__)
async def test_a_step_that_raises_any_error_of_ours_goes_on_turns_red_and_is_green_after_one_success(
    error: Exception,
) -> None:
    stop, counted, step = asyncio.Event(), list[tuple[str, str]](), Faulty(error)
    supervision = fast(stop, lambda name, kind: counted.append((name, kind)))
    assert supervision.trouble is None
    supervision.start("sweep", step, 0.001)
    await until(lambda: step.turns > RED_AFTER)
    trouble = supervision.trouble or ""
    assert trouble.startswith("sweep failed")
    assert type(error).__name__ in trouble
    step.error = None
    await until(lambda: step.successes >= 1 and supervision.trouble is None)
    assert counted[0] == ("sweep", type(error).__name__)
    stop.set()
    await supervision.finish()


async def test_fewer_failures_than_the_limit_are_counted_and_stay_green() -> None:
    stop, counted, step = asyncio.Event(), list[str](), Faulty(ValueError("once"))
    supervision = Supervision(stop, lambda name, kind: counted.append(kind), first_delay_s=3600)
    supervision.start("sweep", step, 0)
    await until(lambda: bool(counted))
    assert (counted, supervision.trouble) == (["ValueError"], None)
    await supervision.finish()


async def test_a_traceback_is_told_once_a_kind_and_a_line_each_time() -> None:
    stop, step = asyncio.Event(), Faulty(ValueError("first"))
    supervision = fast(stop)
    with structlog.testing.capture_logs() as lines:
        supervision.start("sweep", step, 0)
        await until(lambda: step.turns >= 3)
        step.error = KeyError("second")
        await until(lambda: len([one for one in lines if one.get("exc_info")]) == 2)
        await supervision.finish()
    failures = [one for one in lines if one["event"].startswith("a step failed")]
    assert [type(one["exc_info"]) for one in failures if one["exc_info"]] == [ValueError, KeyError]
    assert len(failures) >= 3
    assert all(one["error"] and one["step"] == "sweep" for one in failures)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
async def test_what_ends_a_process_ends_the_loop(error: BaseException) -> None:
    running = fast(asyncio.Event()).supervised("sweep", Faulty(error), 0)
    with pytest.raises(type(error)):
        running.send(None)  # asyncio itself would end the loop that this test runs in
        running.send(None)


async def test_its_own_cancellation_ends_it_and_one_within_the_step_does_not() -> None:
    """A step that awaits what another has cancelled raises CancelledError too."""
    stop, step = asyncio.Event(), Faulty(asyncio.CancelledError())
    task = asyncio.create_task(fast(stop).supervised("sweep", step, 0))
    await until(lambda: step.turns > RED_AFTER)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_that_means_stop_ends_it() -> None:
    with pytest.raises(LookupError):
        await fast(asyncio.Event()).supervised("sweep", Faulty(KeyError("x")), 0, stops=(LookupError,))


async def test_an_error_that_cannot_say_what_it_is_does_not_end_it() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    stop, step = asyncio.Event(), Faulty(Mute())
    supervision = fast(stop)
    supervision.start("sweep", step, 0)
    await until(lambda: step.turns > RED_AFTER)
    assert "Mute" in (supervision.trouble or "")
    await supervision.finish()


async def test_a_task_that_has_ended_before_its_time_is_red() -> None:
    supervision = fast(asyncio.Event())
    supervision.start("sweep", Faulty(None), 3600)
    supervision._tasks["sweep"].cancel()
    await until(lambda: supervision.trouble is not None)
    assert supervision.trouble == "sweep has ended: it was cancelled"
    await supervision.finish()


async def test_stop_ends_every_rest_at_once() -> None:
    stop, supervision = asyncio.Event(), None
    supervision = fast(stop)
    turn = Faulty(None)
    supervision.start("sweep", turn, 3600)
    supervision.start("later", Faulty(None), 3600, first_after_s=3600)
    await until(lambda: turn.turns == 1)
    stop.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*supervision._tasks.values())
    await supervision.finish()


@given(st.lists(st.floats(0, 100), max_size=50), st.floats(0.01, 5), st.floats(5, 60))
def test_delays_are_bounded_and_begin_anew_after_health(lives: list[float], first: float, longest: float) -> None:
    delays = RestartDelays(first, longest, 10.0)
    for lived in lives:
        delay = delays.after(lived)
        assert first <= delay <= longest
        assert delay == first or lived < 10.0
    delays.reset()
    assert delays.after(0.0) == first


async def test_the_delay_of_a_step_that_fails_reaches_the_rest_between_steps_and_no_more() -> None:
    """An hourly step that fails is begun again soon, and once it is broken for good not more often than hourly."""
    told, stop = list[Failure](), asyncio.Event()
    supervision = Supervision(stop, tell=told.append, first_delay_s=1.0, longest_delay_s=60.0)
    waits = list[float]()

    async def rest(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 20

    supervision._rest = rest  # type: ignore[method-assign]
    failing: Callable[[], Awaitable[None]] = Faulty(ValueError("x"))
    await supervision.supervised("hourly", failing, 3600.0)
    assert waits[:4] == [0.0, 1.0, 2.0, 4.0]
    assert max(waits) == 3600.0
