"""A listener as server-sent events (mldash_api/answers.py).

What the client does not take stays in the store: the next event is made when there is room for it. A client that takes
nothing at all is cut off by sending.py; one that has gone ends the listener at once.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from time import monotonic
from typing import Any

import msgspec
import structlog

from mldash_api.answers import ALIVE, SentEvents, text_of
from mldash_api.errors import ApiError
from mldash_ingest.documents.mongo import PyMongoError

from .hub import Hub
from .listener import Event, Listener

_log = structlog.get_logger()


class EventStream(SentEvents):
    """The answer of a route: it goes on until the listener's end, or its client's."""

    def __init__(self, hub: Hub, listener: Listener) -> None:
        super().__init__()
        self._hub, self._listener = hub, listener

    async def bodies(self) -> AsyncGenerator[bytes]:
        async with aclosing(told_to_its_end(self._listener)) as told:
            async for event in told:
                begun = monotonic()
                yield ALIVE if event is None else text_of(event.name, event.id, event.data)
                self._listener.was_blocked(monotonic() - begun)

    def ended(self) -> None:
        self._hub.leave(self._listener)


async def told_to_its_end(listener: Listener) -> AsyncGenerator[Event | None]:
    """What it is told; where that fails, `closed` says so, and the client goes on from the id before."""
    last = None
    try:
        async with aclosing(listener.told()) as told:
            async for event in told:
                last = event.id if event is not None else last
                yield event
    except (ApiError, PyMongoError) as error:
        _log.warning("a listener ends", error=f"{type(error).__name__}: {str(error)[:200]}")
        if last is not None:
            reason = error.type if isinstance(error, ApiError) else "server-away"
            yield Event("closed", last, msgspec.json.encode({"reason": reason}))


def page_of(events: Iterable[Event], next_id: str) -> dict[str, Any]:
    """The same events as one answer."""
    told = [{"event": one.name, "id": one.id, "data": msgspec.Raw(one.data)} for one in events]
    return {"events": told, "next": next_id}
