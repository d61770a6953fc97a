"""What may be logged, and what it becomes."""

import subprocess
import sys
import textwrap
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from msgspec import Struct

from mldash.events.limits import NESTING
from mldash.handles.values import UnsupportedValue, plain, plain_fields
from tests.unit.producer.same import same
from tests.unit.producer.strategies import plain_values


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Mode(StrEnum):
    FAST = "fast"


@dataclass
class Optimizer:
    name: str
    betas: tuple[float, float]


class Schedule(Struct):
    warmup: int
    kind: Mode


class LoudFloat(float):
    pass


Pair = namedtuple("Pair", "left right")


@given(plain_values)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    assert same(plain(value, "x"), value)


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.int8(-3), -3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"),
        (np.longdouble(0.5), 0.5),
        (np.array([1.5, float("nan")]), [1.5, float("nan")]),
        (np.array([[1, 2], [3, 4]], dtype=np.uint8), [[1, 2], [3, 4]]),
        (np.array(7), 7),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1, "a", None], dtype=object), [1, "a", None]),
        (np.datetime64("2026-01-31"), "2026-01-31"),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.ma.masked_array([1.0, 2.0], mask=[False, True]), [1.0, None]),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00+00:00"),
        (datetime(2026, 1, 31, 12, 0, 0, 1), datetime(2026, 1, 31, 12, 0, 0, 1).astimezone().isoformat()),
        (date(2026, 1, 31), "2026-01-31"),
        (timedelta(minutes=1, microseconds=5), 60.000005),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Mode.FAST, "fast"),
        (PurePosixPath("/data/x"), "/data/x"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Decimal("0.10"), "0.10"),
        ((1, 2.0, "x"), [1, 2.0, "x"]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (Pair(1, 2), [1, 2]),
        (OrderedDict(a=(1,)), {"a": [1]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Optimizer("adam", (0.9, 0.999)), {"name": "adam", "betas": [0.9, 0.999]}),
        (Schedule(10, Mode.FAST), {"warmup": 10, "kind": "fast"}),
        (LoudFloat(1.5), 1.5),
        ([np.float64(1.0), {"a": np.int64(2)}], [1.0, {"a": 2}]),
        ({Mode.FAST: 1}, {"fast": 1}),
    ],
)
def test_values_of_other_types_become_plain(value: Any, becomes: Any) -> None:
    assert same(plain(value, "x"), becomes)


def converted(script: str) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own: both libraries have threads and mind being forked, and other tests fork."""
    head = """
from mldash.handles.bulk_columns import pack_column
from mldash.handles.values import UnsupportedValue, plain
from tests.unit.producer.same import same

def refused(value, library_says):
    for read in (plain, pack_column):
        try:
            read(value, "loss")
        except UnsupportedValue as error:
            assert error.field == "loss" and library_says in error.reason, error
        else:
            raise AssertionError("it can't be stored")
"""
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(script)], capture_output=True, text=True, check=False
    )


def test_jax_arrays_become_numbers_and_lists() -> None:
    """Whatever their type, in a list or alone, and what a jitted function returns."""
    script = """
        import jax
        import jax.numpy as jnp

        assert same(plain(jnp.float32(0.5), "x"), 0.5)
        assert same(plain(jnp.array(3), "x"), 3)
        assert same(plain(jnp.array(True), "x"), True)
        assert same(plain(jnp.array([1, 2]), "x"), [1, 2])
        assert same(plain(jnp.ones((2, 2)), "x"), [[1.0, 1.0], [1.0, 1.0]])
        for name in ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float4_e2m1fn"):
            assert same(plain(jnp.array([0.5], dtype=name), "x"), [0.5]), name
            assert same(pack_column(jnp.array([0.5, 1], dtype=name), "x").value(0), 0.5), name
        for name in ("int2", "uint2", "int4", "uint4"):
            assert same(plain(jnp.array([1], dtype=name), "x"), [1]), name
            assert same(pack_column(jnp.array([1, 0], dtype=name), "x").value(0), 1), name
        assert same(plain(jax.jit(lambda x: x * 2)(jnp.array([0.5, jnp.nan])), "x")[0], 1.0)
        assert same(plain({"loss": [jnp.float32(0.5)]}, "x"), {"loss": [0.5]})
        try:
            plain(jnp.array([1j]), "loss")
        except UnsupportedValue as error:
            assert error.field == "loss"
        else:
            raise AssertionError("complex numbers can't be stored")
    """
    done = converted(script)
    assert done.returncode == 0, done.stderr


def test_jax_arrays_that_jax_can_not_read_are_refused_by_our_own_error() -> None:
    """A buffer that was donated, a key, a traced value: field and type are named, and the cause is JAX's own."""
    script = """
        import jax
        import jax.numpy as jnp

        given_away = jnp.ones(3)
        given_away.delete()
        refused(given_away, "RuntimeError: Array has been deleted")
        refused(jax.random.split(jax.random.key(0)), "TypeError: JAX array with PRNGKey dtype")
        jax.jit(lambda traced: refused(traced, "TracerArrayConversionError"))(jnp.ones(2))
    """
    done = converted(script)
    assert done.returncode == 0, done.stderr


