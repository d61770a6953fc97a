"""An answer within its budget: characters of the text and of the structured part together. Pure.

An answer is made of parts, the most important one first. What does not fit gives way in this order:

1. parts become coarser, those of the greatest rank first (context before figures), each only as far as it has to
2. parts that need not be kept are left out, in the same order
3. what has become free goes to the parts that are left, the most important first

A part that is kept (extremes, NaN, statuses, errors) is never left out: its coarsest size is a few lines. What gave way
is named at the end, with the call that brings it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct

from .texts import beginning, clean, plain

LEAST: Final = 1_000
USUAL: Final = 12_000
MOST: Final = 200_000
_CUT: Final = "\n… cut: ask for less, or with a larger budget"


class Part(Struct, frozen=True):
    """`text(size)` for each of `sizes`, which descend; the first is all there is. `told(size)` says what is left out at
    a smaller size, None: of the whole part, and which call brings it."""

    text: Callable[[int], str]
    told: Callable[[int | None], tuple[str, str]]
    sizes: Sequence[int] = (1,)
    rank: int = 0
    is_kept: bool = False


def wider(budget: int) -> int:
    """What a call that brings the rest asks for."""
    return min(4 * budget, MOST)


@dataclass
class Structured:
    """What programs need of an answer: `facts` in numbers and short words of ours, `logged` texts that users logged.
    `whole`: nothing was left out; else `calls` bring the rest."""

    whole: bool
    facts: dict[str, Any]
    logged: dict[str, Any]
    calls: list[str]


class Answer(Struct, frozen=True):
    text: str
    structured: dict[str, Any]
    picture: bytes | None = None
    """A PNG, beside the budget."""

    @property
    def size(self) -> int:
        return len(self.text) + len(json.dumps(self.structured))


def kept(text: str) -> Part:
    """A few lines that stay as they are."""
    return Part(lambda _: text, lambda _: ("", ""), is_kept=True)


def fit(
    parts: Sequence[Part], budget: int, facts: Mapping[str, Any] | None = None, logged: Mapping[str, Any] | None = None
) -> Answer:
    """`facts` and `logged` are short: some names and numbers."""
    return _Fitting(parts, budget, facts or {}, logged or {}).answer()


class _Fitting:
    def __init__(self, parts: Sequence[Part], budget: int, facts: Mapping[str, Any], logged: Mapping[str, Any]) -> None:
        self._parts, self._budget = parts, budget
        self._facts = {name: plain(value) for name, value in facts.items()}
        self._logged = {name: plain(value) for name, value in logged.items()}
        self._sizes: list[int | None] = [part.sizes[0] for part in parts]

    def answer(self) -> Answer:
        yielding = sorted(range(len(self._parts)), key=lambda at: (-self._parts[at].rank, -at))
        for at in yielding:
            if not self._fits():
                self._enlarge(at)
        for at in yielding:
            if not self._fits() and not self._parts[at].is_kept:
                self._sizes[at] = None
        for at in reversed(yielding):
            if self._sizes[at] is not None:
                self._enlarge(at)
        answer = self._made()
        return answer if answer.size <= self._budget else self._cut(answer)

    def _enlarge(self, at: int) -> None:
        """To the largest size that fits, else to its coarsest."""
        sizes = self._parts[at].sizes
        low, high = 0, len(sizes) - 1
        while low < high:
            middle = (low + high) // 2
            self._sizes[at] = sizes[middle]
            low, high = (low, middle) if self._fits() else (middle + 1, high)
        self._sizes[at] = sizes[low]

    def _fits(self) -> bool:
        return self._made().size <= self._budget

    def _made(self) -> Answer:
        texts, left, calls = [], [], []
        for part, size in zip(self._parts, self._sizes, strict=True):
            if size is not None and (text := part.text(size)):
                texts.append(text)
            if size != part.sizes[0]:
                what, call = part.told(size)
                left.append(f"- {what}: {call}")
                calls.append(clean(call))
        if left:
            texts.append("\n".join(["Left out, and what brings it:", *left]))
        return self._of("\n\n".join(texts), calls, whole=not left)

    def _of(self, text: str, calls: list[str], *, whole: bool) -> Answer:
        structured = Structured(whole, self._facts, self._logged, calls)
        return Answer(clean(text), dict(vars(structured)))

    def _cut(self, answer: Answer) -> Answer:
        """The last resort: names of a kilobyte each can fill any answer. The beginning stays."""
        bare = self._of("", [], whole=False)
        if bare.size > self._budget // 2:
            self._logged, self._facts = {}, {}
            bare = self._of("", [], whole=False)
        room = self._budget - bare.size - len(_CUT)
        return self._of(beginning(answer.text, room) + _CUT, [], whole=False)
