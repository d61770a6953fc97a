"""What is acknowledged: the length of each row file, and the next seq of each session's streams.

.state/acknowledged is a header and records, appended under the experiment's lock:

    magic       8 bytes   MLDASH-A
    generation  8 bytes   random; another one after the file was rewritten
    then records
      length    u32, little endian: bytes of the payload
      checksum  u32: CRC-32 of the payload
      payload   MessagePack, an Acknowledgement

A later record wins, key by key. A record counts when it is whole; a torn one at the end is cut by the next writer. So
one append acknowledges rows in any number of files together with the seqs that they come from: after a kill either all
of it counts or nothing, and what was appended to the files in vain is cut. When the file has grown to many times what
it says, it is rewritten with one record and replaced.
"""

import os
import secrets
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Struct

MAGIC: Final = b"MLDASH-A"
REWRITE_BYTES: Final = 1 << 20
"""Below this the file is not rewritten, however little of it still counts."""

_HEAD: Final = struct.Struct("<8s8s")
_RECORD: Final = struct.Struct("<II")


class FileEnd(Struct, frozen=True, array_like=True):
    """Where a row file's acknowledged part ends: its bytes, and the rows in them."""

    bytes: int = 0
    rows: int = 0


class StreamOf(NamedTuple):
    """A stream of one session."""

    session: bytes
    kind: str
    name: str | None


class Acknowledgement(Struct, frozen=True, array_like=True):
    """One record: ends of files by their relative path, and (session, kind, name, next seq)."""

    files: dict[str, FileEnd]
    seqs: list[tuple[bytes, str, str | None, int]]


class NotOurState(Exception):
    """The file is there, but is not of this kind: nothing is written over it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} can't be read: {self.reason}"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Acknowledgement).decode


class Acknowledged:
    """The state of one experiment as one process sees it. `refresh` before it is used; `append` under the lock."""

    def __init__(self, state_folder: Path, fsync: bool = False) -> None:
        self.path = state_folder / "acknowledged"
        self.files: dict[str, FileEnd] = {}
        self.seqs: dict[StreamOf, int] = {}
        self.exists = False
        self._generation = b""
        self._place = 0  # the end of the last whole record
        self._live_bytes = 0  # about what a rewritten file would take
        self._fsync = fsync

    def refresh(self) -> None:
        """Take in what other processes have appended since. Raises NotOurState, OSError."""
        try:
            with self.path.open("rb") as file:
                self._take_in(file)
        except FileNotFoundError:
            self._forget()

    def next_seq(self, session: bytes, kind: str, name: str | None) -> int:
        return self.seqs.get(StreamOf(session, kind, name), 0)

    def end_of(self, file: str) -> FileEnd | None:
        """None where nothing of the file was ever acknowledged."""
        return self.files.get(file)

    def append(self, files: dict[str, FileEnd], seqs: dict[StreamOf, int]) -> None:
        """Acknowledge; call it under the lock, after a refresh under the same lock. Raises OSError: then nothing is."""
        record = _record(files, seqs)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.exists or self._place + len(record) > max(REWRITE_BYTES, 8 * self._live_bytes):
            self._rewrite({**self.files, **files}, {**self.seqs, **seqs})
        else:
            with self.path.open("r+b") as file:
                file.truncate(self._place)  # a torn record of someone who was killed
                file.seek(self._place)
                try:
                    file.write(record)
                    file.flush()
                except OSError:
                    os.ftruncate(file.fileno(), self._place)
                    raise
                if self._fsync:
                    os.fsync(file.fileno())
            self._place += len(record)
        self.files.update(files)
        self.seqs.update(seqs)

    def forget_sessions(self, keep: set[bytes]) -> None:
        """Leave out, from the next rewriting on, the seqs of sessions whose journal is gone; call it under the lock."""
        self.seqs = {stream: seq for stream, seq in self.seqs.items() if stream.session in keep}

    def _take_in(self, file: BinaryIO) -> None:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise NotOurState(str(self.path), "it is shorter than its header")
        magic, generation = _HEAD.unpack(head)
        if magic != MAGIC:
            raise NotOurState(str(self.path), f"it begins with {magic!r}")
        if generation != self._generation:
            self._forget()
            self._generation, self._place = generation, _HEAD.size
        self.exists = True
        file.seek(self._place)
        self._take_records(file.read())

    def _take_records(self, data: bytes) -> None:
        at = 0
        while at + _RECORD.size <= len(data):
            length, checksum = _RECORD.unpack_from(data, at)
            payload = data[at + _RECORD.size : at + _RECORD.size + length]
            if len(payload) < length or zlib.crc32(payload) != checksum:
                break
            record = _decode(payload)
            self.files.update(record.files)
            self.seqs.update({StreamOf(session, kind, name): seq for session, kind, name, seq in record.seqs})
            if at == 0 and self._place == _HEAD.size:
                self._live_bytes = length
            at += _RECORD.size + length
        self._place += at

    def _rewrite(self, files: dict[str, FileEnd], seqs: dict[StreamOf, int]) -> None:
        generation = secrets.token_bytes(8)
        data = _HEAD.pack(MAGIC, generation) + _record(files, seqs)
        temporary = self.path.with_name(f".acknowledged.{os.getpid()}")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if self._fsync:
                os.fsync(file.fileno())
        temporary.replace(self.path)
        self.exists, self._generation, self._place, self._live_bytes = True, generation, len(data), len(data)

    def _forget(self) -> None:
        self.files, self.seqs, self.exists = {}, {}, False
        self._generation, self._place, self._live_bytes = b"", 0, 0


def _record(files: dict[str, FileEnd], seqs: dict[StreamOf, int]) -> bytes:
    payload = _encode(Acknowledgement(files, [(*stream, seq) for stream, seq in seqs.items()]))
    return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload
