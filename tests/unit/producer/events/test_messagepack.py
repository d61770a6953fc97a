"""What is read and written by hand is what msgspec reads and writes."""

from typing import Any

import msgspec
import pytest

from mldash.events.messagepack import (
    FALSE,
    FIXINT_END,
    FLOAT64,
    FLOAT_BYTES,
    INT64,
    NEGATIVE_FIXINT,
    SIGNED,
    TRUE,
    UINT64,
    UNSIGNED,
    array_head,
    join_arrays,
    map_head,
    pack_array,
    read_array_head,
    read_map_head,
    read_text,
    read_unsigned,
    text_head,
    unpack_array,
)

COUNTS = [0, 1, 15, 16, 255, 65_535, 65_536]
encode, decode = msgspec.msgpack.encode, msgspec.msgpack.decode


@pytest.mark.parametrize("count", COUNTS)
def test_heads_are_written_and_read_as_msgspec_has_them(count: int) -> None:
    for own, read, whole in (
        (array_head(count), read_array_head, encode([None] * count)),
        (map_head(count), read_map_head, encode(dict.fromkeys(range(count)))),
    ):
        assert whole.startswith(own)
        assert read(whole) == (count, len(own))
        assert read(memoryview(b"\xc0" + whole), 1) == (count, 1 + len(own))


@pytest.mark.parametrize("encoded", [b"", *map(encode, (None, 1, 0.5, "text", b"bytes", True)), b"\xdc\0", b"\xdf\0"])
def test_what_is_no_array_or_map_has_no_head(encoded: bytes) -> None:
    """Nor has one that is cut off in its head."""
    assert read_array_head(encoded) is None
    assert read_map_head(encoded) is None
    with pytest.raises(msgspec.DecodeError, match="no MessagePack array"):
        unpack_array(encoded)


def test_an_array_is_no_map() -> None:
    assert read_map_head(encode([1])) is None
    assert read_array_head(encode({1: 1})) is None


@pytest.mark.parametrize("count", COUNTS)
def test_arrays_are_put_end_to_end_without_being_decoded(count: int) -> None:
    values = [row % 300 for row in range(count)]
    encoded = encode(values)
    size, body = unpack_array(encoded)
    assert size == count
    assert pack_array(size, [body]) == encoded
    assert decode(pack_array(2 * size, [body, body])) == values * 2
    assert join_arrays([encoded, encode(["a"]), encoded]) == encode([*values, "a", *values])


@pytest.mark.parametrize("size", [0, 1, 31, 32, 255, 256, 65_535])
def test_texts_are_written_and_read_as_msgspec_has_them(size: int) -> None:
    encoded = encode("a" * size)
    assert text_head(size) + b"a" * size == encoded
    assert read_text(b"\xc0" + encoded, 1) == ("a" * size, 1 + len(encoded))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1])
def test_unsigned_integers_are_read(number: int) -> None:
    encoded = encode(number)
    assert read_unsigned(encoded, 0) == (number, len(encoded))
    assert len(encoded) == 1 + UNSIGNED.get(encoded[0], 0)


def test_tags_are_those_that_msgspec_writes() -> None:
    def tag(value: Any) -> int:
        return encode(value)[0]

    assert (tag(False), tag(True), tag(0.5), len(encode(0.5))) == (FALSE, TRUE, FLOAT64, FLOAT_BYTES)
    assert (tag(FIXINT_END - 1), tag(-1), tag(NEGATIVE_FIXINT - 256)) == (FIXINT_END - 1, 0xFF, NEGATIVE_FIXINT)
    assert {tag(2 ** (8 * width) - 1): width for width in (1, 2, 4, 8)} == UNSIGNED
    assert {tag(-(2 ** (8 * width - 1))): width for width in (1, 2, 4, 8)} == SIGNED
    assert (tag(2**64 - 1), tag(-(2**63))) == (UINT64, INT64)
