"""A question for runs, checked: which pass, in which order, with which columns. The same for an API and folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from mldash.query.parsing import parse, parse_field
from mldash.query.printing import text_of_field
from mldash.query.syntax import Field, Filter, conditions_of, kind_of

PREFIX: Final = "prefix"
USUAL_COLUMNS: Final = ("status", "started", "duration")
"""Where none are named, with those that the filter and the order ask for."""


class AskedRuns(Struct, frozen=True):
    """`sort_text` is as the API takes it: a field, with `-` before it descending. `columns` by their names as they were
    given, each once."""

    filter_text: str | None
    filter: Filter | None
    sort_text: str
    sort: Field
    columns: dict[str, Field]

    @property
    def is_descending(self) -> bool:
        return self.sort_text.startswith("-")

    @property
    def times(self) -> frozenset[str]:
        """The columns whose values are times."""
        return frozenset(name for name, field in self.columns.items() if kind_of(field) == "time")


def asked_runs(filter: str | None, sort: str, columns: Sequence[str] | None) -> AskedRuns:
    """Raises FilterError for a filter or a field that is none; TypeError where columns are one text."""
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of fields, not the text {columns!r:.80}")
    found = None if filter is None else parse(filter)
    order = parse_field(sort.removeprefix("-"))
    names = _usual(found, sort) if columns is None else list(dict.fromkeys(columns))
    return AskedRuns(filter, found, sort, order, {name: parse_field(name) for name in names})


def _usual(filter_: Filter | None, sort: str) -> list[str]:
    known = [] if filter_ is None else [text_of_field(one.field) for one in conditions_of(filter_)]
    more = [sort.removeprefix("-"), *known]
    return list(dict.fromkeys([*USUAL_COLUMNS, *(name for name in more if name != PREFIX)]))
