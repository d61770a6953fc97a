"""How events become one value: params by key, entries by time. For local mode, workers and readers alike."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts → flat dotted keys, leaf by leaf. An empty dict is a value; of two equal keys the later wins."""
    flat: dict[str, Any] = {}  # not dict(leaves(…)): three times as long, and entries of tracks come here
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each leaf with its dotted key, in order; a key may come twice."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Flat dotted keys → nested dicts; the reverse of flatten for what FoldedParams holds."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *branches, leaf = key.split(".")
        here = nested
        for branch in branches:
            here = here.setdefault(branch, {})
        here[leaf] = value
    return nested


class FoldedParams:
    """Parameters after any number of sets, in order. A value replaces the branch under its key, and a branch the value.

    Not associative over events, so it is folded event by event, never bucket against bucket (docs/protocol.md 3,
    Tracks).
    """

    def __init__(self, flat: Mapping[str, Any] = {}) -> None:
        self.flat = dict(flat)
        self._branches: dict[str, int] = {}  # branch → how many keys lie under it
        for key in self.flat:
            self._count_branches(key, 1)

    def set(self, values: Iterable[tuple[str, Any]]) -> None:
        """One event: its keys in order."""
        for key, value in values:
            if key not in self.flat:
                self._make_room(key)
                self._count_branches(key, 1)
            self.flat[key] = value

    def _make_room(self, key: str) -> None:
        if key in self._branches:
            for below in [k for k in self.flat if k.startswith(key + ".")]:
                self._drop(below)
        for branch in branches_of(key):
            if branch in self.flat:
                self._drop(branch)

    def _drop(self, key: str) -> None:
        del self.flat[key]
        self._count_branches(key, -1)

    def _count_branches(self, key: str, change: int) -> None:
        for branch in branches_of(key):
            count = self._branches.get(branch, 0) + change
            if count:
                self._branches[branch] = count
            else:
                del self._branches[branch]


def branches_of(key: str) -> list[str]:
    """The keys above it: of "a.b.c" these are "a" and "a.b"."""
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def merge_entries(
    times: Iterable[float], entries: Iterable[Mapping[str, Any]], into: dict[float, dict[str, Any]] | None = None
) -> dict[float, dict[str, Any]]:
    """Entries of one timestamp become one, field by field, the later value winning.

    1 and 1.0 are one time, and so are both zeros.

    `m` and `m.a` are two fields. Given `into`, entries are laid over what it holds: merging is associative.
    """
    merged: dict[float, dict[str, Any]] = {} if into is None else into
    for time, entry in zip(times, entries, strict=True):
        here = merged.get(time)
        if here is None:
            merged[time + 0.0] = dict(entry)  # + 0.0 makes -0.0 the plain zero
        else:
            here.update(entry)
    return merged
