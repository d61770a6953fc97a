"""An answer is never above its budget, and what has to be kept is in it."""

import json
import math
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mldash_api.agents.budget import LEAST, Part, fit, kept
from mldash_api.agents.points import Column, coarser, whole
from mldash_api.agents.texts import beginning, call_text, number_text, plain, quoted, value_text

TEXTS = st.text(st.characters(exclude_categories=()), max_size=60)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.none() | st.integers() | st.floats(),
    lambda inside: st.lists(inside, max_size=6) | st.dictionaries(TEXTS, inside, max_size=6),
    max_leaves=30,
)
NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)


def part(lines: list[str], rank: int, is_kept: bool) -> Part:
    return Part(
        lambda size: "\n".join(quoted(one) for one in lines[:size]),
        lambda size: (f"{len(lines) - (size or 0)} lines", call_text("find_runs", filter="x" * rank)),
        range(len(lines), -1, -1),
        rank,
        is_kept,
    )


@given(
    st.lists(st.tuples(st.lists(TEXTS, max_size=25), st.integers(0, 3), st.booleans()), max_size=6),
    st.integers(LEAST, 20_000),
    st.dictionaries(st.sampled_from("abcdef"), TEXTS | st.floats() | st.integers(), max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_no_answer_is_above_its_budget(
    given_parts: list[tuple[list[str], int, bool]], budget: int, facts: dict[str, object]
) -> None:
    parts = [kept("the head stays"), *(part(*one) for one in given_parts)]
    answer = fit(parts, budget, {"count": 3}, facts)
    assert len(answer.text) + len(json.dumps(answer.structured, allow_nan=False)) <= budget
    assert answer.text.startswith("the head stays")
    assert answer.structured["whole"] == ("Left out" not in answer.text and "… cut" not in answer.text)
    answer.text.encode()


@given(st.integers(LEAST, 4_000))
@settings(max_examples=10, deadline=None)
def test_context_gives_way_before_figures_and_what_is_kept_stays(budget: int) -> None:
    lines = [f"line {at}" for at in range(400)]
    errors = Part(
        lambda size: "error: out of memory" + " long" * size, lambda _: ("errors", "describe_run()"), (900, 0), 0, True
    )
    answer = fit(
        [kept("head"), errors, part(lines, 1, False), part([f"context {at}" for at in range(400)], 3, False)], budget
    )
    assert "error: out of memory" in answer.text
    assert "context" not in answer.text or '"line 399"' in answer.text
    assert "Left out, and what brings it:" in answer.text and answer.structured["calls"]


def test_what_fits_is_whole() -> None:
    answer = fit([kept("head"), part(["a", "b"], 1, False)], LEAST)
    assert answer.text == 'head\n\n"a"\n"b"'
    assert answer.structured == {"whole": True, "facts": {}, "logged": {}, "calls": []}


@given(st.lists(st.one_of(st.none(), NUMBERS), min_size=1, max_size=300), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_coarser_columns_keep_every_extreme_and_every_point_without_a_number(
    values: list[float | None], most: int
) -> None:
    columns = [
        Column(at, at + 1, missing=1) if one is None else Column(at, at + 1, one, one, one, one, 1)
        for at, one in enumerate(values)
    ]
    numbers = [one for one in values if one is not None]
    found = coarser(columns, most)
    assert len(found) <= most and (found[0].low, found[-1].high) == (0, len(values))
    for one in (whole(found), whole(columns)):
        assert (one.count, one.missing) == (len(numbers), len(values) - len(numbers))
        if numbers:
            assert (one.least, one.greatest) == (min(numbers), max(numbers))
            assert (one.first, one.last) == (numbers[0], numbers[-1])


@given(st.text(st.characters(exclude_categories=()), max_size=300))
@settings(max_examples=100, deadline=None)
def test_a_logged_text_never_leaves_its_quotes_nor_its_line(text: str) -> None:
    shown = quoted(text, 1_000)
    assert shown[0] == shown[-1] == '"' and shown.isprintable()
    assert '"' not in shown[1:-1].replace("\\\\", "").replace('\\"', "")


def outside_quotes(shown: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", shown)


@given(VALUES, st.integers(0, 120))
@settings(max_examples=300, deadline=None)
def test_no_value_at_any_limit_leaves_a_logged_letter_outside_quotes(value: object, most: int) -> None:
    shown = value_text(value, most)
    assert shown.isprintable()
    ours = r"true|false|null|NaN|-?Infinity|…\(\+\d+ (more|letters)\)|-?\d+(\.\d+)?(e[+-]\d+)?|[\[\]{}:, ]"
    assert re.fullmatch(f"({ours})*", outside_quotes(shown)), shown


@given(VALUES, st.integers(0, 200), st.integers(1, 120))
@settings(max_examples=300, deadline=None)
def test_a_text_of_ours_that_is_cut_closes_its_quotes(value: object, most: int, letters: int) -> None:
    cut = beginning(f"Run {value_text(value, letters)}: {value_text(value, letters)}", most)
    assert len(cut) <= most
    assert '"' not in outside_quotes(cut)


def test_lists_and_dicts_are_shown_item_by_item() -> None:
    assert value_text([1, "abc", 2.5, "d"], 200) == '[1, "abc", 2.5, "d"]'
    assert value_text(["a" * 30] * 9, 100) == f"[{', '.join([quoted('a' * 30)] * 2)}, …(+7 more)]"
    assert value_text({"a": "x" * 90, "b": 1}, 20) == '{"a": "' + "x" * 15 + '"…(+75 letters), …(+1 more)}'
    assert value_text({}, 0) + value_text([1], 0) == "{}[…(+1 more)]"


def test_what_is_beyond_the_limit_is_not_looked_at() -> None:
    class Text(str):
        looked_at = 0

        def __str__(self) -> str:
            Text.looked_at += 1
            return "x" * 100

    shown = value_text({Text(at): "y" * 1_000 for at in range(20_000)}, 200)
    assert len(shown) < 600 and Text.looked_at < 5 and shown.endswith(" more)}")


def test_arguments_of_a_call_are_printable_and_the_same_text() -> None:
    text = 'a\u2028\x85\x9b\u202e\U000e0041\x7f"z'
    call = call_text("find_runs", filter=text, limit=3)
    assert call.isprintable() and call.endswith(", limit=3)")
    assert json.loads(call.removeprefix("find_runs(filter=").removesuffix(", limit=3)")) == text


@given(NUMBERS)
def test_numbers_keep_their_digits(number: float) -> None:
    if math.isfinite(number):
        assert type(number)(number_text(number)) == number == type(number)(value_text(number))
    assert json.loads(json.dumps({"x": plain(number)}, allow_nan=False))


def test_what_is_no_number_is_told_as_text() -> None:
    told = [number_text(one) for one in (math.nan, math.inf, -math.inf, None)]
    assert told == ["NaN", "Infinity", "-Infinity", "-"]
    assert [plain(math.nan), plain(2**53 + 1), plain(True)] == ["NaN", "9007199254740993", True]
    assert value_text({"a": [1, math.nan, "b\n"]}) == '{"a": [1, NaN, "b\\n"]}'
    assert quoted("x" * 300).endswith('x"…(+100 letters)')
