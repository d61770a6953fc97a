"""Opaque cursors: where a page ends, the clock of the first page, and the mark of the question that they go on with."""

import base64
import binascii
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, TypeVar

import msgspec

from mldash_api.errors import WrongParameter

_VERSION: Final = 1
_MARK_BYTES: Final = 8

_Place = TypeVar("_Place")


def mark_of(*parts: str | None) -> bytes:
    """Of a question, by its texts."""
    return blake2b(repr(parts).encode(), digest_size=_MARK_BYTES).digest()


def cursor_of(place: Any, now: float, mark: bytes) -> str | None:
    """The clock goes on with the first page's. `place` None: there is no page behind."""
    if place is None:
        return None
    packed = msgspec.msgpack.encode([_VERSION, mark, now, place])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def opened(
    cursor: str, mark: bytes, decode: Callable[[bytes], tuple[int, bytes, float, _Place]], another: str
) -> tuple[_Place, float]:
    """The place and the clock. `another`: what is said where the cursor is of another question. Raises
    WrongParameter."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        version, of, now, found = decode(packed)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise no_cursor() from None
    if version != _VERSION:
        raise no_cursor()
    if of != mark:
        raise WrongParameter("cursor", another)
    return found, now


def no_cursor() -> WrongParameter:
    """It was made up, or is of another version."""
    return WrongParameter("cursor", "take `next` of the page before, as it is")
