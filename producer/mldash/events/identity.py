"""Prefix → experiment id → stream id and key: all derived, so a process can log without asking for an id.

All ids are 16 bytes: a BLAKE2b of their parts, one personalisation a role. A part is written as its length (u32, little
endian) and its bytes, so that different lists of parts give different inputs; the unnamed metric (None) and the metric
named "" differ in a first byte.
"""

import os
from typing import NamedTuple

from .limits import NAME_BYTES, SEGMENT_BYTES

ID_BYTES = 16
KINDS = ("params", "metrics", "logs", "tracks", "runs")


class Prefix(NamedTuple):
    """`owner/project/…/name`; two segments are legal, then the name is the project."""

    text: str

    @property
    def owner(self) -> str:
        return self.text.split("/", 1)[0]

    @property
    def project(self) -> str:
        return self.text.split("/", 2)[1]

    @property
    def name(self) -> str:
        return self.text.rsplit("/", 1)[1]


def parse_prefix(text: str) -> Prefix:
    """The prefix without outer slashes. Raises ValueError that names the segment at fault."""
    if not isinstance(text, str):
        raise ValueError(f"prefix must be text like 'owner/project/name', not {type(text).__name__}")
    segments = text.strip("/").split("/")
    if len(segments) < 2:
        raise ValueError(f"prefix {text!r} has no project: write 'owner/project/name'")
    for segment in segments:
        _check_segment(text, segment)
    joined = "/".join(segments)
    check_name("prefix", joined)
    return Prefix(joined)


def _check_segment(text: str, segment: str) -> None:
    if segment in {"", ".", ".."}:
        raise ValueError(f"prefix {text!r} has a segment {segment!r}: each must be a name")
    check_name("prefix", segment)
    if "\0" in segment:
        raise ValueError(f"prefix {text!r} has a NUL in segment {segment!r}")
    size = len(segment.encode())
    if size > SEGMENT_BYTES:
        raise ValueError(f"prefix segment {segment[:40]!r}… has {size} bytes, at most {SEGMENT_BYTES} are allowed")


def check_name(what: str, name: str) -> None:
    """Any Unicode text up to 1 KiB of UTF-8 is a name. Raises ValueError that says what is wrong with this one."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} {name!r} has a lone surrogate at position {error.start}") from None
    if size > NAME_BYTES:
        raise ValueError(f"{what} {name[:40]!r}… has {size} bytes, at most {NAME_BYTES} are allowed")


def experiment_id(prefix: str) -> bytes:
    """16 bytes, the same on every host."""
    return _hash(b"experiment", prefix.encode())


def stream_key(experiment: bytes, kind: str, name: str | None) -> bytes:
    """The Kafka key of a stream's records, 16 bytes. It knows no generation: the SDK does not."""
    return _hash(b"key", experiment, kind.encode(), _name_part(name))


def stream_id(experiment: bytes, generation: int, kind: str, name: str | None) -> bytes:
    """The id of a stream in the store, 16 bytes; another one after each deletion of the experiment."""
    return _hash(b"stream", experiment, generation.to_bytes(8, "little"), kind.encode(), _name_part(name))


def new_session_id() -> bytes:
    """16 random bytes."""
    return os.urandom(ID_BYTES)


def _name_part(name: str | None) -> bytes:
    return b"\0" if name is None else b"\1" + name.encode()


def _hash(role: bytes, *parts: bytes) -> bytes:
    import hashlib  # OpenSSL takes milliseconds to load: not with the SDK

    hashed = b"".join([len(part).to_bytes(4, "little") + part for part in parts])
    return hashlib.blake2b(hashed, digest_size=ID_BYTES, person=b"mldash/" + role[:9]).digest()
