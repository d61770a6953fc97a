"""Events around the data: lag, drops, network errors. `experiment.events` takes a user's functions for these.

Without a function of the user's, what they should know is a warning, once a cause; nothing is said twice a minute.
"""

import sys
import warnings
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from .process.locks import Registry

if TYPE_CHECKING:
    from .errors import EventsRefused

Happening = Literal[
    "dropped", "journal_full", "network_error", "delivered", "lagging", "deleted", "refused", "dead_lettered"
]

_REPEAT_S = 60.0
_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])


class MldashWarning(UserWarning):
    """Something around the data that does not stop the job."""


class Callbacks:
    """`experiment.events`: functions that are called when something happens, on the thread where it does.

    dropped(count)                         the journal is full and the policy is "drop": events given up so far
    journal_full(folder, bytes, reason)    log() waits for room
    network_error(error, attempts)         a server does not answer; it is tried again
    lagging(seconds, bytes)                what is in the journal, and not acknowledged, is older than a minute (lag.py)
    refused(error)                         EventsRefused: Kafka takes some events no more, for their size; they are kept
    deleted(prefix)                        the experiment was deleted: what this process logs is dropped from now on
    dead_lettered(count, reason)           the servers could not store so many of this process's events, at most, until
                                           now, and why the newest was not; they are kept as dead letters
    delivered()                            after network_error or lagging: it is acknowledged again

    An experiment of which a process holds several objects has one journal: functions of each object are called.
    """

    def __init__(self) -> None:
        self._functions: dict[str, list[Callable[..., Any]]] = {name: [] for name in get_args(Happening)}
        self._said: dict[str, float] = {}
        self._others: Registry[Callbacks] = Registry()

    def on(self, happening: Happening, function: _FunctionT) -> _FunctionT:
        """Call `function` from now on; returns it. Raises ValueError for a name that is not above."""
        if happening not in self._functions:
            raise ValueError(f"no such event: {happening!r}. Use one of {', '.join(self._functions)}")
        self._functions[happening].append(function)
        return function

    def join(self, other: "Callbacks") -> None:
        """From now on functions of `other` are called too, as long as it is there."""
        if other is not self:
            self._others.add(other)

    def dropped(self, count: int) -> None:
        if not self._call("dropped", count):
            self._warn("dropped", f"the journal is full: {count} events were dropped (policy 'drop')")

    def journal_full(self, folder: str, used_bytes: int, reason: str) -> None:
        if not self._call("journal_full", folder, used_bytes, reason):
            self._warn("journal_full", f"the journal {folder} is full ({reason}): log() waits until some of it is sent")

    def network_error(self, error: BaseException, attempts: int) -> None:
        """Many a hiccup is over soon: a warning comes with the third attempt."""
        if not self._call("network_error", error, attempts) and attempts >= 3:
            self._warn("network_error", f"{error}; events stay in the journal and are sent when it answers")

    def lagging(self, seconds: float, unsent_bytes: int) -> None:
        self._call("lagging", seconds, unsent_bytes)

    def refused(self, error: "EventsRefused") -> None:
        if not self._call("refused", error):
            self._warn("refused", str(error))

    def deleted(self, prefix: str) -> None:
        if not self._call("deleted", prefix):
            self._warn(
                "deleted",
                f"{prefix} was deleted while this process was writing to it: what it logs is dropped. "
                "A process that starts now begins the experiment anew",
            )

    def dead_lettered(self, prefix: str, count: int, reason: str) -> None:
        if not self._call("dead_lettered", count, reason):
            self._warn(
                "dead_lettered",
                f"{count} events that this process wrote to {prefix} could not be stored and are kept as dead letters "
                f"(mldash dead-letters list --experiment {prefix}): {reason}",
            )

    def delivered(self) -> None:
        self._said.pop("network_error", None)
        self._call("delivered")

    def _call(self, happening: Happening, *facts: Any) -> bool:
        """Whether the user has a function for it. Its own failure is shown and does no harm here."""
        functions = [one for each in (self, *self._others) for one in [*each._functions[happening]]]
        for function in functions:
            try:
                function(*facts)
            except Exception:
                sys.excepthook(*sys.exc_info())
        return bool(functions)

    def _warn(self, cause: str, message: str) -> None:
        if monotonic() - self._said.get(cause, -_REPEAT_S) >= _REPEAT_S:
            self._said[cause] = monotonic()
            warn(message)


def warn(message: str) -> None:
    """A line on stderr by way of `warnings`; never an exception out of a background thread or an exit."""
    try:
        # Without a place in the user's code: the line that happens to run is not the cause.
        warnings.warn_explicit(message, MldashWarning, "mldash", 0, module="mldash")
    except Warning as strict:  # the user's filters make errors of warnings: that is for their own calls
        print(strict, file=sys.stderr)
