"""Which runs pass: the table that docs/query.md promises."""

from typing import Any

import pytest
from hypothesis import given, settings

from mldash.query.evaluating import passes
from mldash.query.parsing import parse
from mldash.query.syntax import Filter, Not

from .filters import filters, runs

NAN = float("nan")
NOW = 1_000_000.0
RUN: dict[str, Any] = {
    "status": "FAILED",
    "started": NOW - 3_600,
    "archived": False,
    "tags": ["sweep-3", "warm start"],
    "params": {
        "lr": 0.001,
        "one": 1,
        "yes": True,
        "none": None,
        "text": "abc",
        "big": 2**53 + 1,
        "nan": NAN,
        "inf": float("inf"),
        "list": [1, "a"],
    },
    "metrics": {"eval": {"acc": {"count": 3, "max": 0.95, "last": NAN}}, None: {"x": {"min": 0}}},
}


@pytest.mark.parametrize(
    "text",
    [
        'status = "FAILED" and params.lr < 1e-2 and metrics.eval.acc.max > 0.9 and tags has "sweep-3" and "warm start"',
        "params.one = 1.0",
        "params.big > 9007199254740992.0",
        "params.big = 9007199254740993",
        "params.inf > 1e308",
        'params.text < "abd"',
        'params.text starts with "ab" and params.text contains "c"',
        'params.list has "a" and 1',
        "params.none exists and params.nan exists",
        "params.nan is nan and metrics.eval.acc.last is nan",
        "params.yes",
        "params.yes != false",
        "not archived",
        "archived = false",
        "started > now - 2h and started < now",
        "metrics.null.x.min = 0",
        'params.one in ("1", 1)',
        "not params.missing = 1",
        "not params.missing != 1",
        'not params.one != "a"',
        "not params.nan != 1",
    ],
)
def test_it_passes(text: str) -> None:
    assert passes(parse(text), RUN, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "params.missing != 1",
        "params.missing exists",
        'params.one != "a"',
        "params.text > 1",
        "params.yes = 1",
        "params.one = true",
        "params.one",
        "params.yes > false",
        "params.nan != 1",
        "params.nan = inf",
        "params.none != 1",
        "params.none = false",
        "params.big = 9007199254740992.0",
        "params.list = 1",
        'params.text has "a"',
        'params.one contains "1"',
        "params.inf is nan",
        "metrics.eval.acc.last < inf",
        "metrics.eval.acc.min exists",
        'metrics."null".x.min = 0',
        "ended exists",
        'tags has "sweep"',
    ],
)
def test_it_does_not_pass(text: str) -> None:
    assert not passes(parse(text), RUN, NOW)


@given(filters, runs)
@settings(deadline=None, max_examples=300)
def test_whatever_a_run_holds_a_filter_is_true_or_false_of_it(filter_: Filter, run: dict[str, Any]) -> None:
    found = passes(filter_, run, NOW)
    assert passes(Not(filter_), run, NOW) is not found
