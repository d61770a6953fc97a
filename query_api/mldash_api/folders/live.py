"""GET /v1/live, PUT /v1/live/{id}: what comes into the folder, as server-sent events (docs/http.md, Live)."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, SkipValidation

from mldash.client.kept_runs import KeptRuns
from mldash.client.live.asked import LiveAsked, Start, asked_live
from mldash.client.live.over_folder import FolderEvents
from mldash.client.live.wire import sent_of
from mldash_api.answers import ALIVE, SentEvents, text_of
from mldash_api.errors import NotFound, RequestRefused, WrongParameter
from mldash_api.live.asked import Asked
from mldash_api.rights.needed import needs
from mldash_api.routes.live.asked import (
    AfterText,
    AskedPage,
    ChangedPage,
    FromText,
    NameText,
    after_of,
    provide_asked,
)

from .asking import OurForm, OurRuns

MOST_STREAMS: Final = 64
"""Each is a thread."""
_ALIVE_EVERY_S: Final = 15.0
_log = logging.getLogger(__name__)

OurAsked = NamedDependency[SkipValidation[Asked]]


class Streams:
    """Those that are open, by their names."""

    def __init__(self) -> None:
        self._open = dict[str, FolderEvents]()

    def open(self, runs: KeptRuns, name: str | None, asked: LiveAsked, after: str | None) -> "LocalStream":
        """Raises RequestRefused, WrongParameter (an id that is none)."""
        if len(self._open) >= MOST_STREAMS:
            raise RequestRefused(f"{MOST_STREAMS} streams are open: close some pages")
        try:
            events = FolderEvents(runs.asked_for, asked, after, runs.tell)
        except ValueError as error:
            raise WrongParameter("after", str(error)) from None
        known = name or secrets.token_hex(16)
        self._open[known] = events
        return LocalStream(self, known, events)

    def change(self, name: str, asked: LiveAsked) -> int:
        """The number of the change. Raises NotFound."""
        if name not in self._open:
            raise NotFound("stream", name)
        return self._open[name].change(asked)

    def leave(self, name: str, events: FolderEvents) -> None:
        events.close()
        if self._open.get(name) is events:  # a page that came back may have taken the name
            del self._open[name]

    def close(self) -> None:
        """All of them end; their pages come back."""
        for events in self._open.values():
            events.close()


class LocalStream(SentEvents):
    """One of them. Its events are waited for in a thread of its own."""

    def __init__(self, streams: Streams, name: str, events: FolderEvents) -> None:
        super().__init__()
        self._streams, self._name, self._events = streams, name, events

    async def bodies(self) -> AsyncGenerator[bytes]:
        thread = ThreadPoolExecutor(1, "mldash-view-live")
        try:
            while True:
                coming = asyncio.get_running_loop().run_in_executor(thread, self._next)
                while not (await asyncio.wait({coming}, timeout=_ALIVE_EVERY_S))[0]:
                    yield ALIVE
                body = coming.result()
                if body is None:
                    return
                yield body
        finally:
            self._events.close()
            thread.shutdown(wait=False)  # it ends with the look that it is at: other requests do not wait for it

    def ended(self) -> None:
        self._streams.leave(self._name, self._events)

    def _next(self) -> bytes | None:
        try:
            event = self._events.next()
        except Exception as error:  # a folder that went away, a file that is damaged: the page comes back
            _log.warning("a live stream ends: %s: %s", type(error).__name__, error)
            return None
        if event is None:
            return None
        name, data = sent_of(event)
        return text_of(name, self._events.id or "", msgspec.json.encode(data))


OurStreams = NamedDependency[SkipValidation[Streams]]


@get(
    "/live",
    opt=needs("read", "everything"),
    dependencies={"asked": Provide(provide_asked, sync_to_thread=False)},
)
async def live(
    request: Request[Any, Any, Any],
    runs: OurRuns,
    streams: OurStreams,
    asked: OurAsked,
    after: AfterText = None,
    start: FromText = "now",
    name: NameText = None,
) -> Response[Any]:
    """What is new, as it is written: every event of every stream once, in its stream's order."""
    return streams.open(runs, name, _listened(asked, start), after_of(request, after))


@put("/live/{name:str}", opt=needs("read", "everything"), status_code=200)
async def changed_live(
    name: FromPath[str], streams: OurStreams, form: OurForm, data: JSONBody[AskedPage]
) -> Response[ChangedPage]:
    """Change what the stream of this name listens to; it takes effect at the event `changed`."""
    return form.answer(ChangedPage(change=streams.change(name, _listened(data, data.start))))


def _listened(asked: Asked, start: str) -> LiveAsked:
    """Raises WrongParameter."""
    if asked.table is not None:
        raise WrongParameter("fields", "the API of a stack tells rows of a table; of a folder ask anew")
    if asked.pending:
        raise WrongParameter("pending", "a stack's API tells what is on its way; of a folder all that is told is there")
    begins: Any = int(start) if start.isascii() and start.isdigit() else start
    where: Start = begins
    try:
        return asked_live(
            asked.prefixes,
            scopes=asked.scopes,
            kinds=asked.kinds,
            metrics=asked.metrics,
            topics=asked.topics,
            levels=asked.levels,
            nonfinite=asked.nonfinite,
            until=asked.until,
            start=where,
        )
    except ValueError as error:
        raise WrongParameter("prefix", str(error)) from None
