"""What is listened to: the same for an API and for folders (docs/http.md, Live)."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from mldash.answers.rows import NonFinite
from mldash.events.identity import parse_prefix
from mldash.events.levels import canonical_level

Told = Literal["points", "entries", "lines", "params", "status", "fields"]
Start = int | Literal["now", "start"]

KIND_OF: Final[dict[str, Told]] = {"metrics": "points", "tracks": "entries", "logs": "lines", "params": "params"}
"""Kinds of streams whose events are told, and the events that tell them."""


class LiveAsked(Struct, frozen=True, kw_only=True):
    """Checked. No `kinds`, `metrics`, `topics`, `levels`: all of them."""

    prefixes: tuple[str, ...]
    scopes: tuple[str, ...]
    kinds: tuple[Told, ...]
    metrics: tuple[str, ...]
    topics: tuple[str, ...]
    levels: tuple[str, ...]
    nonfinite: NonFinite
    until: Literal["end"] | None
    start: str

    def query(self) -> dict[str, str | Sequence[str] | None]:
        """As GET /v1/live takes it."""
        return {
            "prefix": self.prefixes,
            "scope": self.scopes,
            "kind": self.kinds,
            "metric": self.metrics,
            "topic": self.topics,
            "level": self.levels,
            "nonfinite": self.nonfinite,
            "until": self.until,
            "from": self.start,
        }

    def document(self) -> dict[str, Any]:
        """As PUT /v1/live/{id} takes it."""
        found: dict[str, Any] = {
            "prefixes": self.prefixes,
            "scopes": self.scopes,
            "metrics": self.metrics,
            "topics": self.topics,
            "levels": self.levels,
            "nonfinite": self.nonfinite,
            "until": self.until,
            "from": self.start,
        }
        return {**found, "kinds": self.kinds} if self.kinds else found

    def wants(self, kind: str, name: str | None) -> bool:
        """Whether a stream's events are told."""
        return self.tells(KIND_OF[kind]) and self._matches(kind, name)

    def wants_fields_of(self, kind: str, name: str | None) -> bool:
        return self.tells("fields") and kind in ("metrics", "tracks") and self._matches(kind, name)

    def listens_to(self, kind: str, name: str | None) -> bool:
        """Whether anything of a stream is told."""
        return self.wants(kind, name) or self.wants_fields_of(kind, name)

    def tells(self, told: Told) -> bool:
        return not self.kinds or told in self.kinds

    def _matches(self, kind: str, name: str | None) -> bool:
        patterns = {"metrics": self.metrics, "tracks": self.topics}.get(kind)
        return not patterns or any(fnmatchcase(name or "", pattern) for pattern in patterns)


def asked_live(
    prefixes: str | Sequence[str] = (),
    *,
    scopes: str | Sequence[str] = (),
    kinds: Told | Sequence[Told] = (),
    metrics: str | Sequence[str] = (),
    topics: str | Sequence[str] = (),
    levels: str | Sequence[str] = (),
    nonfinite: NonFinite = "null",
    until: Literal["end"] | None = None,
    start: Start = "now",
) -> LiveAsked:
    """A text is a list of one. Raises ValueError for what is no prefix, scope, kind, level or start, and where nothing
    is named."""
    asked = LiveAsked(
        prefixes=tuple(dict.fromkeys(parse_prefix(one).text for one in _listed(prefixes))),
        scopes=tuple(dict.fromkeys(_checked_scope(one) for one in _listed(scopes))),
        kinds=tuple(dict.fromkeys(_checked_kind(one) for one in _listed(kinds))),
        metrics=_listed(metrics),
        topics=_listed(topics),
        levels=tuple(dict.fromkeys(canonical_level(one) for one in _listed(levels))),
        nonfinite=_one_of("nonfinite", nonfinite, ("null", "string")),
        until=None if until is None else _one_of("until", until, ("end",)),
        start=str(start),
    )
    if not asked.prefixes and not asked.scopes:
        raise ValueError("name runs to listen to: live('alice/robots/walk-07'), or live(scopes='alice/robots')")
    if start not in ("now", "start") and (not isinstance(start, int) or isinstance(start, bool) or start < 0):
        raise ValueError(f"start {start!r}: use 'now', 'start', or an index of each stream")
    return asked


def _listed(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _checked_kind(kind: str) -> Any:
    return _one_of("kinds", kind, get_args(Told))


def _checked_scope(scope: str) -> str:
    bare = scope.strip("/")
    # An owner alone is the first segment of a prefix.
    return parse_prefix(bare).text if "/" in bare else parse_prefix(f"{bare}/any").owner


def _one_of(parameter: str, value: Any, allowed: Sequence[str]) -> Any:
    if value not in allowed:
        raise ValueError(f"{parameter} {value!r}: use {', '.join(allowed)}")
    return value
