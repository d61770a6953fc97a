"""The text of a token: the bytes of its format, and what is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash_api.rights.token_text import SECRET_BYTES, hash_of, id_of, is_token, new_token, token_of

KNOWN = "mld_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1Yo7hP"
"""Parameters are the same in every process of a test run."""


def test_the_format_is_as_it_is_written_down() -> None:
    """Both were computed by other code, from the words at the head of token_text.py."""
    zeros = "0" * 43
    assert token_of(bytes(SECRET_BYTES)) == f"mld_{zeros}2CZclj"
    assert token_of(b"\xff" * SECRET_BYTES) == "mld_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13sRzl1"


def test_tokens_differ_and_a_scanner_finds_them() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"mld_[0-9A-Za-z]{49}", one) and is_token(one) for one in tokens)


@given(st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES), st.integers(4, 52), st.sampled_from("0aZ"))
def test_a_token_with_a_wrong_letter_is_none(secret: bytes, at: int, letter: str) -> None:
    text = token_of(secret)
    wrong = text[:at] + letter + text[at + 1 :]
    assert is_token(wrong) == (wrong == text)


@pytest.mark.parametrize("text", ["", "mld_", "mld", "ghp_" + "0" * 49, "mld_" + "é" * 49, KNOWN[:-1], KNOWN + "0"])
def test_what_is_cut_or_of_another_kind_is_none(text: str) -> None:
    assert not is_token(text)


def test_the_id_tells_nothing_but_the_first_bytes_of_the_hash() -> None:
    token = new_token()
    assert id_of(hash_of(token)) == hash_of(token).hex()[:16]
