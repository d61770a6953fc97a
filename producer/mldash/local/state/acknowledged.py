"""The acknowledged state: the length of each row file, and the next seq of each session's streams.

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

Seqs are there because a session's journal may give the same events again. Who has drained it to its end, and holds its
lock, says here that the session is finished before the journal is deleted: from then on each seq of it counts as
stored, whatever journal of it turns up (a kill before the deletion, a reader that had looked at the journal before, an
older copy beside this file). So a rewritten file leaves its seqs out, and keeps 19 bytes a session in place of some 40
a stream. It does so FINISHED_KEPT_S after the session was finished: version 0.1.0 does not read that part, and looks
at journals and at this file within that time. That a journal is gone proves nothing: it may have been left out of a
copy, or be deleted by hand under a process that goes on.

Where leases count in place of locks (lock.py) it is not replaced but followed, by acknowledged.1, acknowledged.2, …,
each made by a link, which fails where it is there: the last one counts, and a process that was paused with one that was
followed writes into nothing. There no session is said to be finished and no seq is left out: who was paused, or has an
older state of the folder in its cache, may deliver again at any time.
"""

import os
import secrets
import struct
import time
import zlib
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.local.opening import OpenFile, file_of, open_anyhow

MAGIC: Final = b"MLDASH-A"
NAME: Final = "acknowledged"
LEASES: Final = "leases"
"""Beside it: leases count, not locks."""
REWRITE_BYTES: Final = 1 << 20
"""Below this the file is not rewritten, however little of it still counts."""
REWRITE_TIMES: Final = 8
"""It is rewritten when it has grown to so many times what it says."""
FINISHED_KEPT_S: Final = 3600.0
"""A finished session's seqs are kept for so long, for readers of version 0.1.0."""

_EACH_SEQ: Final = 1 << 64

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
    fence: int = 0
    """How often a lease was broken (fence.py)."""
    fenced: dict[str, int] = {}
    """The fence at which each file was made; 0 where it is not in here."""
    finished: dict[bytes, int] = {}
    """Sessions of which all is stored, and when that was said, in seconds since 1970; 0: their seqs are left out."""


