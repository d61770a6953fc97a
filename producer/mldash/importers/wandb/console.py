"""What a run has printed, in pieces → lines."""

from collections.abc import Iterator

_MOST_BYTES = 1024 * 1024
"""Of a line; a longer one is cut into several."""

Line = tuple[bool, float, str]


class Console:
    """Of stdout and stderr each what is no whole line yet."""

    def __init__(self) -> None:
        self._open: dict[bool, tuple[float, str]] = {}

    def take(self, is_error: bool, at: float, piece: str) -> Iterator[Line]:
        """The lines that end in a piece. Of a line that was written over with `\\r` the last state counts."""
        began, text = self._open.pop(is_error, (at, ""))
        *whole, rest = (text + piece).split("\n")
        for line in whole:
            yield is_error, began, _last_state(line)
            began = at
        if len(rest) > _MOST_BYTES:
            yield is_error, began, _last_state(rest)
        elif rest:
            self._open[is_error] = (began, rest)

    def rest(self) -> Iterator[Line]:
        """At the end: what has no end of a line."""
        for is_error, (at, text) in sorted(self._open.items()):
            yield is_error, at, _last_state(text)
        self._open.clear()


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]
