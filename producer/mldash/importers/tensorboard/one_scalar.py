"""Events of one scalar, which most are, without parsing each.

wall time  a 9 and 8 bytes
step       a 16 and a varint; absent where it is 0
summary    one value: its tag, and last a `simple_value`: 4 bytes

What stands between the step and these last 4 bytes is the same in all events of a tag. So it is parsed for the first of
them, and from then on it names the tag.
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from mldash.importers.protobuf import Malformed, fields

from .summaries import Value, values_of

_SUMMARY: Final = 5
_WALL_TIME_KEY: Final = 0x09
_STEP_KEY: Final = 0x10
_SINGLE_KEY: Final = b"\x15"
_MORE: Final = 0x80
_LEAST_BYTES: Final = 16
_double = struct.Struct("<d").unpack_from
_single = struct.Struct("<f")
_STEP_AT: Final = 9
_STEP_BITS: Final = 56
_VALUE_BYTES: Final = 4
_MOST_TAGS: Final = 10_000
_PROBES: Final = (1.5, -2.25)


class Scalar(NamedTuple):
    """`place` is what the tag was given."""

    time: float
    step: int
    place: tuple[str, str]
    value: float


class OneScalar:
    """The tags of one file, with the place that `place_of` gives each."""

    def __init__(self, place_of: Callable[[str], tuple[str, str]]) -> None:
        self._place_of = place_of
        self._places: dict[bytes, tuple[str, str]] = {}

    def find(self, data: bytes) -> Scalar | None:
        """None: it is something else, or the first of its tag."""
        if not _may_be_one(data):
            return None
        step, at = _step_of(data)
        place = self._places.get(data[at:-_VALUE_BYTES])
        if place is None:
            return None
        return Scalar(_double(data, 1)[0], step, place, _single.unpack_from(data, len(data) - _VALUE_BYTES)[0])

    def learn(self, data: bytes, values: list[Value]) -> None:
        """An event and its values, parsed: the next ones of its tag are found, if it is such an event."""
        is_one = len(values) == 1 and values[0].kind == "scalar" and _may_be_one(data)
        if not is_one or len(self._places) >= _MOST_TAGS:
            return
        _, at = _step_of(data)
        key, tag = data[at:-_VALUE_BYTES], values[0].tag
        if key.endswith(_SINGLE_KEY) and all(_says(key, probe, tag) for probe in _PROBES):
            self._places[key] = self._place_of(tag)


def _may_be_one(data: bytes) -> bool:
    """It has a wall time, and the room for a summary behind it."""
    return len(data) >= _LEAST_BYTES and data[0] == _WALL_TIME_KEY


def _step_of(data: bytes) -> tuple[int, int]:
    """The step, and where the summary begins. A step of so many bits that it could be a negative one has no end."""
    if data[_STEP_AT] != _STEP_KEY:
        return 0, _STEP_AT
    step, at = data[_STEP_AT + 1], _STEP_AT + 2
    if step < _MORE:
        return step, at
    step -= _MORE
    for shift in range(7, _STEP_BITS, 7):
        byte = data[at] if at < len(data) else _MORE
        at += 1
        step |= (byte & 0x7F) << shift
        if byte < _MORE:
            return step, at
    return 0, len(data)


def _says(key: bytes, probe: float, tag: str) -> bool:
    """Whether these bytes and a value's 4 are a summary of this tag alone, whatever the value."""
    try:
        found = [*fields(key + _single.pack(probe))]
        summary = found[0][1] if len(found) == 1 and found[0][0] == _SUMMARY else b""
        return isinstance(summary, bytes) and values_of(summary, {}) == [Value(tag, "scalar", probe)]
    except Malformed:
        return False
