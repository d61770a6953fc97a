"""What may be asked."""

import base64

import msgspec
import pytest

from mldash.query.expressions.syntax import MOST_PARTS
from mldash_api.errors import WrongParameter
from mldash_api.experiments.own_writes import Written
from mldash_api.limits import MOST_RANK, MOST_SESSIONS, MOST_WRITTEN_STREAMS
from mldash_api.routes.chart_parameters import checked_expressions
from mldash_api.routes.own_writes import checked_written
from mldash_api.routes.parameters import (
    checked_count,
    checked_fields,
    checked_prefix,
    checked_ranks,
    metric_name,
)

SESSION = b"s" * 16


def header(*streams: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(streams)).decode()


def test_a_header_of_own_writes_is_read_with_and_without_padding() -> None:
    text = header(["metrics", None, SESSION, 3], ["tracks", "a/π", SESSION, 0], ["logs", None, SESSION, 5])
    want = [
        Written("metrics", None, SESSION, 3),
        Written("tracks", "a/π", SESSION, 0),
        Written("logs", "", SESSION, 5),
    ]
    assert checked_written(text) == checked_written(text.rstrip("=")) == want
    assert checked_written(None) == checked_written("") == []


@pytest.mark.parametrize(
    "text", ["ä", "a", header(1), header(["metrics", "a", "text", 1]), header(["metrics", "a", SESSION])]
)
def test_a_header_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(WrongParameter, match="Mldash-Written"):
        checked_written(text)


def test_a_header_may_name_so_many_streams() -> None:
    one = ["logs", "", SESSION, 1]
    assert len(checked_written(header(*[one] * MOST_WRITTEN_STREAMS))) == MOST_WRITTEN_STREAMS
    with pytest.raises(WrongParameter, match=f"between 0 and {MOST_WRITTEN_STREAMS}"):
        checked_written(header(*[one] * (MOST_WRITTEN_STREAMS + 1)))


def test_the_unnamed_metric_has_a_parameter_of_its_own() -> None:
    assert (metric_name("", False), metric_name("None", False), metric_name(None, True)) == ("", "None", None)
    for name, unnamed in ((None, False), ("a", True), ("\ud800", False)):
        with pytest.raises(WrongParameter):
            metric_name(name, unnamed)


def test_bounds_are_named() -> None:
    assert (checked_count("limit", 0, 5), checked_count("limit", 5, 5)) == (0, 5)
    with pytest.raises(WrongParameter, match="limit: 6 is not between 0 and 5"):
        checked_count("limit", 6, 5)
    assert checked_fields("columns", None) is None
    with pytest.raises(WrongParameter, match="number of columns"):
        checked_fields("columns", ["a"] * 1_001)


def test_outer_slashes_of_a_prefix_are_tolerated() -> None:
    assert checked_prefix("/owner/project/run/").text == "owner/project/run"
    with pytest.raises(WrongParameter, match="prefix"):
        checked_prefix("owner//run")


def test_the_parts_of_all_expressions_of_a_request_are_bounded_together() -> None:
    def long(name: str, parts: int) -> str:
        return " + ".join([name] * ((parts + 1) // 2))

    assert len(checked_expressions([long("a", MOST_PARTS - 101), long("b", 99)])) == 2
    with pytest.raises(WrongParameter) as caught:
        checked_expressions([long("a", MOST_PARTS - 101), long("b", 99), "c", "d", "e"])
    assert caught.value.name == "expression" and str(MOST_PARTS) in str(caught.value)


def test_ranks_are_those_that_a_process_can_have() -> None:
    assert checked_ranks([0, MOST_RANK]) == [0, MOST_RANK] and checked_ranks(None) is None
    for wrong, parameter in (([10**20], "rank"), ([-1], "rank"), ([0] * (MOST_SESSIONS + 1), "number of rank")):
        with pytest.raises(WrongParameter) as caught:
            checked_ranks(wrong)
        assert caught.value.name == parameter
