"""Where a listener stands in each stream, and the id of an event that says so.

An id is base64url of MessagePack: [1, hash of what is asked for, whether it has ended, kept, {experiment: [generation,
{stream: next index}]}]. Experiments and streams are the first 8 bytes of their ids. `kept` is the id of a document with
positions (kept.py), of which the id then only says what has moved since; nil: the id says all.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from mldash_api.errors import WrongParameter
from mldash_ingest.documents.collections import CLOSED

from .asked import HASH_BYTES

MOST_BYTES: Final = 2_000
"""Of an id before base64: proxies take headers of 8 KB."""
MOST_TEXT: Final = 16_384
"""Longer ones are not looked at."""
SHORT: Final = 8
KEPT_BYTES: Final = 12

_VERSION: Final = 1
_encode = msgspec.msgpack.Encoder().encode

Vector = dict[bytes, tuple[int, dict[bytes, int]]]
"""Experiment → its generation, and the next index of each stream."""

_Wire = tuple[int, bytes, bool, bytes | None, Vector]
_decode = msgspec.msgpack.Decoder(_Wire).decode
_decode_vector = msgspec.msgpack.Decoder(Vector).decode


class Id(Struct, frozen=True):
    """What stands in the text of an id."""

    hash: bytes
    has_ended: bool
    kept: bytes | None
    moved: Vector


class Position(Struct, frozen=True):
    """Of one stream, in a listener's positions."""

    experiment: bytes
    generation: int
    stream: bytes
    index: int


def parse_id(text: str) -> Id:
    """Raises WrongParameter, whatever it is."""
    try:
        if len(text) > MOST_TEXT:
            raise ValueError("it is too long")
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        version, hash_, has_ended, kept, moved = _decode(data)
        _check(version == _VERSION and len(hash_) == HASH_BYTES, "it is of another version")
        _check(kept is None or len(kept) == KEPT_BYTES, "it names no positions")
        _check_vector(moved)
    except (binascii.Error, ValueError, UnicodeEncodeError, msgspec.MsgspecError) as error:
        raise WrongParameter("after", f"it is no id of a live event: {error}") from None
    return Id(hash_, has_ended, kept, moved)


def parse_vector(data: bytes) -> Vector:
    """What `Positions.pack` made."""
    return _decode_vector(data)


class Positions:
    """Of one listener. What moves is noted, so that an id can say it beside what is kept."""

    def __init__(self, vector: Vector | None = None, kept: bytes | None = None, moved: Vector | None = None) -> None:
        """`vector`: what is kept under the id `kept`; `moved`: what an id says besides."""
        self._all: Vector = vector or {}
        self._moved: Vector = {}
        self.kept = kept
        for experiment, (generation, streams) in (moved or {}).items():
            for stream, index in streams.items():
                self.move(Position(experiment, generation, stream, index))
            self.generation_is(experiment, generation)

    def generation_of(self, experiment: bytes) -> int | None:
        """None: nothing is known of it."""
        found = self._all.get(experiment)
        return None if found is None else found[0]

    def generation_is(self, experiment: bytes, generation: int) -> None:
        """The experiment is listened to in this generation; positions of another one are dropped."""
        found = self._all.get(experiment)
        if found is None or found[0] != generation:
            self._all[experiment] = (generation, {})
            self._moved[experiment] = (generation, {})

    def of(self, experiment: bytes, stream: bytes) -> int | None:
        """The next index; None: not known."""
        found = self._all.get(experiment)
        return None if found is None else found[1].get(stream)

    def move(self, to: Position) -> None:
        for vector in (self._all, self._moved):
            found = vector.get(to.experiment)
            if found is None or found[0] != to.generation:
                found = vector[to.experiment] = (to.generation, {})
            found[1][to.stream] = to.index

    def leave(self, experiment: bytes, stream: bytes | None = None) -> None:
        """It, or this stream of it, is listened to no more. What is kept still says it, so it has to be kept anew."""
        for vector in (self._moved, self._all):
            if stream is not None and experiment in vector:
                was_there = vector[experiment][1].pop(stream, None) is not None
            else:
                was_there = vector.pop(experiment, None) is not None
        if was_there:
            self.kept = None

    def __iter__(self) -> Iterator[Position]:
        for experiment, (generation, streams) in self._all.items():
            for stream, index in streams.items():
                yield Position(experiment, generation, stream, index)

    def __len__(self) -> int:
        return sum(len(streams) for _, streams in self._all.values())

    def pack(self) -> bytes:
        """All of them, to be kept."""
        return _encode(self._all)

    def are_kept_as(self, kept: bytes) -> None:
        """What `pack` said is kept under this id, and nothing has moved since."""
        self.kept, self._moved = kept, {}

    def id_text(self, hash_: bytes, has_ended: bool = False) -> str | None:
        """None: it would be too long, so they have to be kept first."""
        data = _encode((_VERSION, hash_, has_ended, self.kept, self._all if self.kept is None else self._moved))
        if len(data) > MOST_BYTES:
            return None
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _check(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)


def _check_vector(vector: Vector) -> None:
    for experiment, (generation, streams) in vector.items():
        _check(len(experiment) == SHORT and 0 <= generation < CLOSED, "it names no experiment")
        _check(
            all(len(stream) == SHORT and 0 <= index < CLOSED for stream, index in streams.items()), "it names no stream"
        )
