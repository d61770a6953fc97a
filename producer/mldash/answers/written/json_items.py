"""A JSON array that is written item after item, as they come."""

from collections.abc import Mapping, Sequence
from typing import Any

from mldash.answers.rows import NonFinite, json_bytes


class JsonItems:
    """The items by comma. `head`: what stands before the first, with the array's bracket."""

    def __init__(self, head: bytes, nonfinite: NonFinite) -> None:
        self._before, self._nonfinite = head, nonfinite
        self.count = 0

    def add(self, items: Sequence[Mapping[str, Any]]) -> bytes:
        if not items:
            return b""
        before, self._before = self._before, b","
        self.count += len(items)
        return before + json_bytes(items, self._nonfinite)[1:-1]

    def close(self) -> bytes:
        return b"]" if self.count else self._before + b"]"
