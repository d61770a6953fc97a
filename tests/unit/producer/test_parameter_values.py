"""What parameters are given as: whatever it is, it is kept, and no secret is."""

import argparse
import enum
import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from mldash.callbacks import MldashWarning
from mldash.events.limits import NESTING
from mldash.handles.parameter_values import HIDDEN, REPR_BYTES, repr_of
from mldash.handles.params import flat_params

pytestmark = pytest.mark.filterwarnings("ignore::mldash.callbacks.MldashWarning")

PASSWORD = "hunter2"


class Phase(enum.Enum):
    TRAIN = "train"
    EVAL = 2


@dataclass
class Optimizer:
    name: str = "adam"
    phases: dict[Phase, int] = field(default_factory=lambda: {Phase.TRAIN: 1, Phase.EVAL: 2})
    unset: int = field(init=False)


class ModelConfig:
    def to_dict(self) -> dict[str, Any]:
        return {"id2label": {0: "cat", 1: "dog"}}


class Raising:
    def __repr__(self) -> str:
        raise RuntimeError


class Hidden:
    def get_secret_value(self) -> str:
        return PASSWORD

    def __repr__(self) -> str:
        return PASSWORD


class Secret(str):
    """As Starlette's and Litestar's are named."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ({0: "cat", 1: "dog"}, {"x.0": "cat", "x.1": "dog"}),
        ({Phase.TRAIN: 1, Phase.EVAL: 2}, {"x.train": 1, "x.2": 2}),
        (
            {None: 1, True: 2, 1.5: 3, (1, 2): 4, b"k": 5},
            {"x.None": 1, "x.True": 2, "x.1.5": 3, "x.(1, 2)": 4, "x.k": 5},
        ),
        ([SimpleNamespace(a=argparse.Namespace(b=1))], {"x": [{"a": {"b": 1}}]}),
        (Optimizer(), {"x.name": "adam", "x.phases.train": 1, "x.phases.2": 2}),
        (ModelConfig(), {"x.id2label.0": "cat", "x.id2label.1": "dog"}),
        (Raising(), {"x": f"<{__name__}.Raising>"}),
        ([Raising(), object()], {"x": [f"<{__name__}.Raising>", "<object object>"]}),
        (2**70, {"x": str(2**70)}),
        ("\ud800", {"x": "\\ud800"}),
        ({"\ud800": 1}, {"x.\\ud800": 1}),
        (1j, {"x": "1j"}),
        (range(3), {"x": "range(0, 3)"}),
        (int, {"x": "<class 'int'>"}),
        ({1, "a", None}, {"x": [None, 1, "a"]}),
        (Hidden(), {"x": HIDDEN}),
        ([{"token": Secret(PASSWORD)}], {"x": [{"token": HIDDEN}]}),
    ],
)
def test_whatever_it_is_it_is_kept(value: Any, becomes: dict[str, Any]) -> None:
    assert flat_params(x=value) == becomes
    assert PASSWORD not in str(flat_params({"x": value}))


def test_what_holds_itself_and_what_is_too_deep_ends_as_text() -> None:
    circle: dict[str, Any] = {}
    circle["me"] = circle
    loop: list[Any] = [1]
    loop.append(loop)
    first, second = type("First", (), {}), type("Second", (), {})
    first.other, second.other = second, first  # type: ignore[attr-defined]
    assert flat_params(x=circle) == {"x.me": "{'me': {...}}"}
    assert flat_params(x=loop) == {"x": [1, "[1, [...]]"]}
    assert list(flat_params(x=first)) == ["x.other.other"]
    deep: Any = "leaf"
    for _ in range(NESTING + 10):
        deep = [deep]
    (found,) = flat_params(x=deep).values()
    for _ in range(NESTING):
        (found,) = found
    assert found == "[" * 10 + "'leaf'" + "]" * 10
    shared: list[Any] = []
    assert flat_params(x=[shared, shared]) == {"x": [[], []]}


def test_a_repr_is_bounded_and_has_no_addresses_so_that_each_process_writes_the_same() -> None:
    script = (
        "from mldash.handles.params import flat_params\n"
        "class A: pass\n"
        "print(flat_params(a=A(), f=lambda: 1, m=[].append, s={'a', None, 1}, g=(i for i in ()), t=[A().__init__]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    }
    assert len(told) == 1
    assert "0x" not in told.pop()
    assert flat_params(x=10**5000) == {"x": "<int>"}
    long = type("Long", (), {"__repr__": lambda self: "ü" * 10_000})()
    assert len(repr_of(long).encode()) <= REPR_BYTES
    assert repr_of(long).endswith("ü…")


def test_what_is_kept_as_text_is_said_once(recwarn: pytest.WarningsRecorder) -> None:
    once = type("OnceSaid", (), {})
    for _ in range(3):
        flat_params(model=once(), models=[once(), once()])
    (warning,) = [str(one.message) for one in recwarn if one.category is MldashWarning]
    assert "OnceSaid" in warning
    assert "'model'" in warning


def test_attrs_and_pydantic_give_their_fields_and_keep_their_secrets() -> None:
    attrs, pydantic = pytest.importorskip("attrs"), pytest.importorskip("pydantic")

    class Login(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        token: pydantic.SecretStr = pydantic.SecretStr(PASSWORD)
        raw: pydantic.SecretBytes = pydantic.SecretBytes(PASSWORD.encode())
        user: str = "me"
        left_out: str = pydantic.Field(PASSWORD, exclude=True)

    @attrs.define
    class Train:
        login: Login = attrs.Factory(Login)
        labels: dict[int, str] = attrs.Factory(lambda: {0: "cat"})

    becomes = {"login.token": HIDDEN, "login.raw": HIDDEN, "login.user": "me", "labels.0": "cat"}
    assert flat_params(Train()) == becomes
    assert flat_params(x=[Login()]) == {"x": [{"token": HIDDEN, "raw": HIDDEN, "user": "me"}]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_pydantic_of_version_1_too() -> None:
    pydantic = pytest.importorskip("pydantic.v1")

    class Login(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        token: pydantic.SecretStr = pydantic.SecretStr(PASSWORD)
        user: str = "me"

    assert flat_params(Login()) == {"token": HIDDEN, "user": "me"}


def test_omegaconf_gives_what_its_references_stand_for() -> None:
    conf = pytest.importorskip("omegaconf").OmegaConf
    config = conf.create({"lr": 0.1, "decay": "${lr}", "layers": [1, {"act": "relu"}], 3: "three", "data": "???"})
    assert flat_params(config) == {
        "lr": 0.1,
        "decay": 0.1,
        "layers": [1, {"act": "relu"}],
        "3": "three",
        "data": "???",
    }
    assert flat_params(x=[config.layers]) == {"x": [[1, {"act": "relu"}]]}
    assert flat_params(conf.create({"a": "${nowhere}"})) == {"a": "${nowhere}"}


def test_ml_collections_give_what_their_references_stand_for() -> None:
    collections = pytest.importorskip("ml_collections")
    config = collections.ConfigDict({"lr": 0.1, "model": {"depth": collections.FieldReference(3)}, "dims": (1, 2)})
    becomes = {"lr": 0.1, "model.depth": 3, "dims": [1, 2]}
    assert flat_params(config) == flat_params(collections.FrozenConfigDict(config)) == becomes
    assert flat_params(x=collections.FieldReference(3)) == {"x": 3}
