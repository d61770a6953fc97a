"""Runs by filter, in an order, page after page: as folders are searched by a Client (mldash/client/folder_runs.py)."""

from collections.abc import Callable
from time import time
from typing import Final, TypeVar

import msgspec

from mldash.answers.shapes import ExperimentAnswer, iso_time
from mldash.client.asked import PREFIX, AskedRuns
from mldash.client.folder_runs import FolderAnswer
from mldash.client.kept_runs import KeptRuns
from mldash.events.identity import experiment_id
from mldash.query.errors import FilterError
from mldash.query.evaluating import passes
from mldash.query.parsing import parse, parse_field
from mldash.query.syntax import And, Compare, Field, Filter, Plain
from mldash_api.errors import WrongParameter
from mldash_api.limits import MOST_GROUP_FIELDS, MOST_GROUP_VALUES, MOST_RUN_FIELDS
from mldash_api.routes.parameters import checked_count
from mldash_api.run_errors import WrongFilter
from mldash_api.search.answers import FoundAnswer, GroupsAnswer, RunRow, Search
from mldash_api.search.cursors import cursor_of, mark_of, opened

from .groups import gathered, grouped

_Said = TypeVar("_Said")
_place = msgspec.msgpack.Decoder(tuple[int, bytes, float, tuple[int, str]]).decode
_ANOTHER: Final = "it goes on with another question: send the parameters of the page before"


def search(runs: KeptRuns, asked: Search) -> FoundAnswer | GroupsAnswer:
    """Raises WrongFilter, WrongParameter, AnswerTooLarge."""
    passing = _filter_of(asked)
    if asked.group is not None:
        return _groups(runs, asked, passing)
    if asked.values is not None:
        raise WrongParameter("values", "they are of groups: say `group` too")
    sort = PREFIX if asked.sort is None else asked.sort
    order = said("sort", parse_field, sort.removeprefix("-"))
    columns = {} if asked.fields is None else fields_of("fields", asked.fields, MOST_RUN_FIELDS)
    answer = FolderAnswer(runs.plain, AskedRuns(asked.filter, passing, sort, order, columns))
    mark = mark_of(asked.filter, asked.sort, asked.owner, asked.project)
    first = 0 if asked.cursor is None else _behind(answer, asked.cursor, mark)
    stop = min(first + asked.limit, answer.count())
    is_whole = asked.fields is None
    return {
        "experiments": _whole(runs, answer, first, stop) if is_whole else _rows(answer, columns, first, stop),
        "next": cursor_of((stop, answer.prefixes[stop - 1]), 0.0, mark) if first < stop < answer.count() else None,
        "count": answer.count(),
        "countIs": "exact",
        "asOf": iso_time(time()),
        "lagS": 0.0,
    }


def said(parameter: str, parse_it: Callable[[str], _Said], text: str) -> _Said:
    """Raises WrongFilter."""
    try:
        return parse_it(text)
    except FilterError as error:
        raise WrongFilter(parameter, error) from None


def fields_of(parameter: str, texts: list[str], most: int) -> dict[str, Field]:
    """Each once, by its text. Raises WrongParameter, WrongFilter."""
    checked_count(f"number of {parameter}", len(texts), most)
    return {text: said(parameter, parse_field, text) for text in dict.fromkeys(texts)}


def _groups(runs: KeptRuns, asked: Search, passing: Filter | None) -> GroupsAnswer:
    for parameter, value in (("sort", asked.sort), ("fields", asked.fields), ("cursor", asked.cursor)):
        if value is not None:
            raise WrongParameter(parameter, "groups come in the order of their values, all at once")
    by = fields_of("group", asked.group or [], MOST_GROUP_FIELDS)
    if not by:
        raise WrongParameter("group", "name a field")
    of = fields_of("values", asked.values or [], MOST_GROUP_VALUES)
    now = time()
    found = [run for run in runs.plain() if passing is None or passes(passing, run, now)]
    groups = grouped(gathered(found, by, of))
    return {"groups": groups, "count": len(found), "asOf": iso_time(now), "lagS": 0.0}


def _filter_of(asked: Search) -> Filter | None:
    parts = list[Filter]()
    if asked.owner is not None:
        parts.append(Compare(Plain("owner"), "=", asked.owner))
    if asked.project is not None:
        parts.append(Compare(Plain("project"), "=", asked.project))
    if asked.filter is not None:
        parts.append(said("filter", parse, asked.filter))
    return And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def _behind(answer: FolderAnswer, cursor: str, mark: bytes) -> int:
    """Behind the run that was the last, wherever it is now; where it is gone, behind its place. Raises
    WrongParameter."""
    (place, prefix), _ = opened(cursor, mark, _place, _ANOTHER)
    prefixes = answer.prefixes
    return prefixes.index(prefix) + 1 if prefix in prefixes else min(max(place, 0), len(prefixes))


def _rows(answer: FolderAnswer, columns: dict[str, Field], first: int, stop: int) -> list[RunRow]:
    found = list[RunRow]()
    for row in answer.rows(first, stop):
        values = {name: row.prefix if name == PREFIX else row.values.get(name) for name in columns}
        there = {name: value for name, value in values.items() if name == PREFIX or name in row.values}
        found.append({"prefix": row.prefix, "id": experiment_id(row.prefix).hex(), "values": there})
    return found


def _whole(runs: KeptRuns, answer: FolderAnswer, first: int, stop: int) -> list[ExperimentAnswer]:
    found, there = list[ExperimentAnswer](), runs.find()
    for prefix in answer.prefixes[first:stop]:
        with runs.lock:
            about = there[prefix].among_others(there[prefix].about) if prefix in there else None
        if about is not None:
            found.append(about)
    return found
