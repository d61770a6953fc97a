"""docs/sdk.md, Parameters."""

import argparse
import json
import math
from dataclasses import dataclass
from types import SimpleNamespace

import msgspec
import pytest

from mldash import Experiment
from tests.behaviour.conftest import MakeExperiment
from tests.unit.producer.same import same


@dataclass
class Config:
    lr: float = 0.1
    layers: tuple[int, ...] = (1, 2)


class Args:
    seed = 1
    _hidden = 2


def test_set_merges_and_flattens(experiment: Experiment) -> None:
    assert experiment.params.set(lr=0.1, model={"depth": 4, "act": {"name": "relu"}}) is experiment.params
    experiment.params.log(lr=0.2, dims=[1, 2], none=None, empty={})
    flat = {"model.depth": 4, "model.act.name": "relu", "lr": 0.2, "dims": [1, 2], "none": None, "empty": {}}
    assert experiment.params.get() == flat
    assert experiment.params.get(flatten=False) == {
        "model": {"depth": 4, "act": {"name": "relu"}},
        "lr": 0.2,
        "dims": [1, 2],
        "none": None,
        "empty": {},
    }


def test_one_positional_argument_of_many_kinds(experiment: Experiment) -> None:
    experiment.params.set({"a": 1})
    experiment.params.set(argparse.Namespace(b=2))
    experiment.params.set(Config())
    experiment.params.set(Args=Args)
    assert experiment.params.get() == {"a": 1, "b": 2, "lr": 0.1, "layers": [1, 2], "Args.seed": 1}


def test_a_value_and_a_branch_replace_each_other(experiment: Experiment) -> None:
    experiment.params.set(m=1, n={"a": 1, "b": 2})
    experiment.params.set(m={"a": 2}, n=3)
    assert experiment.params.get() == {"m.a": 2, "n": 3}


def test_before_any_set_there_are_none(experiment: Experiment) -> None:
    assert experiment.params.get() == {}


def test_types_survive(experiment: Experiment) -> None:
    values = {"i": 1, "f": 1.0, "b": True, "nan": math.nan, "inf": -math.inf, "big": 2**63 - 1, "raw": b"\0", "s": "ü"}
    experiment.params.set(values)
    found = experiment.params.get()
    assert same({name: found[name] for name in values}, values)


def test_what_can_not_be_stored_raises_and_nothing_is_written(experiment: Experiment) -> None:
    with pytest.raises((TypeError, ValueError), match="params"):
        experiment.params.set([1], good=1)
    with pytest.raises(ValueError, match="8388608"):
        experiment.params.set(text="x" * 9_000_000)
    assert experiment.params.get() == {}


class Schedule(msgspec.Struct):
    warmup: int = 100
    kinds: list[str] = msgspec.field(default_factory=lambda: ["cosine"])


class Base:
    depth = 2
    width = 8


class Model(Base):
    width = 16

    class Head:
        bias = True

    def forward(self) -> None: ...

    @property
    def size(self) -> int:
        return 1


def test_structs_and_classes_give_their_public_data(experiment: Experiment) -> None:
    experiment.params.set(Schedule(warmup=5))
    experiment.params.set(model=Model)
    experiment.params.set(Base)
    assert experiment.params.get() == {
        "warmup": 5,
        "kinds": ["cosine"],
        "model.depth": 2,
        "model.width": 16,
        "model.Head.bias": True,
        "depth": 2,
        "width": 8,
    }


def test_json_comes_by_two_stars(experiment: Experiment) -> None:
    experiment.params.set(**json.loads('{"lr": 1e-3, "model": {"layers": [1, 2], "act": null}}'))
    experiment.params.set(**vars(argparse.Namespace(seed=3)))
    assert experiment.params.get() == {"lr": 1e-3, "model.layers": [1, 2], "model.act": None, "seed": 3}


def test_later_values_win_in_whatever_run_and_object(experiment: Experiment, make_experiment: MakeExperiment) -> None:
    experiment.params.set(a=1, b=1)
    with make_experiment().run as other:
        other.params.set(b=2, c=2)
    experiment.run.complete()
    experiment.run.start()
    experiment.params.set(c=3)
    assert make_experiment().params.get() == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("key", ["a b", "$set", "ü", "None", "", "x" * 1024])
def test_a_key_may_be_any_text(experiment: Experiment, key: str) -> None:
    experiment.params.set({key: 1})
    assert experiment.params.get() == {key: 1}


def test_keys_that_are_no_text_and_objects_of_any_type_are_kept_as_text(experiment: Experiment) -> None:
    """`id2label` of a model's configuration, and what frameworks put into theirs."""

    class Activation:
        pass

    experiment.params.set(id2label={0: "cat", 1: "dog"}, act=Activation())
    experiment.params.set(acts=[Activation(), SimpleNamespace(a=1)])
    act = f"<{Activation.__module__}.{Activation.__qualname__} object>"
    assert experiment.params.get() == {
        "id2label.0": "cat",
        "id2label.1": "dog",
        "act": act,
        "acts": [act, {"a": 1}],
    }
    for call in (
        lambda **fields: experiment.metrics("m").log(**fields),
        lambda **fields: experiment.metrics("m").log_many(**{name: [value] for name, value in fields.items()}),
        lambda **fields: experiment.tracks("t").append(**fields),
        lambda **fields: experiment.logs.info("line", **fields),
    ):
        with pytest.raises(TypeError, match=r"act.*Activation"):
            call(act=Activation())
        with pytest.raises(TypeError, match=r"id2label.*int"):
            call(id2label={0: "cat"})


def test_nothing_but_a_mapping_comes_without_a_keyword(experiment: Experiment) -> None:
    for wrong in (1, "text", [1], None):
        with pytest.raises((TypeError, ValueError)):
            experiment.params.set(wrong)
    assert experiment.params.get() == {}
