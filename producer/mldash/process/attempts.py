"""The steps of a background thread of the SDK: one that fails is told, once a kind of error, and the thread goes on.

A thread that ends by an error ends its work without a word: a session whose heartbeat has stopped is taken for dead an
hour later, and the reason stays unknown. Delivery has its own loops, which begin anew (mldash/delivery).
"""

import traceback
from collections.abc import Callable
from typing import TypeVar

from mldash.callbacks import warn

ResultT = TypeVar("ResultT")


class Attempts:
    """Of one thread; `what` says in a warning what failed."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told = set[type]()
        self.failures = 0
        """In a row, until now."""

    def attempt(self, step: Callable[[], ResultT]) -> ResultT | None:
        """Runs `step` and returns its value; None where it failed. KeyboardInterrupt and SystemExit are raised."""
        try:
            result = step()
        except Exception as error:
            self.failures += 1
            if type(error) not in self._told:
                self._told.add(type(error))
                *lines, last = traceback.format_exception(error)  # which bears errors that can't say what they are
                warn(f"{self._what} failed: {last.strip()}; it is tried again\n{''.join(lines)}")
            return None
        self.failures = 0
        return result
