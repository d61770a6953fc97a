"""Bytes of server-sent events → events (https://html.spec.whatwg.org/multipage/server-sent-events.html). No I/O.

event: NAME        the name, the id and the data, in any order; a field of another name counts for nothing
id: ID
data: JSON         several lines are one text with newlines between them
                   an empty line ends the event; one without data is none
: comment          nothing
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

MOST_BYTES: Final = 256 << 20
"""Of one event: what is longer is no API's."""


class Sent(NamedTuple):
    """One server-sent event, its data decoded."""

    name: str
    id: str
    data: Any


class EventText:
    """Of one connection; a new one begins anew, for what was cut in the middle comes again."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._looked = 0
        """So far the rest has no end of a line."""
        self._name, self._id = "", ""
        self._data = list[bytes]()
        self._held = 0

    def take(self, data: bytes) -> list[Sent]:
        """The events that these bytes complete. Raises ValueError for what is none."""
        self._rest += data
        found, begin = list[Sent](), 0
        while (end := self._rest.find(b"\n", max(begin, self._looked))) >= 0:
            line = bytes(self._rest[begin:end]).removesuffix(b"\r")
            begin = self._looked = end + 1
            if line:
                self._take_line(line)
            elif (event := self._ended()) is not None:
                found.append(event)
        del self._rest[:begin]
        self._looked = len(self._rest)
        if self._held + len(self._rest) > MOST_BYTES:
            raise ValueError(f"an event has more than {MOST_BYTES:,} bytes")
        return found

    def _take_line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._held += len(value)
        elif name == b"event":
            self._name = value.decode()
        elif name == b"id":
            self._id = value.decode()

    def _ended(self) -> Sent | None:
        name, data = self._name, self._data
        self._name, self._data, self._held = "", [], 0
        return Sent(name, self._id, msgspec.json.decode(b"\n".join(data))) if data else None
