"""What a user holds of `client.live(…)`: an iterator of events."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol

from .asked import LiveAsked, asked_live
from .events import LiveEvent


class LiveSource(Protocol):
    """Where events come from."""

    @property
    def id(self) -> str | None:
        """With it `client.live(…, after=id)` goes on behind all that `next` has given."""
        ...

    def next(self) -> LiveEvent | None:
        """The next event, waited for; None: nothing more will come, or it was closed."""
        ...

    def change(self, asked: LiveAsked) -> int:
        """The number of the change."""
        ...

    def close(self) -> None:
        """From any thread; a `next` that waits returns None."""
        ...


class Live:
    """What is new in runs, as typed events (`mldash.client.live.events`):

        with client.live("alice/robots/walk-07", kinds="points") as live:
            for event in live:
                if isinstance(event, Points):
                    print(event.name, event.points[-1]["data"])

    Each stored event is told once, in its stream's order, also over cuts and restarts of the API. The loop waits for
    the next event; it ends with `close()`, from any thread, or when nothing more will come (`until="end"`). Whatever
    goes wrong for good is raised by the loop: ServerUnreachable after `patience_s` without a connection, RequestRefused
    and its kinds for what the API refuses, LiveEnded where it has ended the stream.

    For one thread, `close()` and `change()` for any.
    """

    def __init__(self, source: LiveSource, asked: LiveAsked) -> None:
        self._source, self._asked = source, asked

    @property
    def id(self) -> str | None:
        """`client.live(…, after=id)` goes on behind all events that were given, where what is listened to is the same.
        Where the API told several streams at once the id is reached with the last of them: whoever stops between them
        is told these once more. None: nothing was told yet."""
        return self._source.id

    def __iter__(self) -> Iterator[LiveEvent]:
        return self

    def __next__(self) -> LiveEvent:
        event = self._source.next()
        if event is None:
            raise StopIteration
        return event

    def change(self, prefixes: Any = (), **asked: Any) -> int:
        """Listen to this from now on, in place of what was listened to; the arguments are those of `client.live`. What
        goes on to be listened to goes on where it is; `start` is for the rest. The event Changed with the number that
        this returns says that it has taken effect. `nonfinite` and `until` stay unless they are given.

        Raises ValueError; over an API also RuntimeError where the stream is not `changeable`, and as reads do.
        """
        kept = {"nonfinite": self._asked.nonfinite, "until": self._asked.until}
        new = asked_live(prefixes, **{**kept, **asked})
        number = self._source.change(new)
        self._asked = new
        return number

    def close(self) -> None:
        """End it: the connection is closed, and the loop ends. Again: nothing."""
        self._source.close()

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        named = ", ".join([*self._asked.prefixes, *(f"{one}/…" for one in self._asked.scopes)])
        return f"<Live {named:.200}>"
