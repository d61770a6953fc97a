"""Text ↔ filter, and what is said of a text that is none."""

import json
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.query.errors import FilterError
from mldash.query.explaining import explain
from mldash.query.limits import MOST_BYTES, MOST_DEPTH, MOST_TERMS, MOST_VALUES
from mldash.query.parsing import parse, parse_field
from mldash.query.printing import text_of, text_of_field
from mldash.query.syntax import (
    And,
    Compare,
    Contains,
    Exists,
    Field,
    Filter,
    FromNow,
    Has,
    In,
    IsNan,
    Keyed,
    Not,
    Or,
    Plain,
    StartsWith,
    Statistic,
)

from .filters import fields, filters

STATUS, TAGS = Plain("status"), Plain("tags")
LR = Keyed("params", "optimizer.lr")


@given(filters)
@settings(deadline=None, max_examples=300)
def test_a_filter_written_as_text_is_read_as_the_same_filter(filter_: Filter) -> None:
    assert repr(parse(text_of(filter_))) == repr(filter_)
    assert parse(text_of(filter_)) == filter_


@given(fields)
@settings(deadline=None)
def test_a_field_written_as_text_is_read_as_the_same_field(field: Field) -> None:
    assert parse_field(text_of_field(field)) == field


@pytest.mark.parametrize(
    ("text", "filter_"),
    [
        ('status = "FAILED"', Compare(STATUS, "=", "FAILED")),
        ('status == "FAILED"', Compare(STATUS, "=", "FAILED")),
        ("params.optimizer.lr < 1e-3", Compare(LR, "<", 1e-3)),
        ('params."optimizer.lr" < 1e-3', Compare(LR, "<", 1e-3)),
        ('params.optimizer."lr"<1e-3', Compare(LR, "<", 1e-3)),
        ("params.in.not", Compare(Keyed("params", "in.not"), "=", True)),
        ("metrics.eval.accuracy.max > .9", Compare(Statistic("eval", "accuracy", "max"), ">", 0.9)),
        ("metrics.train/loss.a-b.last is nan", IsNan(Statistic("train/loss", "a-b", "last"))),
        ("metrics.null.x.first exists", Exists(Statistic(None, "x", "first"))),
        ('metrics."null".x.first exists', Exists(Statistic("null", "x", "first"))),
        ('tags has "a" and "b"', And((Has(TAGS, "a"), Has(TAGS, "b")))),
        ('archived and tags has "a" and "b"', And((parse("archived"), Has(TAGS, "a"), Has(TAGS, "b")))),
        ("not archived", Not(Compare(Plain("archived"), "=", True))),
        ('NOT (params.x IN (1, "a",true) )', Not(In(Keyed("params", "x"), (1, "a", True)))),
        ("started > now - 7d", Compare(Plain("started"), ">", FromNow(-604_800.0))),
        ("started>now-1.5h", Compare(Plain("started"), ">", FromNow(-5_400.0))),
        ('ended < "1970-01-02"', Compare(Plain("ended"), "<", 86_400.0)),
        ('ended < "1970-01-01T01:00:00+01:00"', Compare(Plain("ended"), "<", 0.0)),
        ("duration >= 2h", Compare(Plain("duration"), ">=", 7_200.0)),
        (
            'name starts with "a" or name contains "b"',
            Or((StartsWith(Plain("name"), "a"), Contains(Plain("name"), "b"))),
        ),
        ("params.x = -inf", Compare(Keyed("params", "x"), "=", float("-inf"))),
        ("params.x = 9007199254740993", Compare(Keyed("params", "x"), "=", 2**53 + 1)),
        ('params.x = "\\u00fc$gt"', Compare(Keyed("params", "x"), "=", "ü$gt")),
        ("archived or archived and archived", Or((parse("archived"), And((parse("archived"), parse("archived")))))),
    ],
)
def test_a_text_means_what_the_page_says(text: str, filter_: Filter) -> None:
    assert parse(text) == filter_


