"""Which streams are wanted: each asking once, for a while after the last who asked so."""

import pytest

from mldash_api.live.asked import Asked
from mldash_api.live.pending.wanted import Wanted

STREAM = ("a/b", "metrics", "loss")
POINTS = Asked(prefixes=("a/b",), kinds=("points",), pending=True)
LINES = Asked(scopes=("a",), kinds=("lines",), pending=True)


def test_what_was_asked_for_stays_wanted_until_a_while_after_the_last_has_gone() -> None:
    wanted = Wanted()
    assert wanted.comes(POINTS) and not wanted.comes(POINTS)
    wanted.goes(POINTS, 10.0)
    assert not wanted.forget(1_000.0) and wanted.has(*STREAM)
    wanted.goes(POINTS, 20.0)
    assert not wanted.forget(19.0) and wanted.has(*STREAM) and wanted.kinds == {"metrics"}
    assert not wanted.comes(POINTS)  # the next page: nothing is read again for it
    assert not wanted.forget(1_000.0)
    wanted.goes(POINTS, 30.0)
    assert wanted.forget(30.0) and not wanted.has(*STREAM) and not wanted.kinds
    assert wanted.comes(POINTS)


def test_kinds_are_those_of_all_that_is_asked_for() -> None:
    wanted = Wanted()
    wanted.comes(POINTS)
    wanted.comes(LINES)
    assert wanted.kinds == {"metrics", "logs"} and wanted.has("a/c", "logs", "") and not wanted.has("a/c", *STREAM[1:])
    wanted.goes(LINES, 1.0)
    assert wanted.kinds == {"metrics", "logs"} and wanted.forget(1.0) and wanted.kinds == {"metrics"}


def test_askings_of_nobody_are_bounded_and_the_oldest_goes_first() -> None:
    wanted = Wanted()
    many = [Asked(prefixes=(f"a/{at}",), pending=True) for at in range(200)]
    for at, asked in enumerate(many):
        wanted.comes(asked)
        wanted.goes(asked, float(at))
    assert wanted.forget(-1.0)
    assert [wanted.has(f"a/{at}", "metrics", "loss") for at in (0, 99, 100, 199)] == [False, False, True, True]


def test_each_stream_is_asked_about_once_until_something_else_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record on Kafka asks, whoever listens."""
    asks, wants_of = list[str](), Asked.wants_of

    def counted(asked: Asked, prefix: str, kind: str, name: str | None) -> bool:
        asks.append(prefix)
        return wants_of(asked, prefix, kind, name)

    monkeypatch.setattr(Asked, "wants_of", counted)
    wanted = Wanted()
    wanted.comes(POINTS)
    assert all(wanted.has(*STREAM) for _ in range(10)) and not any(wanted.has("b/c", *STREAM[1:]) for _ in range(10))
    assert asks == ["a/b", "b/c"]
    wanted.comes(Asked(prefixes=("b/c",), pending=True))
    assert wanted.has("b/c", *STREAM[1:])
