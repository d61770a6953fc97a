"""The run of this process that `trackio.log` means."""

from typing import TYPE_CHECKING

from .errors import NotAsked

if TYPE_CHECKING:
    from .one_run import Run

open_run: "Run | None" = None
"""None before `init` and after the end."""


def needed(call: str) -> "Run":
    """The open run. Raises NotAsked where there is none."""
    if open_run is None:
        raise NotAsked(f"Call trackio.init() before trackio.{call}().")
    return open_run


def opened(new: "Run") -> None:
    """From now on it is the one that is meant."""
    global open_run
    open_run = new


def ended(one: "Run") -> None:
    """It takes no more calls."""
    global open_run
    if open_run is one:
        open_run = None
