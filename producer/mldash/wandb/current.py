"""The run of this process that `wandb.log` means, and the end of those that a script does not finish."""

from typing import TYPE_CHECKING, Any

from mldash.session.process_end import call_before_end, call_no_more

from .errors import Error

if TYPE_CHECKING:
    from .one_run import Run

open_run: "Run | None" = None
"""None before `init` and after the end."""

active: "list[Run]" = []
"""All that have not ended; a script may have several."""


def needed(call: str) -> "Run":
    """The current run. Raises Error where there is none."""
    if open_run is None:
        raise Error(f"You must call wandb.init() before wandb.{call}")
    return open_run


def opened(new: "Run", *, is_current: bool) -> None:
    """From now on it is the one that is meant, and is ended with the process."""
    global open_run
    active.append(new)
    call_before_end(new.settle)  # its open row is written; how it ends is for the SDK to see
    if is_current:
        open_run = new


def ended(one: "Run") -> None:
    """It takes no more calls."""
    global open_run
    active[:] = [each for each in active if each is not one]
    call_no_more(one.settle)
    if open_run is one:
        open_run = None


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
