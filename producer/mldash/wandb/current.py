"""The run of this process that `wandb.log` means, and the end of those that a script does not finish."""

import atexit
from typing import TYPE_CHECKING, Any

from .errors import Error

if TYPE_CHECKING:
    from .one_run import Run

open_run: "Run | None" = None
"""None before `init` and after the end."""

_open: "list[Run]" = []


def needed(call: str) -> "Run":
    """The current run. Raises Error where there is none."""
    if open_run is None:
        raise Error(f"You must call wandb.init() before wandb.{call}")
    return open_run


def opened(new: "Run", *, is_current: bool) -> None:
    """From now on it is the one that is meant, and is ended with the process."""
    global open_run
    if not _open:
        # After the SDK's own, which the run's start has registered: so it is called before that ends the run.
        atexit.unregister(_settle_all)
        atexit.register(_settle_all)
    _open.append(new)
    if is_current:
        open_run = new


def ended(one: "Run") -> None:
    """It takes no more calls."""
    global open_run
    _open[:] = [each for each in _open if each is not one]
    if open_run is one:
        open_run = None


def _settle_all() -> None:
    """The rows that are open are written; how the runs end is for the SDK to see."""
    for one in [*_open]:
        one.settle()


class Unopened:
    """`wandb.config` and `wandb.summary` while no run is open: whatever is asked of them raises Error."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Error(f"You must call wandb.init() before wandb.{self.__dict__['_name']}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__getattr__(name)

    def __getitem__(self, name: str) -> Any:
        raise Error(f"You must call wandb.init() before wandb.{self.__dict__['_name']}[{name!r}]")

    def __setitem__(self, name: str, value: Any) -> None:
        self.__getitem__(name)
