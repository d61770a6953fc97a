"""Which range of a stream is cold."""

import pytest

from mldash_compactor.moving.candidates import Range, StreamState, idle_at, is_idle, next_range

NOW, IDLE_S = 1_000_000.0, 300.0


def stream(**facts: object) -> StreamState:
    about = {"id": b"s" * 16, "experiment": b"e" * 16, "generation": 0, "kind": "metrics", "name": "loss"}
    known = {"next": 500, "cold": 0, "due_at": NOW - 1, "last_at": NOW - 400}
    return StreamState(**{**about, **known, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "cold", "end", "idle", "expected"),
    [
        ("metrics", 0, 9_999, False, None),
        ("metrics", 0, 9_999, True, Range(0, 9_999)),
        ("metrics", 0, 10_000, False, Range(0, 10_000)),
        ("metrics", 0, 25_000, True, Range(0, 10_000)),
        ("metrics", 20_000, 25_000, True, Range(2, 25_000)),
        ("metrics", 25_000, 25_000, True, None),
        ("metrics", 25_000, 29_000, False, None),
        ("metrics", 25_000, 29_000, True, Range(2, 29_000)),
        ("metrics", 25_000, 31_000, False, Range(2, 30_000)),
        ("tracks", 0, 10_999, True, None),
        ("tracks", 0, 11_000, False, Range(0, 10_000)),
        ("tracks", 10_000, 20_999, True, None),
    ],
)
def test_full_chunks_move_and_the_rest_of_an_idle_metric(
    kind: str, cold: int, end: int, idle: bool, expected: Range | None
) -> None:
    assert next_range(stream(kind=kind, cold=cold), end, keep_events=1_000, idle=idle) == expected


def test_a_stream_is_idle_when_its_due_time_passed_and_nothing_came_since() -> None:
    assert is_idle(stream(), 500, NOW, IDLE_S)
    assert not is_idle(stream(), 501, NOW, IDLE_S)
    assert not is_idle(stream(due_at=NOW + 1), 500, NOW, IDLE_S)
    assert not is_idle(stream(due_at=None), 500, NOW, IDLE_S)


def test_a_young_last_event_makes_it_wait_and_one_in_the_future_says_nothing() -> None:
    assert not is_idle(stream(last_at=NOW - 10), 500, NOW, IDLE_S)
    assert idle_at(stream(last_at=NOW - 10), NOW, IDLE_S) == NOW + 290
    assert is_idle(stream(last_at=NOW + 10), 500, NOW, IDLE_S)
    assert idle_at(stream(last_at=NOW + 10), NOW, IDLE_S) == NOW + 300
    assert idle_at(stream(last_at=3.0), NOW, IDLE_S) == NOW + 300
