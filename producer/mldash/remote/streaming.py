"""An answer that goes on: read as it comes, usually over a connection of its own, which another thread can cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final, Protocol

import urllib3

from mldash.errors import ServerUnreachable

EVENT_STREAM: Final = "text/event-stream"
_READ_BYTES: Final = 1 << 16


class OpenAnswer(Protocol):
    """`read` for one thread, `cut` for any."""

    status: int
    kind: str
    """Its media type."""

    def read(self) -> bytes:
        """What has come, waited for; empty at the end, or after a cut. Raises ServerUnreachable."""
        ...

    def cut(self) -> None:
        """A `read` that waits returns, or raises."""
        ...

    def close(self) -> None:
        """Nothing of it stays."""
        ...


class ConnectedAnswer:
    """An OpenAnswer over a connection of its own."""

    def __init__(self, address: str, pool: urllib3.PoolManager, answer: urllib3.BaseHTTPResponse) -> None:
        self.status, self.kind = answer.status, answer.headers.get("Content-Type", "")
        self._address, self._pool, self._answer = address, pool, answer
        self._chunks: Iterator[bytes] = iter(())
        if self.status == 200:
            self._chunks = _chunks(answer)

    def read(self) -> bytes:
        try:
            return next(self._chunks, b"")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(self._address, reason_of(error)) from error

    def cut(self) -> None:
        with contextlib.suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
            self._answer.shutdown()

    def close(self) -> None:
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            self._answer.close()
        self._pool.clear()


def _chunks(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    if isinstance(answer, urllib3.HTTPResponse) and answer.chunked:
        yield from answer.read_chunked()
        return
    while data := answer.read1(_READ_BYTES):
        yield data


def reason_of(error: BaseException) -> str:
    """The system's own message, which urllib3 wraps more than once."""
    inner: BaseException | None = error
    while inner is not None:
        if text := getattr(inner, "strerror", None):
            return str(text)
        reason = getattr(inner, "reason", None)
        inner = reason if isinstance(reason, BaseException) else inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__
