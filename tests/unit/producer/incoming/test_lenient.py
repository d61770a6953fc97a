"""Whatever a script logs becomes plain data, and nothing that it logs raises."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from mldash.incoming.lenient import storable
from mldash.incoming.unkept import Unkept, UnkeptValue
from tests.unit.producer.same import same
from tests.unit.producer.strategies import plain_values


class Raising:
    """As some objects of frameworks are outside of their context."""

    @property
    def dtype(self) -> Any:
        raise RuntimeError("no context")

    def __iter__(self) -> Any:
        raise RuntimeError("no context")

    def __len__(self) -> int:
        raise RuntimeError("no context")


class RaisingDict(dict[str, Any]):
    """One that can't be gone through."""

    def items(self) -> Any:
        raise RuntimeError("no context")


@given(plain_values)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    assert same(storable({"x": value}, Unkept()), {"x": value})


def circle() -> dict[str, Any]:
    """It holds itself."""
    held: dict[str, Any] = {}
    held["itself"] = held
    return held


@pytest.mark.parametrize(
    "value", [object(), Raising(), RaisingDict(a=1), circle(), {1: 2}, 1j, lambda: None, [object()], UnkeptValue()]
)
def test_what_can_not_be_stored_is_described_and_counted(value: Any) -> None:
    unkept = Unkept()
    found = storable({"x": value, "y": 1}, unkept)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found))["y"] == 1
    assert unkept.counts.total() == 1


@pytest.mark.parametrize(("value", "becomes"), [(2**70, str(2**70)), ("\ud800", "'\\ud800'")])
def test_numbers_and_text_that_no_column_takes_are_text(value: Any, becomes: str) -> None:
    assert storable({"x": value}, Unkept()) == {"x": becomes}
