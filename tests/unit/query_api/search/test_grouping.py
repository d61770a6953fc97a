"""Groups of runs, and what is said of the numbers in one."""

from statistics import fmean, median

import numpy as np
import pytest

from mldash.query.syntax import Keyed, Statistic
from mldash_api.errors import AnswerTooLarge
from mldash_api.run_errors import QueryTooLong
from mldash_api.search.grouping import MOST_GROUPS, gather, groups_of, statistics_of
from mldash_api.search.naming import names_of

from .tables import nothing, table_of

LR, MODEL, ACC = Keyed("params", "lr"), Keyed("params", "model"), Statistic("eval", "acc", "max")


def some_runs(count: int = 600) -> list[dict[str, object]]:
    return [
        {
            "params": {"lr": [0.1, 1, 1.0][at % 3], **({"model": ["a", "b"][at % 2]} if at % 5 else {})},
            "metrics": {"eval": {"acc": {"max": float(at)}}},
        }
        for at in range(count)
    ]


@pytest.mark.parametrize("dense", [False, True])
def test_groups_lie_within_each_other_and_hold_every_run_once(dense: bool) -> None:
    runs = some_runs()
    table = table_of(runs, dense=dense)
    gathered = gather(table, table.is_there, [("params.lr", LR), ("params.model", MODEL)], [("acc", ACC)])
    groups = groups_of(gathered, nothing)
    assert [(group["value"], group["count"]) for group in groups] == [(0.1, 200), (1, 400)]
    for group in groups:
        assert group["field"] == "params.lr" and sum(one["count"] for one in group["groups"]) == group["count"]
        assert {(one["value"], one["isMissing"]) for one in group["groups"]} == {
            ("a", False),
            ("b", False),
            (None, True),
        }
    first = groups[0]["values"]["acc"]
    numbers = [float(at) for at in range(600) if at % 3 == 0]
    assert first["count"] == 200
    assert first["mean"] == pytest.approx(fmean(numbers)) and first["median"] == pytest.approx(median(numbers))
    assert (first["min"], first["max"]) == (0.0, 597.0)
    assert first["low"] is not None and first["high"] is not None
    half = 1.96 * np.std(numbers) / np.sqrt(200)
    assert first["low"] == pytest.approx(fmean(numbers) - half, abs=half / 4)
    assert first["high"] == pytest.approx(fmean(numbers) + half, abs=half / 4)
    assert groups_of(gathered, nothing) == groups, "the seed is fixed"


@pytest.mark.parametrize("dense", [False, True])
def test_infinities_and_nan_are_groups_of_their_own(dense: bool) -> None:
    values = [1.5, float("inf"), float("-inf"), float("nan")]
    table = table_of([{"params": {"lr": values[at % 4]}} for at in range(600)], dense=dense)
    groups = groups_of(gather(table, table.is_there, [("params.lr", LR)], []), nothing)
    assert sorted(repr(group["value"]) for group in groups) == ["-inf", "1.5", "inf", "nan"]
    assert {group["count"] for group in groups} == {150}


def test_a_summary_of_very_many_runs_can_be_given_up_within() -> None:
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise QueryTooLong(1.0)

    with pytest.raises(QueryTooLong):
        statistics_of(np.arange(100_000.0), check)


def test_what_is_no_number_counts_in_no_summary() -> None:
    told = statistics_of(np.array([1.0, np.nan, 3.0]))
    assert (told["count"], told["mean"], told["low"] is None) == (2, 2.0, False)
    assert statistics_of(np.array([5.0]))["low"] is None
    assert statistics_of(np.array([np.nan])) == dict.fromkeys(told, None) | {"count": 0}


def test_more_groups_than_an_answer_holds_are_refused() -> None:
    table = table_of({"params": {"lr": at}} for at in range(MOST_GROUPS + 1))
    with pytest.raises(AnswerTooLarge):
        groups_of(gather(table, table.is_there, [("params.lr", LR)], []), nothing)


@pytest.mark.parametrize("dense", [False, True])
def test_names_are_those_of_visible_runs_the_most_frequent_first(dense: bool) -> None:
    table = table_of(
        [{"params": {"lr": 1}}, {"params": {"lr": "x", "depth": 2}}, {"params": {"secret": 1}}], dense=dense
    )
    visible = table.is_there.copy()
    visible[2] = False
    names, count = names_of(table, visible, "params.", 10, nothing)
    assert [(one["field"], one["kinds"], one["runs"]) for one in names] == [
        ("params.lr", ["number", "text"], 2),
        ("params.depth", ["number"], 1),
    ]
    assert count == 2
    assert [one["field"] for one in names_of(table, table.is_there, "params.s", 10, nothing)[0]] == ["params.secret"]
