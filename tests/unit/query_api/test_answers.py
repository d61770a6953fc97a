"""The forms of an answer."""

import math

import msgspec
import pytest

from mldash.answers.rows import NonFinite
from mldash_api.answers import JSON, MSGPACK, encode

VALUE = {"a": [math.nan, {"b": math.inf}], "c": -math.inf, "d": b"\0", "e": 2**63 - 1, "f": -0.0, "g": None, "h": True}


def test_messagepack_keeps_every_value() -> None:
    found = msgspec.msgpack.decode(encode(VALUE, MSGPACK))
    assert repr(found) == repr(VALUE)


@pytest.mark.parametrize(
    ("nonfinite", "want"),
    [
        ("null", b'{"a":[null,{"b":null}],"c":null,"d":"AA==","e":9223372036854775807,"f":-0.0,"g":null,"h":true}'),
        (
            "string",
            b'{"a":["NaN",{"b":"Infinity"}],"c":"-Infinity","d":"AA==","e":9223372036854775807,"f":-0.0,"g":null,"h":true}',
        ),
    ],
)
def test_json_says_null_or_strings_where_it_has_no_number(nonfinite: NonFinite, want: bytes) -> None:
    assert encode(VALUE, JSON, nonfinite) == want
