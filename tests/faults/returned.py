"""Which calls of log() have returned: an emitter's own account, kept where SIGKILL can't take it away.

Before a call the emitter writes how many events it has begun, after it how many have returned, into a file that is
mapped into its memory: the kernel keeps the pages of a killed process. So of each stream at least `returned` events
must be found in the end, and at most `begun`.
"""

import mmap
import struct
from pathlib import Path
from time import time

import msgspec
from msgspec import Struct

from .sequences import Stream

_PAIR = struct.Struct("<QQ")


class Life(Struct, frozen=True):
    """One life of an emitter, as it says of itself before its first event."""

    who: int
    emitter: int
    pid: int
    began: float
    journal: str
    sessions: dict[str, str]
    """Prefix → session, hex."""
    streams: list[Stream]


class Account:
    """The emitter's side."""

    def __init__(self, folder: Path, life: Life) -> None:
        self._places = {stream: place for place, stream in enumerate(life.streams)}
        self._counts = dict.fromkeys(life.streams, 0)
        path = folder / f"{life.who:05}.counts"
        path.write_bytes(bytes(_PAIR.size * len(life.streams)))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        ready = folder / f"{life.who:05}.tmp"
        ready.write_bytes(msgspec.json.encode(life))
        ready.rename(folder / f"{life.who:05}.json")  # whole or not at all

    def begin(self, stream: Stream, count: int) -> range:
        """The numbers of the next `count` events."""
        done = self._counts[stream]
        _PAIR.pack_into(self._map, self._places[stream] * _PAIR.size, done + count, done)
        return range(done, done + count)

    def returned(self, stream: Stream, numbers: range) -> None:
        self._counts[stream] = numbers.stop
        _PAIR.pack_into(self._map, self._places[stream] * _PAIR.size, numbers.stop, numbers.stop)

    def count(self, stream: Stream) -> int:
        """Events whose call has returned."""
        return self._counts[stream]


class Counts(Struct, frozen=True):
    """Of one writer in one stream."""

    begun: int
    returned: int


class Accounts:
    """The reader's side: all lives so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lives: dict[int, Life] = {}
        self.writer_of: dict[bytes, int] = {}
        """Session → who."""

    def look(self) -> None:
        """Take in what began since the last look."""
        for path in self._folder.glob("*.json"):
            if int(path.stem) not in self.lives:
                life = msgspec.json.decode(path.read_bytes(), type=Life)
                self.add(life)

    def add(self, life: Life) -> None:
        self.lives[life.who] = life
        for session in life.sessions.values():
            self.writer_of[bytes.fromhex(session)] = life.who

    def counts(self, who: int) -> dict[Stream, Counts]:
        life = self.lives[who]
        data = (self._folder / f"{who:05}.counts").read_bytes()
        return {
            stream: Counts(*_PAIR.unpack_from(data, place * _PAIR.size)) for place, stream in enumerate(life.streams)
        }


def life_now(who: int, emitter: int, pid: int, journal: str, sessions: dict[str, str], streams: list[Stream]) -> Life:
    return Life(who, emitter, pid, time(), journal, sessions, streams)
