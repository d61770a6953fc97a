"""Events that Kafka takes no more, set aside in their session's folder, so that the journal goes on without them.

    held    frames, one after another: length u32, CRC-32 u32, both little endian, then a schema.Record of one event as
            MessagePack, which names its session, stream and seq

An event is written here, and forced to the disk, before the checkpoint passes its place
(docs/decisions/0021-refused-events-are-set-aside.md). It may stand here twice, after a kill between the two: the store
drops what it has. `session.json` says format 2 before anything is held: a version that knows nothing of this file would
delete it.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from struct import Struct as Packer
from zlib import crc32

import msgspec

from mldash.events.schema import Record

from .session_folder import SessionFolder

_HEADER = Packer("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


class HeldEvents:
    """The events that one session's folder holds; for who writes the session, or has its lock."""

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._end: int | None = None
        """Of the whole frames: what stands behind it a kill has torn."""

    @property
    def size(self) -> int:
        """Bytes of the file; 0 where nothing is held."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, records: Sequence[Record]) -> int:
        """Hold events; returns when they are on the disk, and gives their bytes there. Raises OSError."""
        self._folder.use_format_2()
        frames = b"".join(map(_frame, records))
        if self._end is None:
            self._end = sum(len(frame) for _, frame in self._frames())
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(self._end)
            file.seek(self._end)
            file.write(frames)
            file.flush()
            os.fsync(file.fileno())
        self._end += len(frames)
        return len(frames)

    def records(self) -> Iterator[tuple[int, Record]]:
        """Each with the number of its frame. Raises OSError."""
        for number, frame in self._frames():
            yield number, _decode(frame[_HEADER.size :])

    def drop(self, numbers: Collection[int]) -> bool:
        """Forget the frames of these numbers: they are acknowledged. Whether anything is left. Raises OSError."""
        if not numbers:
            return bool(self.size)
        self._end = None
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            file.writelines(frame for number, frame in self._frames() if number not in numbers)
            file.flush()
            os.fsync(file.fileno())
            left = file.tell()
        if left:
            new.replace(self._path)
        else:
            self._path.unlink(missing_ok=True)
            new.unlink()
        return bool(left)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Whole frames; what a kill tore off ends them."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            number = 0
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                length, checksum = _HEADER.unpack(header)
                payload = file.read(length)
                if len(payload) < length or crc32(payload) != checksum:
                    return
                yield number, header + payload
                number += 1

    @property
    def _path(self) -> Path:
        return self._folder.path / "held"


def _frame(record: Record) -> bytes:
    payload = _encode(record)
    return _HEADER.pack(len(payload), crc32(payload)) + payload
