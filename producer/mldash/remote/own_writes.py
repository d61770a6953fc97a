"""A read's message to the API about this process's own writes: up to which events of which streams to wait."""

import base64
from typing import Final, Protocol

import msgspec

MOST_STREAMS: Final = 100
"""Of one request, so many of this process's own streams are told, in at most so many bytes before base64: servers take
headers of some kilobytes."""
_MOST_WRITTEN_BYTES: Final = 4096

About = tuple[str, str | None]  # kind and name of a stream; name "*" stands for all of the kind
ALL: Final = "*"
Told = tuple[str, str | None, bytes, int]  # kind, name, session, next seq


class OwnWrites(Protocol):
    """A session of this process, open or ended, as the reader has to know it."""

    def flush(self, timeout: float | None = None) -> None: ...

    def written(self) -> dict[tuple[str, str | None], int]:
        """Stream → how many of this session's events are in Kafka."""
        ...

    def missing(self) -> list[tuple[str, str | None, int]]:
        """(kind, name, events that Kafka has not acknowledged) of each stream."""
        ...

    @property
    def id(self) -> bytes: ...

    @property
    def has_ended(self) -> bool: ...


def first_of(told: list[Told]) -> list[Told]:
    """As many as one header holds, at least one of them."""
    room = _MOST_WRITTEN_BYTES
    for at, one in enumerate(told[:MOST_STREAMS]):
        room -= len(msgspec.msgpack.encode(one))
        if room < 0 and at:
            return told[:at]
    return told[:MOST_STREAMS]


def headers_of(told: list[Told], left_s: float) -> dict[str, str]:
    value = base64.urlsafe_b64encode(msgspec.msgpack.encode(told)).decode().rstrip("=")
    return {"Mldash-Written": value, "Mldash-Wait": f"{left_s:.3f}"}


def told_of(own: OwnWrites, about: list[About]) -> list[Told]:
    """Each stream asked about that the session wrote to."""
    written = own.written()
    return [
        (*stream, own.id, written[stream])
        for kind, name in about
        for stream in ([one for one in written if one[0] == kind] if name == ALL else [(kind, name)])
        if stream in written
    ]
