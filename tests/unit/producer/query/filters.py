"""What hypothesis draws filters, and runs to ask them of, from."""

from typing import Any

from hypothesis import strategies as st

from mldash.query import syntax
from mldash.query.names import PLAIN, STATISTICS, Kind
from mldash.query.syntax import Field, Filter, FromNow, Keyed, Plain, Statistic, Value
from mldash.query.values import STATUSES
from tests.unit.producer.strategies import texts

NAMES = ["lr", "a.b", "train/loss", 'say "hi"', "x and y", "=", "not", "in", "$gt", "null", "", "ü ", "0", "now", "a-b"]
"""Few, so that filters meet runs."""

TEXTS = ["", "a", "ab", "b", "$gt", '"', "a\\", "ü", "FAILED", "3", "\u2028", "😀"]
NUMBERS: list[int | float] = [
    *(0, 1, -1, 2, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 10**300, 1.0, 0.5, -0.0, 1e-300),
    *(float(2**53), float(2**63), 1.7e308, float("inf"), float("-inf")),
]

names = st.sampled_from(NAMES)
keys = names | texts
words = st.sampled_from(TEXTS) | texts
finite = st.sampled_from(NUMBERS) | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
values: st.SearchStrategy[Value] = words | st.booleans() | finite
moments = (st.just(-0.0) | st.floats(-1e9, 1e9)).map(FromNow)
logged: st.SearchStrategy[Any] = (
    st.none() | words | st.booleans() | finite | st.just(float("nan")) | st.binary(max_size=3)
)
logged = logged | st.lists(logged, max_size=3) | st.dictionaries(words, logged, max_size=2)

fields: st.SearchStrategy[Field] = (
    st.sampled_from(sorted(PLAIN)).map(Plain)
    | st.builds(Keyed, st.sampled_from(["params", "context", "metadata"]), keys)
    | st.builds(Statistic, st.none() | keys, keys, st.sampled_from(STATISTICS))
)


def values_of(kind: Kind, name: str) -> st.SearchStrategy[Value]:
    """What a field of the kind may be compared with."""
    if name == "status":
        return st.sampled_from(STATUSES)
    return {
        "any": values | moments,
        "text": words,
        "texts": words,
        "number": finite,
        "boolean": st.booleans(),
        "time": finite | moments,
    }[kind]


@st.composite
def conditions(draw: st.DrawFn) -> Filter:
    """One that parse() would let pass."""
    field = draw(fields)
    kind = syntax.kind_of(field)
    fitting = values_of(kind, field.name if isinstance(field, Plain) else "")
    ways: list[st.SearchStrategy[Filter]] = [st.just(syntax.Exists(field))]
    if kind != "texts":
        ways.append(st.builds(syntax.Compare, st.just(field), st.sampled_from(syntax.COMPARISONS), fitting))
        listed = st.lists(fitting, min_size=1, max_size=4).map(tuple)
        ways.append(st.builds(syntax.In, st.just(field), listed))
    if kind in ("texts", "any"):
        ways.append(st.builds(syntax.Has, st.just(field), fitting))
    if kind in ("text", "any"):
        ways.append(st.builds(syntax.StartsWith, st.just(field), words))
        ways.append(st.builds(syntax.Contains, st.just(field), words))
    if kind in ("number", "any"):
        ways.append(st.just(syntax.IsNan(field)))
    return draw(st.one_of(ways))


def _wider(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return inner.map(syntax.Not) | parts.map(syntax.And) | parts.map(syntax.Or)


filters: st.SearchStrategy[Filter] = st.recursive(conditions(), _wider, max_leaves=8)

_numbers = finite | st.just(float("nan"))
_statistics = st.dictionaries(st.sampled_from(STATISTICS), _numbers, max_size=6)
_flat = st.dictionaries(keys, logged, max_size=5)
_OF_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    "text": words,
    "number": finite,
    "time": finite,
    "boolean": st.booleans(),
    "texts": st.lists(words, max_size=3),
}
runs: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "params": _flat,
        "context": _flat,
        "metadata": _flat,
        "metrics": st.dictionaries(st.none() | keys, st.dictionaries(keys, _statistics, max_size=3), max_size=3),
    },
    optional={
        name: st.sampled_from(STATUSES) if name == "status" else st.none() | _OF_KIND[kind]
        for name, kind in PLAIN.items()
    },
)
