"""The errors that can interrupt the move of a chunk. The cold store's own errors are in chunks/errors.py.

CompactorError
  ChunkHeld     another compactor has the chunk: leave it to that one
  RangeMoved    someone else went on with the range meanwhile: start over with what is true now
  HoleInChain   buckets between the cold end and the chunk's end are missing: start over; if it stays, it is damage
  ManifestHole  a chunk below the cold end has no live object: damage, which the audit names; nothing is joined over it
  StreamClosed  the stream's experiment was deleted: nothing is left to do
"""

from typing import ClassVar


class CompactorError(Exception):
    """All of ours. `retriable`: the same stream may be tried again at once."""

    retriable: ClassVar[bool] = False


class ChunkHeld(CompactorError):
    """Another's intent holds the chunk."""

    def __init__(self, stream: bytes, k: int) -> None:
        super().__init__(stream, k)
        self.stream, self.k = stream, k

    def __str__(self) -> str:
        return f"chunk {self.k} of stream {self.stream.hex()} is in another compactor's hands"


class RangeMoved(CompactorError):
    """The ground moved: the cold end passed, or the intent's epoch did."""

    retriable = True

    def __init__(self, stream: bytes, k: int, what: str) -> None:
        super().__init__(stream, k, what)
        self.stream, self.k, self.what = stream, k, what

    def __str__(self) -> str:
        return f"chunk {self.k} of stream {self.stream.hex()} moved on meanwhile: {self.what}"


class HoleInChain(CompactorError):
    """The chain does not reach as far as it should."""

    def __init__(self, stream: bytes, found_end: int, wanted_end: int) -> None:
        super().__init__(stream, found_end, wanted_end)
        self.stream, self.found_end, self.wanted_end = stream, found_end, wanted_end

    def __str__(self) -> str:
        return f"the chain of stream {self.stream.hex()} breaks at {self.found_end}, and should reach {self.wanted_end}"


class NeighboursTooLarge(CompactorError):
    """Chunks that were to move together hold more than the first one suggested: they go singly, each measured."""

    def __init__(self, stream: bytes, first_index: int, most_bytes: int) -> None:
        super().__init__(stream, first_index, most_bytes)
        self.stream, self.first_index, self.most_bytes = stream, first_index, most_bytes

    def __str__(self) -> str:
        return f"chunks of stream {self.stream.hex()} from {self.first_index} on hold more than {self.most_bytes} bytes"


class ManifestHole(CompactorError):
    """The manifest does not say where a cold chunk is."""

    def __init__(self, stream: bytes, k: int) -> None:
        super().__init__(stream, k)
        self.stream, self.k = stream, k

    def __str__(self) -> str:
        return f"chunk {self.k} of stream {self.stream.hex()} is below the cold end and has no full object"


class StreamClosed(CompactorError):
    """The stream belongs to a deleted generation, or its document is gone."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.stream = stream

    def __str__(self) -> str:
        return f"stream {self.stream.hex()} belongs to a deleted experiment"
