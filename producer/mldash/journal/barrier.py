"""How far the journal is acknowledged, and waiting for it; every wait has a bound."""

from collections.abc import Callable

from mldash.errors import EventsRefused
from mldash.process.clock import Deadline
from mldash.process.locks import Bell

from .checkpoint import Place


class Barrier:
    """The end of the acknowledged prefix, as other threads see it."""

    def __init__(self) -> None:
        self._waiting: list[Bell] = []
        self.place = Place(0, 0)
        self.problem: str | None = None
        """Why nothing is acknowledged at present."""
        self.refused: EventsRefused | None = None
        """What Kafka takes no more: it is kept elsewhere, and `place` goes on behind it."""

    def advance(self, place: Place) -> None:
        self.place = place
        self.problem = None
        for bell in self._waiting.copy():
            bell.ring()

    def trouble(self, problem: str) -> None:
        self.problem = problem

    def wait(self, target: Place, timeout: float, wake: Callable[[], None]) -> bool:
        """Whether everything before `target` was acknowledged in time. `wake` hurries who acknowledges."""
        deadline = Deadline(timeout)
        moved = Bell()  # one for each who waits: a handler may wait for more within another's wait
        self._waiting.append(moved)
        try:
            while self.place < target:
                if deadline.passed:
                    return False
                wake()
                moved.wait(deadline.wait_s(0.25))
        finally:
            self._waiting.remove(moved)
        return True
