"""How large the next segment is, and its file.

The first one is small and each next one twice as large: a short job takes little of the disk. No payload above the
limit of a call fits the largest, so the hot path need not look at sizes.
"""

from collections.abc import Callable
from pathlib import Path

from .frame import HEADER_BYTES, MAX_PAYLOAD_BYTES
from .segment import SEGMENT_HEADER_BYTES, MappedSegment, Segment, segment_bytes_for
from .session_folder import SessionFolder

MakeSegment = Callable[[Path, bytes, int, int], Segment]

FIRST_SEGMENT_BYTES = 1 << 20
LARGEST_SEGMENT_BYTES = SEGMENT_HEADER_BYTES + HEADER_BYTES + MAX_PAYLOAD_BYTES
_SMALLEST_SEGMENT_BYTES = 4096


class NewSegments:
    """Makes the segments of one journal, each of the bytes that its number and the event that it is for ask for."""

    def __init__(self, most_bytes: int, limit_bytes: int, make: MakeSegment = MappedSegment) -> None:
        """A quarter of the journal's limit at most: full segments go while the last one is written."""
        self._make = make
        self._most_bytes = max(_SMALLEST_SEGMENT_BYTES, min(most_bytes, LARGEST_SEGMENT_BYTES, limit_bytes // 4))

    def size(self, number: int, payload_bytes: int) -> int:
        size = min(self._most_bytes, FIRST_SEGMENT_BYTES << min(number, 10))
        return max(size, segment_bytes_for(payload_bytes))

    def make(self, folder: SessionFolder, number: int, size: int, is_current: Callable[[], bool]) -> Segment:
        """`is_current`: whether the folder is still the journal's. Raises OSError."""
        path = folder.segment_path(number)
        try:
            return self._make(path, folder.head.session_id, number, size)
        except FileExistsError:  # made, and then something was thrown: nothing was ever written to it
            if not is_current():  # a handler has forked, this is the child, and it is the parent's
                raise
            path.unlink()
            return self._make(path, folder.head.session_id, number, size)
