"""What is listened to: the same for an API and for folders (docs/http.md, Live)."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from mldash.answers.rows import NonFinite
from mldash.events.identity import parse_prefix
from mldash.events.levels import canonical_level
from mldash.query.parsing import parse, parse_field

Told = Literal["points", "entries", "lines", "params", "status", "fields"]
Start = int | Literal["now", "start"]

KIND_OF: Final[dict[str, Told]] = {"metrics": "points", "tracks": "entries", "logs": "lines", "params": "params"}
"""Kinds of streams whose events are told, and the events that tell them."""


class LiveTable(Struct, frozen=True, kw_only=True):
    """Runs that are told as rows. `limit` None: as many as the API gives where nothing is said."""

    columns: tuple[str, ...]
    filter: str | None
    sort: str | None
    limit: int | None

    def query(self) -> dict[str, str | int | Sequence[str] | None]:
        """As GET /v1/live takes it."""
        return {"fields": self.columns, "filter": self.filter, "sort": self.sort, "limit": self.limit}

    def document(self) -> dict[str, Any]:
        """As PUT /v1/live/{id} takes it."""
        return {name: value for name, value in self.query().items() if value is not None}


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
    table: LiveTable | None = None
    pending: bool = False

    def query(self) -> dict[str, str | int | Sequence[str] | None]:
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
            "pending": "true" if self.pending else None,
            **(self.table.query() if self.table is not None else {}),
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
        if self.table is not None:
            found["table"] = self.table.document()
        if self.pending:
            found["pending"] = True
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
    columns: str | Sequence[str] = (),
    filter: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    pending: bool = False,
) -> LiveAsked:
    """A text is a list of one. Raises FilterError for a filter or field that is none, ValueError for what is no prefix,
    scope, kind, level or start, where nothing is named, and for a table without columns."""
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
        table=_table(_listed(columns), filter, sort, limit),
        pending=pending,
    )
    if not asked.prefixes and not asked.scopes and asked.table is None:
        raise ValueError(
            "name runs to listen to: live('alice/robots/walk-07'), live(scopes='alice/robots'), or the columns of a "
            "table: live(columns='status')"
        )
    if start not in ("now", "start") and (not isinstance(start, int) or isinstance(start, bool) or start < 0):
        raise ValueError(f"start {start!r}: use 'now', 'start', or an index of each stream")
    return asked


def _table(columns: tuple[str, ...], filter: str | None, sort: str | None, limit: int | None) -> LiveTable | None:
    if not columns:
        if filter is not None or sort is not None or limit is not None:
            raise ValueError("filter, sort and limit are of a table: name its columns")
        return None
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}: a table has a row at least")
    if filter is not None:
        parse(filter)
    for field in (*columns, *([sort.removeprefix("-")] if sort is not None else [])):
        parse_field(field)
    return LiveTable(columns=columns, filter=filter, sort=sort, limit=limit)


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
