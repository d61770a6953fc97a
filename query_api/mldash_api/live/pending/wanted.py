"""Which streams are wanted: each asking once, until a while after the last listener who asked so has gone. Pure."""

from typing import Final

from mldash_api.live.asked import CHAINS, Asked, Told

_MOST_WITHOUT: Final = 100
"""Askings of nobody that are kept: somebody who polls asks the same again."""
_MOST_KNOWN: Final = 50_000
"""Streams of which the answer is known."""

_Key = tuple[tuple[str, ...], tuple[str, ...], frozenset[Told], tuple[str, ...], tuple[str, ...]]


class Wanted:
    """Of all listeners of a process."""

    def __init__(self) -> None:
        self._asked = dict[_Key, Asked]()
        self._listeners = dict[_Key, int]()
        self._without_since = dict[_Key, float]()
        """The one that was left first, first."""
        self._known = dict[tuple[str, str, str | None], bool]()
        self.kinds: frozenset[str] = frozenset()
        """Of streams, that any asking may want."""

    def comes(self, asked: Asked) -> bool:
        """Whether nobody asked so before."""
        key = _key(asked)
        self._without_since.pop(key, None)
        self._listeners[key] = self._listeners.get(key, 0) + 1
        is_new = key not in self._asked
        if is_new:
            self._asked[key] = asked
            self._has_changed()
        return is_new

    def goes(self, asked: Asked, now: float) -> None:
        """One who asked so."""
        key = _key(asked)
        self._listeners[key] -= 1
        if not self._listeners[key]:
            del self._listeners[key]
            self._without_since[key] = now

    def forget(self, until: float) -> bool:
        """What nobody asks for since then, or before: whether there was any."""
        excess = len(self._without_since) - _MOST_WITHOUT
        gone = [key for at, (key, since) in enumerate(self._without_since.items()) if since <= until or at < excess]
        for key in gone:
            del self._without_since[key], self._asked[key]
        if gone:
            self._has_changed()
        return bool(gone)

    def has(self, prefix: str, kind: str, name: str | None) -> bool:
        """Whether a stream is wanted."""
        stream = (prefix, kind, name)
        known = self._known.get(stream)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[stream] = any(one.wants_of(*stream) for one in self._asked.values())
        return known

    def _has_changed(self) -> None:
        self._known.clear()
        told = {kind for asked in self._asked.values() for kind in asked.kinds}
        self.kinds = frozenset(kind for kind, telling in CHAINS.items() if telling in told)


def _key(asked: Asked) -> _Key:
    return asked.prefixes, asked.scopes, frozenset(asked.kinds), asked.metrics, asked.topics
