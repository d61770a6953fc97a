"""Ids of live events: what goes in comes out, in whatever order it moved, and nothing else is taken for one."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash_api.errors import WrongParameter
from mldash_api.live import positions
from mldash_api.live.positions import MOST_BYTES, Position, Positions, parse_id, parse_vector

HASH = b"h" * 6
KEPT = b"k" * 12
keys = st.integers(0, 20).map(lambda number: number.to_bytes(8, "big"))
moves = st.lists(st.builds(Position, keys, st.integers(0, 3), keys, st.integers(0, 2**61)), max_size=60)


def all_of(held: Positions) -> set[tuple[bytes, int, bytes, int]]:
    return {(one.experiment, one.generation, one.stream, one.index) for one in held}


def read_back(held: Positions, kept: dict[bytes, bytes]) -> Positions:
    """As another process does that gets the id."""
    text = held.id_text(HASH)
    if text is None:
        kept[KEPT] = held.pack()
        held.are_kept_as(KEPT)
        text = held.id_text(HASH)
    assert text is not None and len(text) <= MOST_BYTES * 4 / 3 + 4
    id_ = parse_id(text)
    assert (id_.hash, id_.has_ended) == (HASH, False)
    return Positions(parse_vector(kept[id_.kept]) if id_.kept else None, id_.kept, id_.moved)


@given(st.lists(moves, max_size=5))
def test_an_id_says_where_every_stream_stands_however_many_moved_since_they_were_kept(
    turns: list[list[Position]],
) -> None:
    """Against a plain dictionary; ids are read back and gone on with, as a listener that comes back does."""
    held, expected, kept = Positions(), dict[bytes, tuple[int, dict[bytes, int]]](), dict[bytes, bytes]()
    for turn in turns:
        for one in turn:
            held.move(one)
            if expected.get(one.experiment, (None,))[0] != one.generation:
                expected[one.experiment] = (one.generation, {})
            expected[one.experiment][1][one.stream] = one.index
        held = read_back(held, kept)
        streams = {(e, g, s, i) for e, (g, own) in expected.items() for s, i in own.items()}
        assert all_of(held) == streams


@given(moves, st.lists(st.tuples(keys, keys | st.none()), max_size=5))
def test_what_is_left_is_not_named_any_more(turn: list[Position], left: list[tuple[bytes, bytes | None]]) -> None:
    held, kept = Positions(), dict[bytes, bytes]()
    for one in turn:
        held.move(one)
    held = read_back(held, kept)
    for experiment, stream in left:
        held.leave(experiment, stream)
    gone = {experiment for experiment, stream in left if stream is None}
    gone_streams = {(experiment, stream) for experiment, stream in left}
    for one in read_back(held, kept):
        assert one.experiment not in gone and (one.experiment, one.stream) not in gone_streams


def test_positions_of_another_generation_are_dropped() -> None:
    held = Positions()
    held.move(Position(b"e" * 8, 0, b"s" * 8, 5))
    held.generation_is(b"e" * 8, 1)
    assert (held.generation_of(b"e" * 8), held.of(b"e" * 8, b"s" * 8)) == (1, None)
    assert all_of(read_back(held, {})) == set()


def test_that_it_has_ended_stands_in_an_id() -> None:
    text = Positions().id_text(HASH, has_ended=True)
    assert text is not None and parse_id(text).has_ended


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_whatever_else_comes_is_refused(text: str) -> None:
    try:
        parse_id(text)
    except WrongParameter as error:
        assert error.name == "after"
    else:  # a text that happens to be one: only what an id may say
        assert parse_id(text).hash


@pytest.mark.parametrize(
    "wire",
    [
        [2, HASH, False, None, {}],
        [1, b"short", False, None, {}],
        [1, HASH, False, b"short", {}],
        [1, HASH, False, None, {b"short": [0, {}]}],
        [1, HASH, False, None, {b"e" * 8: [-1, {}]}],
        [1, HASH, False, None, {b"e" * 8: [0, {b"s" * 8: -1}]}],
        [1, HASH, False, None, {b"e" * 8: [0, {b"s" * 8: 2**63}]}],
        [1, HASH, False, None],
    ],
)
def test_an_id_that_says_what_none_says_is_refused(wire: object) -> None:
    text = base64.urlsafe_b64encode(msgspec.msgpack.encode(wire)).decode()
    with pytest.raises(WrongParameter):
        parse_id(text)


def test_an_id_that_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(WrongParameter, match="too long"):
        parse_id("A" * (positions.MOST_TEXT + 1))
