"""Expressions over the fields of a metric: what they mean, which follow from least and greatest, and what is none."""

import json
import math
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mldash.query.errors import ExpressionError
from mldash.query.expressions.evaluating import Evaluator
from mldash.query.expressions.monotone import monotone
from mldash.query.expressions.parsing import parse_expression
from mldash.query.expressions.syntax import FUNCTIONS, MOST_PARTS

FIELDS = ["loss", "eval.acc", "a/b", "d", "dx", "log10", "or", "é"]
Plain = Callable[[dict[str, float]], float]


def plain_quotient(one: float, zero: float) -> float:
    return math.copysign(math.inf, one) * math.copysign(1, zero)


def plain_call(name: str, *of: float) -> float:
    """By Python's own numbers, where these raise as IEEE 754 has it."""
    if any(map(math.isnan, of)):
        return math.nan
    try:
        if name == "/":
            return of[0] / of[1]
        if name == "**":
            found = of[0] ** of[1]
            return math.nan if isinstance(found, complex) else found
        by_name: dict[str, Callable[..., float]] = {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
            "abs": abs,
            "min": lambda a, b: float(np.minimum(a, b)),  # of two zeros, IEEE 754 leaves open which
            "max": lambda a, b: float(np.maximum(a, b)),
        }
        return (by_name.get(name) or getattr(math, name))(*of)
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        return math.nan if name == "/" and of[0] == 0 else plain_quotient(*of) if name == "/" else math.inf
    except ValueError:
        return -math.inf if name.startswith("log") and of[0] == (-1 if name == "log1p" else 0) else math.nan


def drawn(chance: random.Random, depth: int) -> tuple[str, Plain]:
    """A text, and the same in plain Python."""
    kind = chance.choice(["field", "field", "number", "two", "two", "call", "negative"]) if depth else "field"
    if kind == "field":
        name = chance.choice(FIELDS)
        text = name if name.replace(".", "a").isidentifier() and chance.random() < 0.7 else json.dumps(name)
        return text, lambda values: values[name]
    if kind == "number":
        number = chance.choice([0, 1, 2, 0.5, 1e-3, 3.25])
        return repr(number), lambda _: float(number)
    if kind == "negative":
        text, of = drawn(chance, depth - 1)
        return f"(-{text})", lambda values: -of(values)
    if kind == "call":
        name = chance.choice([one for one in FUNCTIONS if one not in ("exp", "expm1")])
        parts = [drawn(chance, depth - 1) for _ in range(FUNCTIONS[name])]
        return f"{name}({', '.join(text for text, _ in parts)})", lambda values: plain_call(
            name, *(of(values) for _, of in parts)
        )
    name = chance.choice(["+", "-", "*", "/"])
    (one, left), (two, right) = drawn(chance, depth - 1), drawn(chance, depth - 1)
    return f"({one} {name} {two})", lambda values: plain_call(name, left(values), right(values))


def test_values_are_those_of_plain_python_to_one_part_in_a_million_million() -> None:
    chance = random.Random(1)
    for _ in range(500):
        text, plain = drawn(chance, 4)
        try:
            expression = parse_expression(text)
        except ExpressionError as error:
            assert error.reason == "it names no field", text
            continue
        points = [
            {name: chance.choice([0.0, 1.0, -2.5, chance.gauss(0, 3), math.nan]) for name in FIELDS} for _ in range(8)
        ]
        columns = {name: [point[name] for point in points] for name in FIELDS}
        for found, point in zip(expression.of(columns).tolist(), points, strict=True):
            lacks = any(math.isnan(point[name]) for name in expression.fields)
            expected = math.nan if lacks else plain(point)
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-300, nan_ok=True), (text, point)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", 2 + 3 * 5.0),
        ("(a + b) * c", 25.0),
        ("a - b - c", -6.0),
        ("c / b / a", 5 / 3 / 2),
        ("-a ** 2", -4.0),
        ("2 ** -a", 0.25),
        ("a ** b ** a", 512.0),
        ("a--b", 5.0),
        ("max(a, min(b, c))", 3.0),
        ("log(a)/log(c)", math.log(2) / math.log(5)),
    ],
)
def test_operations_bind_as_in_python(text: str, expected: float) -> None:
    (found,) = parse_expression(text).of({"a": [2], "b": [3], "c": [5]}).tolist()
    assert found == pytest.approx(expected, rel=1e-15)


def test_a_slope_is_from_the_last_point_that_has_a_value() -> None:
    slope = parse_expression("d(loss)/dx")
    found = slope.of({"loss": [1, None, 4, 4, 9, 9]}, x=[0, 1, 2, 3, 3, 5]).tolist()
    assert found == pytest.approx([math.nan, math.nan, 1.5, 0, math.nan, 0], nan_ok=True)
    curved = parse_expression("d(d(loss)/dx)/dx").of({"loss": [0, 1, 4, 9, 16]}).tolist()
    assert curved == pytest.approx([math.nan, math.nan, 2, 2, 2], nan_ok=True)


