"""Modules of 0.1 that moved. Public names work there for one release, with a warning; others say where they are."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module


def gone(old: str, new: str) -> ImportError:
    """What says where a package of 0.1 is now."""
    return ImportError(f"{old} is {new} since mldash 0.2: import from there", name=old)


class Moved(list[str]):
    """The `__path__` of a package that is gone: whoever looks for a module in it is told where it is."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self._old, self._new = old, new

    def __iter__(self) -> Iterator[str]:
        raise gone(self._old, self._new)


def keep_public(old: str, new: str, modules: Mapping[str, str]) -> Moved:
    """Let `old.name` be `new.place` for each of them, for imports and for pickles of 0.1; returns old's `__path__`."""
    warnings.warn(f"{old} is {new} since mldash 0.2, and goes with 0.3: import from there", FutureWarning, stacklevel=3)
    for name, place in modules.items():
        sys.modules[f"{old}.{name}"] = import_module(f"{new}.{place}")
    return Moved(old, new)
