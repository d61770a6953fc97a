"""The searching side of GET /v1/experiments; GET /v1/fields, /v1/explain."""

from collections.abc import Sequence
from time import time
from typing import Annotated, Any, Final, TypedDict

from litestar import Request, Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.shapes import ExperimentAnswer
from mldash.query.errors import FilterError
from mldash.query.explaining import Explanation, explain
from mldash.query.parsing import parse
from mldash.query.syntax import And, Compare, Filter, Plain
from mldash_api.errors import WrongParameter
from mldash_api.experiments.experiments import describe
from mldash_api.limits import DEFAULT_EXPERIMENTS, MOST_GROUP_FIELDS, MOST_GROUP_VALUES, MOST_RUN_FIELDS
from mldash_api.rights.caller import scopes_of
from mldash_api.rights.needed import needs
from mldash_api.run_errors import WrongFilter
from mldash_api.search.answers import FieldsAnswer, FoundAnswer, GroupsAnswer, RunRow, Search
from mldash_api.search.asked import AskedPage, AskedRuns, Named
from mldash_api.search.asking import find_fields, find_groups, find_runs, place_of
from mldash_api.search.cursors import cursor_of, mark_of
from mldash_api.search.index import RunIndex
from mldash_api.search.ordering import Order
from mldash_api.stores.streams import ExperimentRef, Stores, find_experiments
from mldash_api.times import iso_or_none

from .dependencies import OurCaller, OurForm, OurIndex
from .leaving import while_connected
from .parameters import checked_count
from .search_fields import named_field, named_fields

_BY_PREFIX: Final = "prefix"
_MOST_NAMES: Final = 10_000


async def search(stores: Stores, index: RunIndex, search: Search, scopes: Sequence[str]) -> FoundAnswer | GroupsAnswer:
    """Raises WrongFilter, WrongParameter, and what find_runs and find_groups do."""
    asked = AskedRuns(filter=_filter_of(search), scopes=scopes, now=time())
    if search.group is not None:
        return await _groups(index, search, asked)
    if search.values is not None:
        raise WrongParameter("values", "they are of groups: say `group` too")
    order = _order_of(search.sort)
    fields = _fields_of("fields", search.fields, MOST_RUN_FIELDS)
    mark = mark_of(search.filter, search.sort, search.owner, search.project)
    after = None
    if search.cursor is not None:
        after, now = place_of(search.cursor, mark)
        asked = AskedRuns(filter=asked.filter, scopes=scopes, now=now)
    page = AskedPage(order=order, after=after, limit=search.limit, fields=fields)
    found = await find_runs(index, asked, page)
    experiments: list[ExperimentAnswer] | list[RunRow] = found.rows
    if fields is None:
        experiments = await describe(stores, found.experiments, time())
    return {
        "experiments": experiments,
        "next": cursor_of(found.last, asked.now, mark),
        "count": found.count,
        "countIs": "exact",
        **_age(found.as_of),
    }


@get("/fields", tags=["experiments"], opt=needs("read", "shown"))
async def fields(
    request: Request[Any, Any, Any],
    index: OurIndex,
    caller: OurCaller,
    form: OurForm,
    prefix: Annotated[str, QueryParameter(description="How the field begins: `params.opt`.")] = "",
    limit: FromQuery[int] = DEFAULT_EXPERIMENTS,
) -> Response[FieldsAnswer]:
    """Names that a filter can ask for, of the runs that the caller may read."""
    count = checked_count("limit", limit, _MOST_NAMES)
    asking = find_fields(index, scopes_of(caller, "read"), prefix, count)
    names, known, as_of = await while_connected(request, asking) or ([], 0, 0.0)
    return form.answer({"fields": names, "count": known, **_age(as_of)})


@get("/explain", tags=["experiments"], opt=needs("read", "shown"))
async def explained(
    form: OurForm, filter: Annotated[str, QueryParameter(description="A filter: docs/query.md.")]
) -> Response[Explanation]:
    """What a filter reads, and when a run passes it, in words and as data."""
    return form.answer(explain(_parsed("filter", filter)))


async def found_by(
    stores: Stores, index: RunIndex, text: str, scopes: Sequence[str], now: float, most: int
) -> tuple[list[ExperimentRef], int]:
    """The first of the runs that pass a filter, in the order of prefixes; how many pass. Raises as `search` does.

    Of those that are still there: a run that was made anew since the index has read it may not pass.
    """
    asked = AskedRuns(filter=_parsed("filter", text), scopes=scopes, now=now)
    found = await find_runs(
        index, asked, AskedPage(order=Order(Plain(_BY_PREFIX)), after=None, limit=most, fields=None)
    )
    present = await find_experiments(stores.mongo, [one.prefix for one in found.experiments])
    there = still_there(found.experiments, present)
    return there, found.count - len(found.experiments) + len(there)


def still_there(known: Sequence[ExperimentRef], present: Sequence[ExperimentRef | None]) -> list[ExperimentRef]:
    """Those whose generation is the one that was known; `present`: the same experiments as they are now."""
    pairs = zip(known, present, strict=True)
    return [now for then, now in pairs if now is not None and now.generation == then.generation]


async def _groups(index: RunIndex, search: Search, asked: AskedRuns) -> GroupsAnswer:
    for parameter, value in (("sort", search.sort), ("fields", search.fields), ("cursor", search.cursor)):
        if value is not None:
            raise WrongParameter(parameter, "groups come in the order of their values, all at once")
    by = _fields_of("group", search.group, MOST_GROUP_FIELDS) or []
    if not by:
        raise WrongParameter("group", "name a field")
    of = _fields_of("values", search.values, MOST_GROUP_VALUES) or []
    found = await find_groups(index, asked, by, of)
    return {"groups": found.groups, "count": found.count, **_age(found.as_of)}


class _Age(TypedDict):
    asOf: str | None
    lagS: float


def _age(as_of: float) -> _Age:
    return {"asOf": iso_or_none(as_of), "lagS": round(max(0.0, time() - as_of), 3)}


def _filter_of(search: Search) -> Filter | None:
    parts = list[Filter]()
    if search.owner is not None:
        parts.append(Compare(Plain("owner"), "=", search.owner))
    if search.project is not None:
        parts.append(Compare(Plain("project"), "=", search.project))
    if search.filter is not None:
        parts.append(_parsed("filter", search.filter))
    return And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def _parsed(parameter: str, text: str) -> Filter:
    try:
        return parse(text)
    except FilterError as error:
        raise WrongFilter(parameter, error) from None


def _order_of(text: str | None) -> Order:
    if text is None:
        return Order(Plain(_BY_PREFIX))
    return Order(named_field("sort", text.removeprefix("-")), descending=text.startswith("-"))


def _fields_of(parameter: str, texts: list[str] | None, most: int) -> list[Named] | None:
    return None if texts is None else named_fields(parameter, texts, most)