def test_parts_of_a_stream_give_what_the_whole_gives_unless_points_were_left_out() -> None:
    draw = np.random.default_rng(3)
    loss, x = draw.normal(size=100), np.cumsum(draw.random(100))
    loss[draw.integers(0, 100, 20)] = np.nan
    expression = parse_expression("d(loss)/dx + d(loss * 2)/dx * loss")
    whole, parts = expression.of({"loss": loss}, x), Evaluator(expression)
    cuts = [0, 1, 7, 8, 60, 100]
    pieces = [parts.add({"loss": loss[a:b]}, x[a:b]) for a, b in pairwise(cuts)]
    assert np.array_equal(np.concatenate(pieces), whole, equal_nan=True)
    parts.gap()
    after = parts.add({"loss": loss[:10]}, x[:10])
    assert np.array_equal(after, whole[:10], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "rises", "is_line"),
    [
        ("loss", True, True),
        ("log10(loss)", True, False),
        ("3 - 2 * loss", False, True),
        ("-loss / -4", True, True),
        ("2 ** loss", True, False),
        ("0.5 ** (loss + 1)", False, False),
        ("loss ** 3", True, False),
        ("sqrt(loss)", True, False),
        ("max(min(loss, 2), -1)", True, False),
        ("tanh(exp(-loss)) * (1 + 1)", False, False),
        ("log(2) * loss", True, True),
    ],
)
def test_what_never_turns_is_known_and_is_right(text: str, rises: bool, is_line: bool) -> None:
    expression = parse_expression(text)
    found = monotone(expression.root)
    assert found == ("loss", rises, is_line)
    values = np.sort(np.random.default_rng(5).normal(0, 3, 500))
    made = expression.of({"loss": values})
    there = np.flatnonzero(~np.isnan(made))
    assert len(there) and np.array_equal(there, np.arange(there[0], there[-1] + 1)), "defined on an interval"
    assert (np.diff(made[there]) * (1 if rises else -1) >= 0).all()
    if is_line:
        assert made.mean() == pytest.approx(expression.of({"loss": [values.mean()]})[0], rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "abs(loss)",
        "loss ** 2",
        "loss ** -1",
        "loss ** 0.5",  # of -infinity it is infinity, and of numbers between there and 0 none
        "loss ** 2.5",
        "1 / loss",
        "loss - loss",
        "a - b",
        "loss * 0",
        "d(loss)/dx",
    ],
)
def test_what_may_turn_is_left_to_points(text: str) -> None:
    assert monotone(parse_expression(text).root) is None


@pytest.mark.parametrize(
    ("text", "position", "found"),
    [
        ("log10(loss", 10, ""),
        ("loss +", 6, ""),
        ("loss loss", 5, "loss"),
        ("a + foo(b)", 4, "foo"),
        ("min(a)", 0, "min"),
        ("log(a, b)", 0, "log"),
        ("d(loss)", 7, ""),
        ("d(loss)*dx", 7, "*"),
        ("d(loss)/dy", 8, "dy"),
        ("a ; b", 2, ";"),
        ("a if b else c", 2, "if"),
        ("a[0]", 1, "[0]"),
        ("1e999 * a", 0, "1e999"),
        ('"a\\q" + 1', 0, '"a\\q"'),
        ("1 + 2", 0, "1 + 2"),
        ("", 0, ""),
        ("__import__('os')", 0, None),
        ("a.__class__()", 11, "("),
        ("(" * 400 + "a", 401, ""),
    ],
)
def test_what_is_none_says_at_which_character(text: str, position: int, found: str | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    if found is not None:
        assert (caught.value.position, caught.value.found) == (position, found)
        assert caught.value.expected or caught.value.reason


def test_an_integer_beyond_every_float_is_refused_where_it_stands() -> None:
    for digits in (309, 400):
        with pytest.raises(ExpressionError) as caught:
            parse_expression("a + " + "9" * digits)
        assert (caught.value.position, caught.value.found) == (4, "9" * digits)


def test_long_wide_and_broken_texts_are_refused_at_once() -> None:
    for text in ("a" * 1_001, "a" + " + a" * MOST_PARTS, "\ud800", "a + " * 60_000):
        with pytest.raises(ExpressionError):
            parse_expression(text)
    assert parse_expression("(" * 490 + "a" + ")" * 490).fields == ("a",)


def test_columns_that_do_not_fit_are_refused() -> None:
    expression = parse_expression("a + b")
    with pytest.raises(ValueError, match="one length"):
        expression.of({"a": [1], "b": [1, 2]})
    with pytest.raises(ValueError, match="no column of numbers"):
        expression.of({"a": ["x"], "b": [1]})
    assert np.isnan(expression.of({"a": [1, 2]})).all(), "a field that is not there has no number"


def test_an_expression_comes_back_from_pickle_and_its_error_too() -> None:
    import pickle

    with pytest.raises(ExpressionError) as caught:
        parse_expression("a +")
    again: Any = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
