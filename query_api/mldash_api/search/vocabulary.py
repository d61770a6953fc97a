"""The texts, lists and other values of a column that are no plain numbers: each distinct one once, under a code.

A code is an index into `values`. What no cell holds any more leaves when most values are such.
"""

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

_UNUSED_FROM: Final = 1_024
_encode = msgspec.msgpack.Encoder().encode


class Vocabulary:
    """Of one column. `values[code]`."""

    __slots__ = ("_codes", "_ranks", "_unused", "_uses", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._codes: dict[Any, int] = {}
        self._uses: list[int] = []
        self._unused = 0
        self._ranks: tuple[NDArray[np.float64], list[str]] | None = None

    def take(self, value: Any) -> int:
        """The code of a value that one more cell holds."""
        key = _key(value)
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = len(self.values)
            self.values.append(value)
            self._uses.append(0)
            self._unused += 1
            self._ranks = None
        self._unused -= not self._uses[code]
        self._uses[code] += 1
        return code

    def leave(self, code: int) -> None:
        """One cell less holds it."""
        self._uses[code] -= 1
        self._unused += not self._uses[code]

    def code_of(self, value: Any) -> int | None:
        """None: no cell has ever held it."""
        return self._codes.get(_key(value))

    @property
    def is_mostly_unused(self) -> bool:
        return self._unused > _UNUSED_FROM and self._unused * 2 > len(self.values)

    def without_unused(self) -> tuple["Vocabulary", NDArray[np.int32]]:
        """A smaller one, and the new code of each old one."""
        smaller, moved = Vocabulary(), np.zeros(len(self.values), np.int32)
        for code, value in enumerate(self.values):
            if self._uses[code]:
                moved[code] = smaller.take(value)
                smaller._uses[moved[code]] = self._uses[code]
        return smaller, moved

    def ranks(self) -> tuple[NDArray[np.float64], list[str]]:
        """The place of each code among the texts in their order, NaN of what is no text; and the texts."""
        if self._ranks is None:
            texts = sorted((value, code) for code, value in enumerate(self.values) if isinstance(value, str))
            ranks = np.full(len(self.values), np.nan)
            ranks[[code for _, code in texts]] = np.arange(len(texts))
            self._ranks = ranks, [text for text, _ in texts]
        return self._ranks


def _key(value: Any) -> Any:
    """What is equal only for values of the same types: 1, 1.0 and True are three."""
    if isinstance(value, str):
        return value
    try:
        return _encode(value)
    except (msgspec.MsgspecError, OverflowError, TypeError):  # an integer of more than 64 bits
        return (type(value), repr(value))
