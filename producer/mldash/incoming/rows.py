"""Calls with a step → rows, as wandb makes them; a decision without I/O.

log(data)                 joins the open row, closes it, and counts up
log(data, step=N)         joins row N, which stays open; the row that was open before N is closed
commit=False | True       keeps the row open | closes it
a step that is closed     a row of its own with that step: wandb drops it, here nothing vanishes
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from .in_child import forget_in_child


class Row(Struct, frozen=True):
    """What was logged of one step. `late`: its step was closed already."""

    step: int
    data: dict[str, Any]
    late: bool = False


class Rows:
    """The open row of one writer. With `keeps_repeats` a key that comes twice for one step begins another row of that
    step, as TensorBoard keeps both; without it the last value wins."""

    def __init__(self, first: int = 0, *, keeps_repeats: bool = False) -> None:
        self.step = first
        """The number of the open row, or of the next one."""
        self._open: dict[str, Any] | None = None
        self._keeps_repeats = keeps_repeats
        forget_in_child(self)

    def forget(self) -> None:
        """The open row is another process's."""
        self._open = None

    @property
    def has_open(self) -> bool:
        return self._open is not None

    def take_alone(self, commit: bool | None = None) -> int | None:
        """The number of a row that one call without a step begins and ends; None where it does not."""
        if self._open is not None or commit is False:
            return None
        self.step += 1
        return self.step - 1

    def take(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> list[Row]:
        """The rows that this call closes, in order."""
        closed = []
        if step is not None and step < self.step:
            return [Row(step, dict(data), late=True)]
        if step is not None and step > self.step:
            closed += self.close()
            self.step = step
        if self._keeps_repeats and self._open is not None and not self._open.keys().isdisjoint(data):
            closed.append(Row(self.step, self._open))
            self._open = None
        self._open = {**(self._open or {}), **data}
        if commit is True or (commit is None and step is None):
            closed += self.close()
        return closed

    def close(self) -> list[Row]:
        """The open row, if there is one; the next one has the number behind it."""
        if self._open is None:
            return []
        row = Row(self.step, self._open)
        self._open, self.step = None, self.step + 1
        return [row]
