"""Log lines become columns while they are decoded, and are the same as if they had been packed one after another."""

from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.levels import LEVELS
from mldash.events.schema import Record, Rows
from mldash_ingest.fetch.decode import Arrival, SetAside, decode
from mldash_ingest.fetch.lines import Level
from mldash_ingest.plan.joining import columns_of
from mldash_ingest.plan.pieces import pieces_of

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
metadata = st.dictionaries(st.text(max_size=5), values, max_size=3)
line = st.tuples(st.sampled_from(LEVELS), st.text(max_size=40), metadata).map(list)
lines = st.lists(line, min_size=1, max_size=40)


def received(*blocks: Rows) -> Any:
    record = Record(
        prefix="o/p/n", kind="logs", name="", session=b"x" * 16, first_seq=0, logged_at=1.0, blocks=[*blocks]
    )
    key = stream_key(experiment_id("o/p/n"), "logs", "")
    origin = {"topic": "t", "partition": 0, "offset": 7, "key": key, "headers": headers()}
    return SimpleNamespace(**origin, value=encode_record(record))


def rows(found: list[list[Any]]) -> Rows:
    return Rows(["level", "message", "metadata"], [float(i) for i in range(len(found))], found)


@given(st.lists(lines, min_size=1, max_size=4))
def test_what_is_stored_is_what_was_logged_however_it_was_cut_into_blocks(drawn: list[list[list[Any]]]) -> None:
    arrival = decode(received(*map(rows, drawn)), "logs")
    assert isinstance(arrival, Arrival)
    together = [one for block in drawn for one in block]
    for cut in {0, len(together) // 2}:
        stored = columns_of([*pieces_of(arrival.record, cut, len(together))])
        expected = zip(*together[cut:], strict=True)
        assert [column.data for column in stored] == [msgspec.msgpack.encode([*values]) for values in expected]
        assert {column.type for column in stored} == {"values"}


def test_the_levels_are_those_that_a_producer_may_send() -> None:
    assert get_args(Level) == LEVELS


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (rows([["loud", "m", {}]]), "level, message or metadata"),
        (rows([["info", 7, {}]]), "level, message or metadata"),
        (rows([["info", "m", None]]), "level, message or metadata"),
        (rows([["info", "m"]]), "not one value for each"),
        (Rows(["level", "message"], [1.0, 2.0], [["info", "m"]]), "1 rows with 2 times"),
        (Rows(["level", "message"], [float("inf")], [["info", "m"]]), "not finite"),
        (Rows(["message", "level"], [1.0], [["m", "info"]]), "has level, message and metadata"),
    ],
)
def test_what_is_no_line_is_set_aside_with_the_reason(block: Rows, reason: str) -> None:
    refused = decode(received(rows([["info", "a line", {}]]), block), "logs")
    assert isinstance(refused, SetAside)
    assert reason in refused.reason