@pytest.mark.parametrize(
    ("text", "position", "found", "said"),
    [
        ("status foo", 7, "foo", "= != < <= > >="),
        ("", 0, "", "a field"),
        ("archived and", 12, "", "a field"),
        ('statu = "FAILED"', 0, "statu", "status is near to it"),
        ("status = 3", 9, "3", "a text in double quotes"),
        ('status = "failed"', 9, '"failed"', '"FAILED"'),
        ("status = 'a'", 9, "'a'", "a text in double quotes"),
        ('params.x = "a', 11, '"a', "a text in double quotes"),
        ('status = "FAILED" and "x"', 22, '"x"', "a value alone stands only behind `has`"),
        ('tags = "a"', 5, "=", "has"),
        ("tags", 0, "tags", "can't stand alone"),
        ("metrics.a.b > 3", 0, "metrics", "metrics.<name>.<field>.<statistic>"),
        ("metrics.a.b.c.d > 3", 14, "d", "metrics.<name>.<field>.<statistic>"),
        ("metrics.a.b.p50 > 3", 12, "p50", "last or first"),
        ('metrics.a.b.max > "3"', 18, '"3"', "a number"),
        ("params > 3", 0, "params", "params.<name>"),
        ("status.x > 3", 7, "x", "nothing stands below status"),
        ('started > "soon"', 10, '"soon"', "2026-01-31"),
        ('archived = "yes"', 11, '"yes"', "true or false"),
        ("params.x = 1 2", 13, "2", "and, or or the end"),
        ("(archived", 9, "", ")"),
        ('params.x = "\\ud800"', 11, '"\\ud800"', "JSON string"),
        ("params.x = 1e999", 11, "1e999", "inf"),
    ],
)
def test_an_error_says_where_what_stands_there_and_what_was_expected(
    text: str, position: int, found: str, said: str
) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    error = caught.value
    assert (error.position, error.found) == (position, found)
    assert said in str(error)
    if text:
        line, caret = error.shown.splitlines()
        assert line[caret.index("^") :].startswith(found[:1])


LARGEST = "x" * (64 << 10)


@pytest.mark.parametrize(
    "text",
    [
        LARGEST,
        f'params.x = "{LARGEST}"',
        "(" * (64 << 10),
        "(" * MOST_BYTES,
        "not " * (MOST_BYTES // 4),
        "(" * (MOST_DEPTH + 1) + "archived" + ")" * (MOST_DEPTH + 1),
        "not " * (MOST_DEPTH + 1) + "archived",
        "archived or " * MOST_TERMS + "archived",
        f"params.x in (1{',1' * MOST_VALUES})",
        "params" + ".x" * 4_000 + " = " * 20,
        "params.x = " + "9" * 8_000,
        '{"$where": "sleep(1000)"}',
        'status = {"$ne": "x"}',
        "status = __import__('os')",
        "metrics.__class__.__mro__",
        "\x00",
        "archived\x00",
        'params.x = "a\nb"',
        "\ud800",
        "archived = \ud800",
    ],
)
def test_a_hostile_text_is_refused_at_once(text: str) -> None:
    """As a FilterError, never another one, in a time that grows with the text alone."""
    parse("archived")  # the grammar is read once
    begun = perf_counter()
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert perf_counter() - begun < 1.0
    assert len(str(caught.value)) < 2_000


_PIECES = [
    "and",
    "or",
    "not",
    "params.x",
    "has",
    "in",
    "now",
    "7d",
    "=",
    "(",
    ")",
    ",",
    ".",
    '"',
    "1",
    "-",
    " ",
    "\n",
    "ü",
]


@given(st.text() | st.lists(st.sampled_from(_PIECES)).map("".join) | st.lists(st.sampled_from(_PIECES)).map(" ".join))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        assert 0 <= error.position <= len(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_a_value_stays_a_value_whatever_stands_in_it(text: str) -> None:
    assert parse(f"params.x = {json.dumps(text)}") == Compare(Keyed("params", "x"), "=", text)
    assert parse(f"params.{json.dumps(text)} exists") == Exists(Keyed("params", text))


@given(filters)
@settings(deadline=None)
def test_a_filter_can_be_explained(filter_: Filter) -> None:
    told = explain(filter_)
    assert parse(told["filter"]) == filter_
    assert told["words"] and told["reads"]


def test_an_explanation_says_what_is_read() -> None:
    told = explain(parse('started > now - 7d and metrics.eval.accuracy.max > 0.9 and ended < "2026-01-31"'))
    assert "started is after 1 week before now" in told["words"]
    assert "ended is before 2026-01-31T00:00:00Z" in told["words"]
    assert [one["field"] for one in told["reads"]] == ["started", "metrics.eval.accuracy.max", "ended"]
    assert [one["kind"] for one in told["reads"]] == ["time", "number", "time"]


@pytest.mark.parametrize("text", ["name)", "status = 1", "status\x1f", "status\xa0", "created desc", "name,", "a.\x85"])
def test_what_is_no_field_alone_is_a_filter_error_that_can_be_told(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_field(text)
    assert str(caught.value).startswith("character ")


@pytest.mark.parametrize("blank", ["\x1f", "\x85", "\xa0", "\u2028"])
def test_a_blank_that_the_grammar_does_not_know_is_told_by_its_place(blank: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(f"archived{blank}")
    assert (caught.value.position, caught.value.found) == (8, blank)
    assert "character 9" in str(caught.value)
