"""Events that are acknowledged and not stored: held once by name, and dropped by name or when they were passed by."""

import gc
import weakref

import pytest

from mldash.events.schema import Record, Rows
from mldash.events.seen import Fresh, Seen
from mldash_api.live.pending.waiting import LATE_S, Waiting
from mldash_ingest.documents.buckets import Source

STREAM = ("a/b", "metrics", "loss")
PARTITION = ("mldash.metrics", 3)
SESSION = b"s" * 16


def record(first_seq: int, count: int, session: bytes = SESSION) -> Record:
    rows = Rows(["x"], [1.0] * count, [[1]] * count)
    return Record(
        prefix="a/b",
        kind="metrics",
        name="loss",
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=[rows],
    )


def held(waiting: Waiting) -> list[tuple[int, int]]:
    return [(part.first_seq, part.end_seq) for part in waiting.from_number(0)]


def test_an_event_that_comes_again_is_held_once() -> None:
    waiting = Waiting()
    assert waiting.add(PARTITION, 0, record(0, 10), 100)
    assert not waiting.add(PARTITION, 1, record(0, 10), 100)
    assert waiting.add(PARTITION, 2, record(5, 10), 100)
    assert held(waiting) == [(0, 10), (10, 15)]
    assert waiting.add(PARTITION, 3, record(0, 10, b"t" * 16), 100)


def test_what_was_seen_stored_is_dropped_by_name_and_never_held_again() -> None:
    waiting = Waiting()
    waiting.add(PARTITION, 0, record(0, 10), 100)
    waiting.add(PARTITION, 1, record(10, 5), 100)
    assert not waiting.stored(STREAM, [Source(SESSION, 0, 6)])  # a part of a part is stored: it stays
    assert waiting.stored(STREAM, [Source(SESSION, 6, 4)])
    assert held(waiting) == [(10, 15)]
    assert not waiting.add(PARTITION, 2, record(0, 10), 100)
    assert not waiting.stored(STREAM, [Source(SESSION, 15, 5)])  # nobody held it yet
    assert not waiting.add(PARTITION, 3, record(15, 5), 100)


def test_what_a_statement_has_passed_by_goes_a_while_later() -> None:
    waiting = Waiting()
    waiting.add(PARTITION, 7, record(0, 10), 100)
    waiting.add(PARTITION, 8, record(10, 10), 100)
    waiting.pass_by(("mldash.metrics", 4), 100, 0.0)
    waiting.pass_by(PARTITION, 8, 0.0)
    assert not waiting.settle(LATE_S / 2)
    assert waiting.settle(LATE_S) and held(waiting) == [(10, 20)]


def test_what_nobody_wants_is_dropped_and_held_again_for_who_wants_it_but_not_what_was_stored() -> None:
    waiting = Waiting()
    waiting.add(PARTITION, 0, record(0, 10), 100)
    waiting.add(PARTITION, 1, record(10, 10), 100)
    waiting.stored(STREAM, [Source(SESSION, 0, 10)])
    assert waiting.keep(lambda *_: False) and not waiting.parts and waiting.bytes == 0
    assert not waiting.add(PARTITION, 0, record(0, 10), 100)
    assert waiting.add(PARTITION, 1, record(10, 10), 100) and held(waiting) == [(10, 20)]
    assert not waiting.keep(lambda prefix, kind, name: (prefix, kind, name) == STREAM)


def test_what_comes_late_in_a_partition_is_passed_by_like_the_others() -> None:
    """A listener has come, and reading went back."""
    waiting = Waiting()
    waiting.add(PARTITION, 9, record(10, 10), 100)
    waiting.add(PARTITION, 4, record(0, 10), 100)
    waiting.pass_by(PARTITION, 9, 0.0)
    assert waiting.settle(LATE_S) and held(waiting) == [(10, 20)]


def test_of_a_session_only_what_is_concerned_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that logs much has thousands of parts, and each look at the store brings many sources."""
    waiting, looked_at, fresh = Waiting(), list[tuple[int, int]](), Seen.fresh
    for at in [*range(0, 100, 2), *range(1, 100, 2)]:
        waiting.add(PARTITION, at, record(at * 10, 10), 100)

    def counted(seen: Seen, first: int, end: int) -> list[Fresh]:
        looked_at.append((first, end))
        return fresh(seen, first, end)

    monkeypatch.setattr(Seen, "fresh", counted)
    assert waiting.stored(STREAM, [Source(SESSION, 495, 20)])
    assert sorted(looked_at) == [(490, 500), (500, 510), (510, 520)]
    assert sorted(held(waiting)) == [(at * 10, at * 10 + 10) for at in range(100) if at != 50]
    assert waiting.stored(STREAM, [Source(SESSION, 0, 1_000)])
    assert not held(waiting) and not waiting.parts and waiting.bytes == 0


def test_what_comes_first_is_told_first_however_much_went_before() -> None:
    waiting = Waiting()
    for at in range(500):
        waiting.add(PARTITION, at, record(at, 1), 100)
    waiting.stored(STREAM, [Source(SESSION, 0, 490)])
    waiting.add(PARTITION, 500, record(500, 1), 100)
    assert held(waiting) == [(seq, seq + 1) for seq in range(490, 501)]
    assert [part.first_seq for part in waiting.from_number(498)] == [498, 499, 500]


def test_what_was_seen_stored_is_free_before_a_statement_passes_it() -> None:
    waiting = Waiting()
    waiting.add(PARTITION, 0, record(0, 10), 100)
    part = weakref.ref(waiting.parts[0])
    assert part() is not None and waiting.stored(STREAM, [Source(SESSION, 0, 10)])
    gc.collect()
    assert part() is None
    waiting.add(PARTITION, 1, record(10, 10), 100)
    waiting.pass_by(PARTITION, 2, 0.0)
    assert waiting.settle(LATE_S) and not waiting.parts