def test_variables_of_keras_become_numbers_and_lists() -> None:
    """Those of its JAX backend, which needs no other framework."""
    script = """
        import os

        os.environ["KERAS_BACKEND"] = "jax"
        import keras

        assert same(plain(keras.Variable(0.5), "x"), 0.5)
        assert same(plain(keras.Variable(3, dtype="int32", trainable=False), "x"), 3)
        assert same(plain({"rates": [keras.Variable([1.0, 2.0])]}, "x"), {"rates": [[1.0, 2.0]]})
        assert same(pack_column(keras.Variable([1.0, 2.0]), "x").value(1), 2.0)
        assert same(plain(keras.optimizers.Adam(0.25).learning_rate, "x"), 0.25)
    """
    done = converted(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not find_spec("tensorflow"), reason="TensorFlow takes a gigabyte: make test-adapters brings it")
def test_tensors_and_variables_of_tensorflow_become_numbers_and_lists() -> None:
    """Eager ones; a symbolic one has no value."""
    script = """
        import tensorflow as tf

        assert same(plain(tf.constant(0.5), "x"), 0.5)
        assert same(plain(tf.Variable([1, 2]), "x"), [1, 2])
        assert same(plain(tf.constant([0.5], dtype=tf.bfloat16), "x"), [0.5])
        assert same(plain(tf.constant("a"), "x"), b"a")
        assert same(pack_column(tf.constant([0.5, 1.0]), "x").value(0), 0.5)
        tf.function(lambda symbolic: refused(symbolic, "Error"), autograph=False)(tf.constant(1.0))
    """
    done = converted(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not find_spec("torch"), reason="PyTorch takes gigabytes: make test-torch brings it")
def test_pytorch_tensors_become_numbers_and_lists() -> None:
    """Docs/decisions/0010 says why it is not among what every run of the tests installs."""
    script = """
        import torch

        assert same(plain(torch.tensor(0.5, requires_grad=True), "x"), 0.5)
        assert same(plain(torch.tensor([[1, 2]]), "x"), [[1, 2]])
        assert same(plain(torch.tensor([0.5], dtype=torch.bfloat16), "x"), [0.5])
        assert same(plain(torch.tensor(True), "x"), True)
        assert same(plain(torch.eye(2).to_sparse(), "x"), [[1.0, 0.0], [0.0, 1.0]])
        assert same(plain(torch.nn.Parameter(torch.ones(1)), "x"), [1.0])
        for kind in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu):
            assert same(plain(torch.tensor([0.5]).to(kind), "x"), [0.5]), kind
            assert same(pack_column(torch.tensor([0.5, 1]).to(kind), "x").value(0), 0.5), kind
        refused(torch.empty(2, device="meta"), "Error")
        try:
            plain(torch.tensor([1j]), "loss")
        except UnsupportedValue as error:
            assert error.field == "loss"
        else:
            raise AssertionError("complex numbers can't be stored")
    """
    done = converted(script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "value",
    [
        object(),
        lambda: None,
        1j,
        2**63,
        -(2**63) - 1,
        np.uint64(2**63),
        np.array([2**64 - 1], dtype=np.uint64),
        np.array([1j]),
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        {None: 2},
        {"a": [1, object()]},
        range(3),
        iter([1]),
        Path,
    ],
)
def test_what_can_not_be_stored_raises_and_names_field_and_type(value: Any) -> None:
    with pytest.raises(UnsupportedValue, match="loss") as raised:
        plain_fields({"fine": 1, "loss": value})
    assert raised.value.type_name
    assert raised.value.type_name in str(raised.value)
    assert isinstance(raised.value, (TypeError, ValueError))


def test_an_error_names_the_place_inside_a_value() -> None:
    with pytest.raises(UnsupportedValue) as raised:
        plain({"layers": [1, {"act": object()}]}, "model")
    assert raised.value.field == "model.layers[1].act"
    assert raised.value.type_name == "object"


def test_lists_and_dicts_nest_up_to_the_limit_and_no_deeper() -> None:
    value: Any = 1
    for _ in range(NESTING):
        value = [value]
    assert plain(value, "x") == value
    with pytest.raises(UnsupportedValue, match="nest"):
        plain([value], "x")
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(UnsupportedValue, match="nest"):
        plain(circle, "x")


def test_a_name_above_its_limit_or_with_a_lone_surrogate_is_refused() -> None:
    assert plain_fields({"ä" * 512: 1})
    with pytest.raises(ValueError, match="1025 bytes"):
        plain_fields({"x" * 1025: 1})
    with pytest.raises(ValueError, match="surrogate"):
        plain_fields({"\udfff": 1})


def test_the_error_survives_pickling() -> None:
    import pickle

    error = UnsupportedValue("a", "object", "because")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
