"""What a listener asks for: names and patterns of streams, and how much of them."""

from time import perf_counter

import pytest

from mldash_api.errors import WrongParameter
from mldash_api.live.asked import MOST_PATTERNS, MOST_WILD_LETTERS, Asked, checked


def test_names_and_patterns_choose_streams() -> None:
    asked = checked(Asked(metrics=("train/*", "a?", "[xy]", "plain", "")))
    chosen = ["train/loss", "train/", "ab", "x", "plain", None]
    assert [name for name in [*chosen, "plain2", "train", "z", "abc"] if asked.wants("metrics", name)] == chosen
    assert asked.wants("tracks", "anything") and asked.wants_fields_of("metrics", "plain")


def test_patterns_are_bounded_together_and_names_are_not() -> None:
    """All patterns of a kind are compiled at once, while nothing else is answered."""
    many = tuple(f"{'*a' * 10}{number}" for number in range(MOST_PATTERNS))
    with pytest.raises(WrongParameter, match=f"{MOST_WILD_LETTERS} letters") as told:
        checked(Asked(topics=many))
    assert told.value.name == "topic"
    assert checked(Asked(metrics=tuple(f"{'n' * 500}{number}" for number in range(MOST_PATTERNS))))
    begun = perf_counter()
    asked = checked(Asked(metrics=many[: MOST_WILD_LETTERS // 25]))
    assert not asked.wants("metrics", "b" * 1_000)
    assert perf_counter() - begun < 2.0
