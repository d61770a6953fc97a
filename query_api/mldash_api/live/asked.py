"""What one listener asks for. Pure: names and patterns, no store.

Patterns are those of file names (`*`, `?`, `[abc]`), case and all; a name without such characters is itself.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import cached_property
from hashlib import blake2b
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from mldash.events.identity import check_name, parse_prefix
from mldash.events.levels import canonical_level
from mldash_api.errors import WrongParameter
from mldash_api.rights.caller import EVERYTHING, Caller, allows, covers, parse_scope

from .tables.asked import AskedTable, question_of

Told = Literal["points", "entries", "lines", "params", "status", "fields"]

TOLD: Final[tuple[Told, ...]] = ("points", "entries", "lines", "params", "status", "fields")
CHAINS: Final[dict[str, Told]] = {"metrics": "points", "tracks": "entries", "logs": "lines", "params": "params"}
"""Kinds of streams whose events are told, and the events that tell them."""

MOST_NAMED: Final = 1_000
"""Prefixes and scopes of one listener."""
MOST_PATTERNS: Final = 100
MOST_WILD_LETTERS: Final = 2_000
"""Of all patterns of one kind that are more than a name: they are compiled into one, on the event loop."""

HASH_BYTES: Final = 6
_WILD: Final = frozenset("*?[")

_Name = TypeVar("_Name", bound=str)


class _Patterns:
    """Names, and patterns of them."""

    def __init__(self, patterns: Sequence[str]) -> None:
        wild = [one for one in patterns if _is_wild(one)]
        self._names = frozenset(patterns) - {*wild}
        self._wild = re.compile("|".join(translate(one) for one in wild)) if wild else None

    def match(self, name: str) -> bool:
        return name in self._names or (self._wild is not None and self._wild.fullmatch(name) is not None)


def _is_wild(pattern: str) -> bool:
    return not _WILD.isdisjoint(pattern)


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """As a listener sends it; `checked` has been through it."""

    prefixes: tuple[str, ...] = ()
    """Experiments, whether they are there already or not."""
    scopes: tuple[str, ...] = ()
    """Owners and projects: every experiment below them, also those that come."""
    kinds: tuple[Told, ...] = TOLD
    metrics: tuple[str, ...] = ()
    """Patterns of names; none: every metric. The unnamed one has the name ""."""
    topics: tuple[str, ...] = ()
    """Likewise of tracks."""
    levels: tuple[str, ...] = ()
    """Of log lines; none: all."""
    nonfinite: Literal["null", "string"] = "null"
    until: Literal["end"] | None = None
    """`end`: the stream ends when every experiment has."""
    table: AskedTable | None = None
    """Runs that are shown as rows; of all that the caller may read, whatever else is listened to."""
    pending: bool = False
    """Whether events are told too that Kafka has acknowledged and that are not stored yet."""

    @property
    def is_empty(self) -> bool:
        return not self.prefixes and not self.scopes and self.table is None

    @cached_property
    def hash(self) -> bytes:
        """Of which events are told: ids of one hash go on with each other."""
        what = (self.prefixes, self.scopes, sorted(self.kinds), self.metrics, self.topics, self.levels)
        return blake2b(msgspec.msgpack.encode(what), digest_size=HASH_BYTES).digest()

    def wants(self, kind: str, name: str | None) -> bool:
        """Whether a stream's events are told."""
        if CHAINS.get(kind) not in self.kinds:
            return False
        patterns = self._patterns.get(kind)
        return patterns is None or patterns.match(name or "")

    def wants_of(self, prefix: str, kind: str, name: str | None) -> bool:
        """The same of a stream of any experiment."""
        return self.wants(kind, name) and (prefix in self._prefixes or self.covers(prefix))

    def wants_fields_of(self, kind: str, name: str | None) -> bool:
        """Whether its fields are told."""
        if "fields" not in self.kinds or kind not in ("metrics", "tracks"):
            return False
        patterns = self._patterns.get(kind)
        return patterns is None or patterns.match(name or "")

    def covers(self, prefix: str) -> bool:
        """Whether the experiment lies below one of the scopes."""
        return any(covers(scope, prefix) for scope in self.scopes)

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        return frozenset(self.prefixes)

    @cached_property
    def _patterns(self) -> dict[str, _Patterns]:
        named = {"metrics": self.metrics, "tracks": self.topics}
        return {kind: _Patterns(patterns) for kind, patterns in named.items() if patterns}


def may_read(caller: Caller, asked: Asked) -> bool:
    """Whether all of it is the caller's to read. A link to an experiment opens that one, and nothing below it."""
    if caller.opens is not None:
        opened = caller.opens
        is_of_it = opened.kind == "experiment" and not asked.scopes and set(asked.prefixes) <= {opened.prefix}
        return is_of_it and asked.table is None
    return all(allows(caller, "read", scope) for scope in (*asked.prefixes, *asked.scopes))


def checked(asked: Asked) -> Asked:
    """The same with canonical names, each once. Raises WrongParameter, WrongFilter."""
    if len(asked.prefixes) + len(asked.scopes) > MOST_NAMED:
        raise WrongParameter("prefix", f"a listener names {MOST_NAMED} experiments and scopes at most")
    for parameter, patterns in (("metric", asked.metrics), ("topic", asked.topics)):
        if len(patterns) > MOST_PATTERNS:
            raise WrongParameter(parameter, f"there may be {MOST_PATTERNS} patterns")
        if sum(len(one) for one in patterns if _is_wild(one)) > MOST_WILD_LETTERS:
            raise WrongParameter(parameter, f"patterns with *, ? or [ have {MOST_WILD_LETTERS} letters together")
        for one in patterns:
            _named(parameter, one)
    if asked.table is not None:
        question_of(asked.table)
    return msgspec.structs.replace(
        asked,
        prefixes=_each_once(_prefix(one) for one in asked.prefixes),
        scopes=_each_once(_scope(one) for one in asked.scopes),
        kinds=_each_once(asked.kinds) or TOLD,
        metrics=_each_once(asked.metrics),
        topics=_each_once(asked.topics),
        levels=_each_once(_level(one) for one in asked.levels),
    )


def _each_once(names: Iterable[_Name]) -> tuple[_Name, ...]:
    return tuple(sorted(set(names)))


def _prefix(text: str) -> str:
    try:
        return parse_prefix(text).text
    except ValueError as error:
        raise WrongParameter("prefix", str(error)) from None


def _scope(text: str) -> str:
    try:
        scope = parse_scope(text)
    except ValueError as error:
        raise WrongParameter("scope", str(error)) from None
    if scope == EVERYTHING:
        raise WrongParameter("scope", "name an owner, or owner/project")
    return scope


def _level(text: str) -> str:
    try:
        return canonical_level(text)
    except ValueError as error:
        raise WrongParameter("level", str(error)) from None


def _named(parameter: str, pattern: str) -> None:
    try:
        check_name(parameter, pattern)
    except ValueError as error:
        raise WrongParameter(parameter, str(error)) from None
