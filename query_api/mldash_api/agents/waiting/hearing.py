"""What says that a look is worth it: the live stream of what is waited for.

points     the points of the metric
end        the statuses of the runs
condition  the statuses of the runs, and of what it reads the points of metrics and the params

What no stream tells is looked at by the clock alone: a condition over all runs, one that reads notes or tags or the
time, very many runs, and all of it while there is no stream to be had.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from glob import escape
from typing import Final, Literal

from msgspec import Struct

from mldash.client.client import Client
from mldash.client.errors import LiveEnded
from mldash.client.live.asked import Told
from mldash.client.live.events import Closed, Gap, LiveEvent, Params, Points, Status, UpToDate
from mldash.client.live.listener import Live
from mldash.client.unreadable import IN_THE_WAY
from mldash.errors import RequestRefused, ServerUnreachable
from mldash.query.parsing import parse
from mldash.query.syntax import Keyed, Plain, Statistic, conditions_of

_MOST_LETTERS: Final = 6_000
"""Of the prefixes and names together: they stand in an address."""
_OF_STATUS: Final = frozenset(("prefix", "name", "owner", "project", "status", "started", "ended"))
_PATIENCE_S: Final = 3_600.0
"""A stream that breaks is made again for as long as anybody waits."""
_SETTLES_S: Final = 0.2
"""So far the index of runs is usually behind the stream."""
_WITHOUT_STREAM: Final = (ServerUnreachable, RequestRefused, LiveEnded, *IN_THE_WAY)


class Heard(Struct, frozen=True, kw_only=True):
    """What is listened to. `is_all`: nothing else can make it come true, but for what is stored unheard."""

    prefixes: tuple[str, ...]
    kinds: tuple[Told, ...]
    metrics: tuple[str, ...] = ()
    start: int | Literal["now"] = "now"
    is_all: bool = True
    settles_s: float = 0.0
    """What is heard can be read so much later."""


def of_points(prefix: str, metric: str | None, start: int | Literal["now"] = "now") -> Heard:
    """From this index on."""
    return Heard(prefixes=(prefix,), kinds=("points",), metrics=(_pattern(metric),), start=start)


def of_statuses(prefixes: Sequence[str]) -> Heard:
    return Heard(prefixes=tuple(prefixes), kinds=("status",), settles_s=_SETTLES_S)


def of_condition(prefixes: Sequence[str], filter: str) -> Heard:
    """Raises FilterError."""
    kinds, metrics, is_all = list[Told](["status"]), dict[str, None](), True
    for condition in conditions_of(parse(filter)):
        match condition.field:
            case Statistic(metric, _, _):
                kinds.append("points")
                metrics[_pattern(metric)] = None
            case Keyed("params", _):
                kinds.append("params")
            case Plain(name) if name in _OF_STATUS:
                pass
            case _:
                is_all = False
    told = tuple(dict.fromkeys(kinds))
    settles_s = 0.0 if metrics else _SETTLES_S  # exact.py reads what the index does not know yet
    patterns = tuple(metrics)
    return Heard(prefixes=tuple(prefixes), kinds=told, metrics=patterns, is_all=is_all, settles_s=settles_s)


class Hearing:
    """Within one event loop. `heard` is set whenever a look is worth it; whoever looks clears it first."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.settles_s = 0.0
        self.is_open = False
        """Whether everything that can make it come true is heard."""
        self._loop = asyncio.get_running_loop()

    def follow(self, live: Live, heard: Heard, is_worth: Callable[[LiveEvent], bool]) -> None:
        """In a thread, to the stream's end."""
        is_open = False
        with contextlib.suppress(*_WITHOUT_STREAM):  # then it is looked at by the clock
            for event in live:
                if isinstance(event, UpToDate | Closed):
                    is_open = heard.is_all and isinstance(event, UpToDate)
                    self._tell(is_open)
                elif isinstance(event, Gap) or is_worth(event):
                    self._tell(is_open)
        self._tell(False)

    def _tell(self, is_open: bool) -> None:
        def tell() -> None:
            self.is_open = is_open
            self.heard.set()

        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._loop.call_soon_threadsafe(tell)


@contextlib.contextmanager
def listening(client: Client, heard: Heard | None, is_worth: Callable[[LiveEvent], bool]) -> Iterator[Hearing]:
    """Within an event loop. Its end waits for nothing: whoever is cancelled has no time. `heard` None: there is no
    stream for it."""
    hearing = Hearing()
    if heard is None or not heard.prefixes or sum(map(len, (*heard.prefixes, *heard.metrics))) > _MOST_LETTERS:
        yield hearing
        return
    hearing.settles_s = heard.settles_s
    asked = {"kinds": heard.kinds, "metrics": heard.metrics, "start": heard.start, "patience_s": _PATIENCE_S}
    live = client.live(heard.prefixes, **asked)  # type: ignore[arg-type]
    following = (live, heard, is_worth)
    threading.Thread(target=hearing.follow, args=following, name="mldash-wait", daemon=True).start()
    try:
        yield hearing
    finally:
        live.close()


def is_news(event: LiveEvent) -> bool:
    """Whether it can change how a condition stands."""
    return isinstance(event, Points | Params | Status)


def _pattern(metric: str | None) -> str:
    """Of this very name."""
    return "" if metric is None else escape(metric)
