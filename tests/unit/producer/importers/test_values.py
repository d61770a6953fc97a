"""What all importers share of the mapping."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.handles.values import plain
from mldash.importers.events import LeftOut
from mldash.importers.values import number, parameters, storable

HIDDEN = "•••"


@pytest.mark.parametrize("name", ["step", "epoch", "iteration", "global_step", "train/step", "_step", "Epoch"])
def test_what_counts_is_whole(name: str) -> None:
    assert type(number(name, 3.0)) is int and number(name, 3.0) == 3
    assert number(name, 0.5) == 0.5  # a part of an epoch


@pytest.mark.parametrize("name", ["loss", "steps_per_s", "footstep", "lr", "epochs_done"])
def test_what_measures_is_a_float(name: str) -> None:
    assert type(number(name, 3)) is float


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "hunter2"),
        ("db_password", "hunter2"),
        ("wandb.api_key", "0123"),
        ("apiKey", "0123"),
        ("AWS_SECRET_ACCESS_KEY", "abc"),
        ("hub_token", "hf_0123456789abcdef"),
        ("private_key", "-----BEGIN"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_listed(name: str, value: str) -> None:
    left = LeftOut()
    assert parameters({name: value}, left) == {name: HIDDEN}
    assert left.masked == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 512),
        ("pad_token", "<|endoftext|>"),
        ("eos_token", "</s>"),
        ("tokenizer", "bert-base-uncased-whole-word"),
        ("key", "a"),
        ("num_secrets", 3),
        ("monkey", "see"),
        ("url", "https://host.example/a@b"),
    ],
)
def test_what_only_sounds_like_one_stays(name: str, value: Any) -> None:
    left = LeftOut()
    assert parameters({name: value}, left) == {name: value}
    assert left.masked == []


def test_the_password_of_a_url_is_masked_alone() -> None:
    left = LeftOut()
    told = parameters({"store": "s3://me:pass@host/bucket", "list": ["redis://:x@h"]}, left)
    assert told == {"store": f"s3://me:{HIDDEN}@host/bucket", "list": [f"redis://:{HIDDEN}@h"]}
    assert left.masked == ["store", "list"]


def test_e_mails_are_left_out_and_counted() -> None:
    left = LeftOut()
    told = parameters(
        {"author": "Alice <alice@example.org>", "to": "bob@example.org", "git": "git@host.example:a/b"}, left
    )
    assert told == {"git": "git@host.example:a/b"} and left.counts == {"e-mail": 2}


nested: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "é", "\ud800", "x\udfff"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "é", "\ud800"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=50)
@given(value=nested)
def test_all_that_json_can_hold_can_be_stored(value: Any) -> None:
    """Ints of any size and lone surrogates become text."""
    plain(storable(value), "field")


def test_what_is_nested_without_end_is_cut() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    plain(storable(value), "field")
