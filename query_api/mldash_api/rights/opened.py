"""What a link opens, and whether a request asks for no more than that. Pure.

    experiment  what is stored of one experiment, by every route that says so; nothing of experiments below it
    chart       views of some fields of one metric, over its whole length
    range       points [start, end) of some fields of one metric

A link opens a route only where the route names its kind (needed.py). It says nothing of what else the experiment has:
names, other fields, other points.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from mldash.events.identity import parse_prefix

LinkKind = Literal["experiment", "chart", "range"]

LINK_KINDS: Final[tuple[LinkKind, ...]] = ("experiment", "chart", "range")

Query = Mapping[str, Sequence[str]]
"""A request's query parameters, each with all its values."""

_AXES: Final = ("index", "time")
_TRUE: Final = ("true", "1", "on", "yes", "t", "y")


class Opened(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing. `name` null is the unnamed metric; `fields`, `start` and `end` are of charts and ranges."""

    kind: LinkKind
    prefix: str
    name: str | None = None
    fields: tuple[str, ...] = ()
    start: int = 0
    end: int = 0

    def __str__(self) -> str:
        if self.kind == "experiment":
            return f"experiment {self.prefix}"
        metric = f"{self.name or 'the unnamed metric'} of {self.prefix}"
        return (
            f"{self.kind} of {metric}" if self.kind == "chart" else f"points {self.start} … {self.end - 1} of {metric}"
        )


def asks_for_more(
    opened: Opened, kinds: Sequence[LinkKind], query: Query | None, parameter: str = "prefix"
) -> str | None:
    """Why a request lies outside of what a link opens; None: it lies within.

    `kinds`: those that open its route. `query` None: the route shows nothing that is stored of an experiment, or looks
    by itself. `parameter`: by which its experiments are named.
    """
    if opened.kind not in kinds:
        return "this route"
    if query is None:
        return None
    if not _is_prefix(opened.prefix, query.get(parameter, ())):
        return "another experiment"
    if opened.kind == "experiment":
        return None
    if not _is_metric(opened.name, query):
        return "another metric"
    wanted = query.get("fields", ())
    if not wanted or not set(wanted) <= set(opened.fields):
        return f"other fields: name some of {', '.join(opened.fields)} by `fields`"
    if opened.kind == "range":
        return _outside_range(opened, query)
    if not set(query.get("x", ())) <= {*_AXES, *opened.fields}:
        return "another field by `x`"
    if query.get("expression"):
        return "an expression, which could look at other fields"
    return "a filter, which could look at other fields" if query.get("filter") else None


def _is_prefix(prefix: str, texts: Sequence[str]) -> bool:
    try:
        return [parse_prefix(text).text for text in texts] == [prefix]
    except ValueError:
        return False


def _is_metric(name: str | None, query: Query) -> bool:
    names, unnamed = query.get("name", ()), query.get("unnamed", ())
    if name is None:
        return not names and len(unnamed) == 1 and unnamed[0].lower() in _TRUE
    return list(names) == [name] and not unnamed


def _outside_range(opened: Opened, query: Query) -> str | None:
    """Both bounds have to be said, once each."""
    start, limit = _whole(query.get("start_index", ())), _whole(query.get("limit", ()))
    if start is None or limit is None or start < opened.start or start + limit > opened.end:
        return f"other points: say `start_index` and `limit` within {opened.start} … {opened.end - 1}"
    return None


def _whole(texts: Sequence[str]) -> int | None:
    """One number of plain digits, as every reader of it understands it."""
    (text,) = texts if len(texts) == 1 else ("",)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def in_document(opened: Opened) -> dict[str, Any]:
    """As it stands in MongoDB."""
    return {name: getattr(opened, name) for name in Opened.__struct_fields__} | {"fields": list(opened.fields)}


def from_document(document: Mapping[str, Any]) -> Opened:
    return Opened(**{**document, "fields": tuple(document["fields"])})