class Followed(Exception):
    """Another process has made the next file: this one's turn is over, without its knowledge."""


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

    def __init__(self, state_folder: Path, fsync: bool = False, open_file: OpenFile = open_anyhow) -> None:
        self.path = state_folder / NAME
        self.files: dict[str, FileEnd] = {}
        self.seqs: dict[StreamOf, int] = {}
        self.fence = 0
        self.fenced: dict[str, int] = {}
        self.finished: dict[bytes, int] = {}
        self.exists = False
        self.generation = b""
        """Another one: the file was rewritten, or the experiment was deleted and logged again. Empty where it is
        missing."""
        self._folder, self._open_file = state_folder, open_file
        self._number: int | None = None
        """Of the file that counts, where leases do."""
        self._place = 0  # the end of the last whole record
        self._live_bytes = 0  # about what a rewritten file would take
        self._fsync = fsync

    def refresh(self) -> None:
        """Take in what other processes have appended since. Raises NotOurState, OSError."""
        while True:
            self._find()
            try:
                with file_of(self._open_file(self.path)) as file:
                    self._take_in(file)
                return
            except FileNotFoundError:
                if not self._number:  # else it was followed between the two looks
                    self.forget()
                    return

    def next_seq(self, session: bytes, kind: str, name: str | None) -> int:
        return _EACH_SEQ if session in self.finished else self.seqs.get(StreamOf(session, kind, name), 0)

    def end_of(self, file: str) -> FileEnd | None:
        """None where nothing of the file was ever acknowledged."""
        return self.files.get(file)

    def append(
        self,
        files: dict[str, FileEnd],
        seqs: dict[StreamOf, int],
        fenced: dict[str, int] | None = None,
        finished: dict[bytes, int] | None = None,
    ) -> None:
        """Acknowledge; call it under the lock, after a refresh under the same lock.

        Raises OSError, Followed: then nothing is.
        """
        fenced, finished = fenced or {}, finished or {}
        record = _record(Acknowledgement(files, _listed(seqs), self.fence, fenced, finished))
        if not self.exists:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.exists or self._place + len(record) > max(REWRITE_BYTES, REWRITE_TIMES * self._live_bytes):
            self._leave_out_finished()
            self._rewrite(
                Acknowledgement(
                    {**self.files, **files},
                    _listed({**self.seqs, **seqs}),
                    self.fence,
                    {**self.fenced, **fenced},
                    {**self.finished, **finished},
                )
            )
        else:
            with self._open_to_append() as file:
                if os.fstat(file.fileno()).st_size > self._place:
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
        self.fenced.update(fenced)
        self.finished.update(finished)

    def finish(self, session: bytes) -> None:
        """All of the session's events are stored, and none will come; under the lock, before its journal is deleted.

        Raises as `append`.
        """
        if self._number is None and any(stream.session == session for stream in self.seqs):
            self.append({}, {}, finished={session: int(time.time())})

    def _leave_out_finished(self) -> None:
        """In memory, of a state that a rewritten file will say. Should that fail, memory still means the same."""
        now = time.time()
        if self._number is None:
            old = {session for session, said in self.finished.items() if abs(now - said) >= FINISHED_KEPT_S}
            self.finished.update(dict.fromkeys(old, 0))
            self.seqs = {stream: seq for stream, seq in self.seqs.items() if stream.session not in old}

    def raise_fence(self) -> None:
        """A lease was broken: from now on each file is made anew before it is appended to. Raises as `append`."""
        said = Acknowledgement(self.files, _listed(self.seqs), self.fence + 1, self.fenced, self.finished)
        self._rewrite(said)
        self.fence += 1

    def _take_in(self, file: BinaryIO) -> None:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise NotOurState(str(self.path), "it is shorter than its header")
        magic, generation = _HEAD.unpack(head)
        if magic != MAGIC:
            raise NotOurState(str(self.path), f"it begins with {magic!r}")
        if generation != self.generation:
            self.forget()
            self.generation, self._place = generation, _HEAD.size
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
            self.fence = record.fence
            self.fenced.update(record.fenced)
            self.finished.update(record.finished)
            if at == 0 and self._place == _HEAD.size:
                self._live_bytes = length
            at += _RECORD.size + length
        self._place += at

    def _open_to_append(self) -> BinaryIO:
        try:
            return self.path.open("r+b")
        except FileNotFoundError:
            if self._number is None:
                raise
            raise Followed(str(self.path)) from None

    def _find(self) -> None:
        """Which file counts."""
        if self._number is None and not (self._folder / LEASES).exists():
            return
        numbers = [int(path.suffix[1:]) for path in self._folder.glob(f"{NAME}.[0-9]*")]
        self._number = max(numbers, default=0)
        self.path = self._path_of(self._number)

    def _path_of(self, number: int) -> Path:
        return self._folder / (f"{NAME}.{number}" if number else NAME)

    def _rewrite(self, said: Acknowledgement) -> None:
        generation = secrets.token_bytes(8)
        data = _HEAD.pack(MAGIC, generation) + _record(said)
        temporary = self.path.with_name(f".acknowledged.{os.getpid()}")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if self._fsync:
                os.fsync(file.fileno())
        if self._number is None:
            temporary.replace(self.path)
        else:
            self._follow(temporary, self._number + 1)
        self.exists, self.generation, self._place, self._live_bytes = True, generation, len(data), len(data)

    def _follow(self, temporary: Path, number: int) -> None:
        old, new = self.path, self._path_of(number)
        try:
            new.hardlink_to(temporary)
        except FileExistsError:
            raise Followed(str(new)) from None
        finally:
            temporary.unlink()
        self._number, self.path = number, new
        old.unlink(missing_ok=True)

    def forget(self) -> None:
        """Read all of it again with the next refresh."""
        self.files, self.seqs, self.exists = {}, {}, False
        self.fence, self.fenced, self.finished = 0, {}, {}
        self.generation, self._place, self._live_bytes = b"", 0, 0


def _listed(seqs: dict[StreamOf, int]) -> list[tuple[bytes, str, str | None, int]]:
    return [(*stream, seq) for stream, seq in seqs.items()]


def _record(said: Acknowledgement) -> bytes:
    is_short = not (said.fence or said.finished)
    payload = _encode((said.files, said.seqs) if is_short else said)
    return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload
