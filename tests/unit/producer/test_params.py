"""experiment.params: what one call becomes, and what is read back."""

import argparse
import functools
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from mldash.callbacks import MldashWarning
from mldash.events.merging import FoldedParams, flatten, nest
from mldash.handles.params import flat_params
from mldash.handles.values import UnsupportedValue
from tests.unit.producer.direct import DirectExperiment
from tests.unit.producer.same import same
from tests.unit.producer.strategies import scalars, texts

nested = st.recursive(scalars, lambda inner: st.dictionaries(texts, inner, max_size=3), max_leaves=8)


class Base:
    seed = 1
    lr = 0.1
    _private = 2

    def method(self) -> None: ...

    @property
    def computed(self) -> int:
        return 1

    @functools.cached_property
    def cached(self) -> int:
        return 1


class Args(Base):
    lr = 0.2
    layers: ClassVar[list[int]] = [1, 2]
    later: int

    class Data:
        path = "x"


@dataclass
class Config:
    lr: float = 0.1
    tags: list[str] = field(default_factory=lambda: ["a"])


class Settings(Struct):
    depth: int = 4
    name: str = "net"


def test_nested_dicts_become_dotted_keys_and_lists_tuples_and_none_stay_values() -> None:
    assert flat_params(model={"depth": 4, "act": {"name": "relu"}}, dims=[1, {"a": 2}], betas=(0.9, 0.99), x=None) == {
        "model.depth": 4,
        "model.act.name": "relu",
        "dims": [1, {"a": 2}],
        "betas": [0.9, 0.99],
        "x": None,
    }


def test_an_empty_dict_is_kept_as_a_value() -> None:
    assert flat_params(a={}, b={"c": {}}) == {"a": {}, "b.c": {}}


@pytest.mark.parametrize(
    ("given_value", "becomes"),
    [
        ({"a": {"b": 1}}, {"a.b": 1}),
        (argparse.Namespace(lr=0.1, sub=argparse.Namespace(x=1)), {"lr": 0.1, "sub.x": 1}),
        (Config(lr=0.5), {"lr": 0.5, "tags": ["a"]}),
        (Settings(depth=2), {"depth": 2, "name": "net"}),
        (Args, {"seed": 1, "lr": 0.2, "layers": [1, 2], "Data.path": "x"}),
        (Config, {"lr": 0.1, "tags": ["a"]}),
        (Settings, {"depth": 4, "name": "net"}),
    ],
)
def test_one_positional_mapping_namespace_dataclass_struct_or_class(given_value: Any, becomes: dict[str, Any]) -> None:
    assert flat_params(given_value) == becomes


def test_a_class_given_by_keyword_stands_under_that_keyword() -> None:
    assert flat_params(args=Args) == {"args.seed": 1, "args.lr": 0.2, "args.layers": [1, 2], "args.Data.path": "x"}
    assert flat_params(config=Config) == {"config.lr": 0.1, "config.tags": ["a"]}
    other = type("Args", (), {"x": 1})
    assert flat_params(a=type("Args", (), {"y": 2}), b=other) == {"a.y": 2, "b.x": 1}


def said(recwarn: pytest.WarningsRecorder) -> list[str]:
    return [str(one.message) for one in recwarn if one.category is MldashWarning]


@pytest.mark.parametrize(
    ("given_value", "first", "second"),
    [
        ({"one": 1, "one.depth": 2}, "'one'", "'one.depth'"),
        ({"two.depth": 2, "two": 1}, "'two.depth'", "'two'"),
        ({"three.a": 2, "three": {"a": 1}}, "'three.a'", "'three.a'"),
        ({"four": {"a": 1, "a.b": 2}}, "'four.a'", "'four.a.b'"),
    ],
)
def test_of_two_values_for_one_place_in_one_set_the_dropped_one_is_said(
    direct: DirectExperiment, given_value: dict[str, Any], first: str, second: str
) -> None:
    with pytest.warns(MldashWarning, match=rf"{first} and {second}"):
        direct.params.set(**given_value)
    assert len(direct.params.get()) == 1


def test_a_later_call_replaces_without_a_word(direct: DirectExperiment, recwarn: pytest.WarningsRecorder) -> None:
    direct.params.set({"m": 1}, m={"depth": 2}).set(m=3).set(e={}, **{"e.a": 1})
    assert direct.params.get() == {"m": 3, "e.a": 1}
    assert said(recwarn) == []


def test_keywords_win_over_what_was_given_by_position() -> None:
    assert flat_params({"lr": 1, "model": {"depth": 1}}, lr=2, model={"width": 3}) == {
        "model.depth": 1,
        "lr": 2,
        "model.width": 3,
    }


@pytest.mark.parametrize("value", [3, "text", [1, 2], object()])
def test_something_else_by_position_is_refused(value: Any) -> None:
    with pytest.raises(UnsupportedValue, match="params"):
        flat_params(value)


def test_a_key_above_its_limit_and_a_call_above_eight_mebibytes_are_refused() -> None:
    with pytest.raises(ValueError, match="1025 bytes"):
        flat_params(**{"x" * 1025: 1})
    with pytest.raises(ValueError, match=r"8388608 are allowed"):
        flat_params(text="x" * 9_000_000)


def test_set_returns_the_params_object_and_later_values_win(direct: DirectExperiment) -> None:
    assert direct.params.set(lr=0.1, model={"depth": 1}).log(lr=0.2) is direct.params
    assert direct.params.get() == {"lr": 0.2, "model.depth": 1}
    assert direct.params.get(flatten=False) == {"lr": 0.2, "model": {"depth": 1}}


def test_a_value_replaces_a_branch_and_a_branch_a_value(direct: DirectExperiment) -> None:
    direct.params.set(m=1)
    direct.params.set(m={"a": 2})
    assert direct.params.get() == {"m.a": 2}
    direct.params.set(m=3)
    assert direct.params.get() == {"m": 3}


def test_before_any_set_there_are_none(direct: DirectExperiment) -> None:
    assert direct.params.get() == {}
    assert direct.params.get(flatten=False) == {}


def test_nothing_of_a_call_that_raises_is_written(direct: DirectExperiment) -> None:
    with pytest.raises(UnsupportedValue):
        direct.params.set([1], good=1)
    assert direct.params.get() == {}


def test_outside_a_run_setting_raises_and_reading_does_not(direct: DirectExperiment) -> None:
    direct.params.set(a=1)
    direct.end()
    with pytest.raises(RuntimeError, match="not started"):
        direct.params.set(a=2)
    assert direct.params.get() == {"a": 1}


@given(st.dictionaries(texts, nested, max_size=4))
def test_flat_keys_fold_and_nest_into_what_a_sequence_of_leaves_means(values: dict[str, Any]) -> None:
    """One event folds as its leaves do one by one, and what was nested is flattened to the same again."""
    folded = FoldedParams()
    folded.set(flatten(values).items())
    again = FoldedParams()
    for leaf in flatten(values).items():
        again.set([leaf])
    assert same(folded.flat, again.flat)
    assert same(dict(sorted(flatten(nest(folded.flat)).items())), dict(sorted(folded.flat.items())))
