"""Runs in groups, as the API's index makes them (mldash_api/search/grouping.py), of plain runs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from mldash.client.kept_runs import Run
from mldash.query.evaluating import MISSING, value_of
from mldash.query.syntax import Field
from mldash_api.search.grouping import Gathered, RunGroup, groups_of

_NUMBER, _BOOLEAN, _OTHER, _NAN, _NONE = range(5)
_LAST: Final = (_NONE, 0)


def gathered(runs: Sequence[Run], by: Mapping[str, Field], of: Mapping[str, Field]) -> Gathered:
    """Of the runs that pass."""
    codes, values = [], []
    for field in by.values():
        found = [value_of(field, run) for run in runs]
        places = [_place(value) for value in found]
        firsts: dict[tuple[int, Any], Any] = {}
        for place, value in zip(places, found, strict=True):
            firsts.setdefault(place, value)
        order = {place: number for number, place in enumerate(sorted(firsts))}
        codes.append(np.array([order[place] for place in places], np.intp))
        values.append([(place == _LAST, None if place == _LAST else firsts[place]) for place in order])
    numbers = {name: [_number(value_of(field, run)) for run in runs] for name, field in of.items()}
    return Gathered([*by], codes, values, {name: np.array(one, np.float64) for name, one in numbers.items()})


def grouped(found: Gathered) -> list[RunGroup]:
    """Raises AnswerTooLarge."""
    return groups_of(found, lambda: None)


def _place(value: Any) -> tuple[int, Any]:
    """Numbers in their order, then false and true, then the rest, then NaN, then what is missing. 1 and 1.0 are one
    value."""
    if value is MISSING:
        return _LAST
    if isinstance(value, bool):
        return _BOOLEAN, value
    if isinstance(value, int | float):
        return (_NAN, 0) if math.isnan(value) else (_NUMBER, value)
    return _OTHER, value if isinstance(value, str) else repr(value)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
