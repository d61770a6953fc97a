"""A dead letter: the record byte for byte (key, value, headers), and five headers of ours.

    dead-letter-topic, -partition, -offset   where it came from
    dead-letter-reason                       why it was set aside, a sentence
    dead-letter-time                         when, seconds since the epoch

A replay strips these five, sends the rest to its original topic and partition, and then marks the letter: one more
record on the topic, with the letter's key, an empty value, and two headers

    dead-letter-replayed                     the letter that was replayed, PARTITION/OFFSET on this topic
    dead-letter-time                         when
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from .reading import KafkaRecord

PREFIX: Final = "dead-letter-"
_REPLAYED: Final = f"{PREFIX}replayed"
_REASON_BYTES: Final = 4_096


class Place(NamedTuple):
    """Where a letter lies on the topic of dead letters. Written PARTITION/OFFSET."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


class Origin(NamedTuple):
    """Where the record of a letter came from."""

    topic: str
    partition: int
    offset: int


class Letter(Struct, frozen=True, kw_only=True):
    """One letter; `headers` are the record's own."""

    place: Place
    origin: Origin
    reason: str
    time: float
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Mark(NamedTuple):
    """The letter at `place` was replayed at `time`."""

    place: Place
    time: float


def parse_place(text: str) -> Place:
    """`17` is `0/17`. Raises ValueError."""
    partition, separator, offset = text.rpartition("/")
    numbers = (partition if separator else "0", offset)
    if not all(number.isdecimal() for number in numbers):
        raise ValueError(f"{text!r} is no place of a letter: OFFSET, or PARTITION/OFFSET, as `list` shows it")
    return Place(int(numbers[0]), int(numbers[1]))


def letter_headers(origin: KafkaRecord, reason: str, time: float) -> list[tuple[str, bytes]]:
    """The record's own headers and those of the letter."""
    return [
        *_own_headers(origin.headers),
        (f"{PREFIX}topic", origin.topic.encode()),
        (f"{PREFIX}partition", str(origin.partition).encode()),
        (f"{PREFIX}offset", str(origin.offset).encode()),
        (f"{PREFIX}reason", reason.encode(errors="replace")[:_REASON_BYTES]),
        (f"{PREFIX}time", _time(time)),
    ]


def mark_headers(place: Place, time: float) -> list[tuple[str, bytes]]:
    """Of the record that says that a letter was replayed."""
    return [(_REPLAYED, str(place).encode()), (f"{PREFIX}time", _time(time))]


def _own_headers(headers: Any) -> list[tuple[str, bytes]]:
    """Those of the record itself."""
    return [(key, value) for key, value in headers if not key.startswith(PREFIX)]


def read_letter(record: KafkaRecord) -> Letter | Mark | None:
    """The letter or mark in a record of the topic; None for a record that other software wrote."""
    ours = {key: value.decode(errors="replace") for key, value in record.headers if key.startswith(PREFIX)}
    try:
        if _REPLAYED in ours:
            return Mark(parse_place(ours[_REPLAYED]), _time_of(ours))
        origin = Origin(ours[f"{PREFIX}topic"], int(ours[f"{PREFIX}partition"]), int(ours[f"{PREFIX}offset"]))
        return Letter(
            place=Place(record.partition, record.offset),
            origin=origin,
            reason=ours[f"{PREFIX}reason"],
            time=_time_of(ours),
            key=record.key,
            value=record.value,
            headers=_own_headers(record.headers),
        )
    except (KeyError, ValueError):
        return None


def _time(time: float) -> bytes:
    return f"{time:.6f}".encode()


def _time_of(ours: Mapping[str, str]) -> float:
    return float(ours[f"{PREFIX}time"])
