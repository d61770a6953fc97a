"""A part of one event, named after what that says: parameters, and what is said of a run, which can change as long as
it exists."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from .events import Event, LeftOut, Progress, RunEvent


class Told:
    """`said` is plain data: said again, it is the same part."""

    size_bytes = 0

    def __init__(self, kind: str, said: Any, made: Callable[[LeftOut], Event | RunEvent | None]) -> None:
        self.id = f"{kind}-{hashlib.blake2b(msgspec.json.encode(said, order='sorted'), digest_size=16).hexdigest()}"
        self._made = made

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        event = self._made(left)
        if event is not None:
            yield event
