"""What a script gives that is not stored: images, artifacts, hooks. Each kind is said once, and counted."""

from collections import Counter
from typing import Any

from mldash.callbacks import warn

from .in_child import forget_in_child


class UnkeptValue:
    """A value that is described and not stored."""

    kind = "value"

    def describe(self) -> dict[str, Any]:
        """The little of it that is stored: `_type`, and sizes and captions where there are some."""
        return {"_type": self.kind}


class Unkept:
    """The count of one run."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._said: set[str] = set()
        forget_in_child(self)

    def forget(self) -> None:
        """These were counted by another process, or are told."""
        self.counts.clear()

    def count(self, kind: str) -> None:
        self.counts[kind] += 1
        if kind not in self._said:
            self._said.add(kind)
            warn(f"not stored: {kind}. The script goes on; only numbers, text and a short description are kept")

    def __str__(self) -> str:
        """`Image (12), Artifact (1)`"""
        return ", ".join(f"{kind} ({count})" for kind, count in self.counts.items())
