"""The table that a listener asks for. Pure: texts, and what they ask of the index of runs."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from msgspec import Struct

from mldash.query.errors import FilterError
from mldash.query.parsing import parse, parse_field
from mldash.query.syntax import Filter
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_EXPERIMENTS, MOST_RUN_FIELDS
from mldash_api.run_errors import WrongFilter
from mldash_api.search.asked import AskedPage, Named
from mldash_api.search.ordering import Order

MOST_ROWS: Final = 1_000
MOST_CELLS: Final = 20_000
"""Rows times columns: each is looked up once a second, and the last ones stay in memory."""


_Parsed = TypeVar("_Parsed")


class AskedTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """As a listener sends it: the parameters of /v1/experiments."""

    fields: tuple[str, ...]
    filter: str | None = None
    sort: str | None = None
    limit: int = DEFAULT_EXPERIMENTS


class Question(NamedTuple):
    """Of the index of runs."""

    filter: Filter | None
    page: AskedPage


def question_of(asked: AskedTable) -> Question:
    """Raises WrongParameter, WrongFilter."""
    if not 1 <= len(asked.fields) <= MOST_RUN_FIELDS:
        raise WrongParameter("fields", f"a table has 1 to {MOST_RUN_FIELDS} columns")
    if not 1 <= asked.limit <= MOST_ROWS:
        raise WrongParameter("limit", f"a table has 1 to {MOST_ROWS} rows")
    if len(asked.fields) * asked.limit > MOST_CELLS:
        raise WrongParameter("limit", f"rows times columns are {MOST_CELLS} at most")
    sort = asked.sort or "prefix"
    filter_ = None if asked.filter is None else _parsed("filter", asked.filter, parse)
    order = Order(_parsed("sort", sort.removeprefix("-"), parse_field), descending=sort.startswith("-"))
    named: list[Named] = [(text, _parsed("fields", text, parse_field)) for text in dict.fromkeys(asked.fields)]
    return Question(filter_, AskedPage(order=order, after=None, limit=asked.limit, fields=named))


def _parsed(parameter: str, text: str, parse: Callable[[str], _Parsed]) -> _Parsed:
    try:
        return parse(text)
    except FilterError as error:
        raise WrongFilter(parameter, error) from None
