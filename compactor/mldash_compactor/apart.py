"""Many things in one step, each by itself: an error of one does not stop the others.

An error of one thing is logged and kept; behind the last thing the first of these errors is raised, so that the step
counts as failed. The error of a server that is away is raised at once, for all other things would wait for it too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from mldash.process.supervision import text_of
from mldash_ingest.documents.mongo import AutoReconnect

from .chunks.errors import StoreRefused, StoreUnreachable

_AWAY: Final = (AutoReconnect, StoreUnreachable, StoreRefused)
_log = structlog.get_logger()


class Apart:
    """The errors of single things in one step."""

    def __init__(self) -> None:
        self._first: Exception | None = None
        self._count = 0

    @contextmanager
    def one(self, **what: object) -> Iterator[None]:
        """The work on one thing; `what` names it in the log."""
        try:
            yield
        except _AWAY:
            raise
        except Exception as error:
            _log.warning("left for the next time", **what, error=f"{type(error).__name__}: {text_of(error)}")
            self._first, self._count = self._first or error, self._count + 1

    def raise_first(self) -> None:
        """Behind the last thing: the first error of all, where there was one."""
        if self._first is not None:
            self._first.add_note(f"{self._count} of this step's things failed; all others had their turn")
            raise self._first
