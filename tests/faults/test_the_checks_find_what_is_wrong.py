"""A check that never fails proves nothing: each is given what must not be."""

from collections import Counter
from typing import Any

import pytest

from mldash.events.field_statistics import FieldStatistics

from . import sequences
from .invariants import ChainMemory, MovedOut, Span, Violation, missing_events, rows_of
from .returned import Counts
from .schedule import BESIDE_A_PROXY, KINDS, make_schedule
from .sequences import MAIN, Stream

SESSIONS = {1: "aa", 2: "bb"}


@pytest.fixture
def chain() -> ChainMemory:
    """Ten events of writer 1, then five of writer 2."""
    memory = ChainMemory(Stream(MAIN, "metrics", "loss"), 0)
    memory.take(0, [Span(1, 0, 10), Span(2, 0, 5)])
    return memory


def snapshot_of(chain: ChainMemory, count: int) -> dict[str, Any]:
    statistics = {name: FieldStatistics() for name in sequences.point((0, 0))}
    for event in chain.events[:count]:
        for name, value in sequences.point(event).items():
            statistics[name].add([value])
    stats = [[name, one.count, one.sum, one.min, one.max, one.last, one.nan_count] for name, one in statistics.items()]
    firsts = [[name, one.first] for name, one in statistics.items()]
    writers = Counter(who for who, _ in chain.events[:count])
    seen = {SESSIONS[who]: [hi] for who, hi in writers.items()}
    return {"next": count, "sess": seen, "stats": stats, "firsts": firsts}


def test_what_was_read_before_is_read_again_in_peace(chain: ChainMemory) -> None:
    chain.take(5, [Span(1, 5, 5), Span(2, 0, 5), Span(1, 10, 1)])
    chain.ends(16)
    chain.snapshot(snapshot_of(chain, 12), SESSIONS)
    chain.snapshot(snapshot_of(chain, 16), SESSIONS)
    chain.rows(3, rows_of("metrics", chain.events[3:6]), rows_of("metrics", [(1, 3), (1, 4), (1, 5)]))
    missing_events(chain, 1, Counts(begun=11, returned=11))
    assert not chain.late


@pytest.mark.parametrize(
    ("first", "spans", "told"),
    [
        (16, [Span(1, 10, 1)], "indices 15 … 15 are missing"),
        (15, [Span(1, 9, 1)], "stands at 9 and at 15"),
        (4, [Span(1, 5, 1)], "index 4 was"),
    ],
)
def test_a_gap_an_event_that_stands_twice_and_one_that_changes_are_found(
    chain: ChainMemory, first: int, spans: list[Span], told: str
) -> None:
    with pytest.raises(Violation, match=told):
        chain.take(first, spans)


def test_an_end_or_a_number_that_goes_back_is_found(chain: ChainMemory) -> None:
    with pytest.raises(Violation, match="its end was 15 and is 14"):
        chain.ends(14)
    chain.rises("cold", 10)
    with pytest.raises(Violation, match="cold was 10 and is 9"):
        chain.rises("cold", 9)


def test_a_snapshot_that_says_more_or_other_than_there_is_is_found(chain: ChainMemory) -> None:
    wrong = snapshot_of(chain, 12)
    wrong["sess"]["aa"] = [11]
    with pytest.raises(Violation, match="is stored, and it is"):
        chain.snapshot(wrong, SESSIONS)
    with pytest.raises(Violation, match="only 15 are readable"):
        chain.snapshot({"next": 16}, SESSIONS)


@pytest.mark.parametrize(
    ("moved_out", "told"),
    [
        ({}, "neither in the crowded snapshot"),
        ({"aa": MovedOut(12, [9])}, "is stored, and it is"),
        ({"aa": MovedOut(15, [9, 3, 4])}, "is stored, and it is"),
    ],
)
def test_a_session_that_was_moved_out_of_a_snapshot_and_is_not_whole_in_seqs_is_found(
    chain: ChainMemory, moved_out: dict[str, MovedOut], told: str
) -> None:
    crowded = snapshot_of(chain, 12) | {"crowded": True}
    del crowded["sess"]["aa"]
    with pytest.raises(Violation, match=told):
        chain.snapshot(crowded, SESSIONS, moved_out)


@pytest.mark.parametrize("newer", [MovedOut(12, [10]), MovedOut(15, [11])])
def test_a_session_that_was_moved_out_may_have_more_in_seqs_than_in_the_snapshot(
    chain: ChainMemory, newer: MovedOut
) -> None:
    crowded = snapshot_of(chain, 12) | {"crowded": True}
    del crowded["sess"]["aa"]
    chain.snapshot(crowded, SESSIONS, {"aa": newer})


def test_a_line_that_retention_took_too_early_is_found(chain: ChainMemory) -> None:
    chain.is_as_new_as(0, 100.0)
    chain.is_as_new_as(10, 130.0)
    chain.expires(10, 101.0, {}, [])
    with pytest.raises(Violation, match="bucket at 10"):
        chain.expires(15, 129.0, {}, [])


def test_events_that_expired_unread_are_those_that_the_snapshot_knows_and_nobody_else_has(chain: ChainMemory) -> None:
    """Writer 1 has 14 events and writer 2 has 5: 10 and 5 were read, 3 went unread, and one is still there."""
    stored = {1: [14], 2: [5]}
    with pytest.raises(Violation, match="2 events went unread, the snapshot knows of 3"):
        chain.expires(17, 0.0, stored, [Span(1, 13, 1)])
    chain.expires(18, 0.0, stored, [Span(1, 13, 1)])
    chain.take(18, [Span(1, 13, 1)])
    missing_events(chain, 1, Counts(begun=14, returned=14))


def test_statistics_that_a_recount_does_not_give_are_found(chain: ChainMemory) -> None:
    wrong = snapshot_of(chain, 12)
    wrong["stats"][2][2] += 0.5
    with pytest.raises(Violation, match="a recount says"):
        chain.snapshot(wrong, SESSIONS)
    for end, firsts in ((13, []), (14, [[name, first + 1] for name, first in wrong["firsts"]])):
        with pytest.raises(Violation, match="a recount says"):
            chain.snapshot({**snapshot_of(chain, end), "firsts": firsts}, SESSIONS)


def test_an_event_that_is_lost_and_one_that_nobody_wrote_are_found(chain: ChainMemory) -> None:
    with pytest.raises(Violation, match="1 are lost, from 10 on"):
        missing_events(chain, 1, Counts(begun=11, returned=11))
    with pytest.raises(Violation, match="began 4 events, but number 4 is stored"):
        missing_events(chain, 2, Counts(begun=4, returned=4))
    missing_events(chain, 1, Counts(begun=12, returned=10))  # the last call was under way when it was killed


def test_an_event_that_comes_behind_a_later_one_is_late(chain: ChainMemory) -> None:
    chain.take(15, [Span(2, 7, 1), Span(2, 5, 2)])
    assert chain.late == {2: 2}


@pytest.mark.parametrize("proxied", [False, True])
def test_a_seed_gives_one_schedule_which_has_all_kinds_and_keeps_their_order(proxied: bool) -> None:
    for seed in range(50):
        faults = make_schedule(seed, 110, proxied=proxied)
        assert faults == make_schedule(seed, 110, proxied=proxied)
        kinds = [fault.kind for fault in faults]
        assert Counter(kinds) == (BESIDE_A_PROXY if proxied else KINDS)
        last_pause = len(kinds) - 1 - kinds[::-1].index("pause a worker")
        assert kinds.index("grow to three workers") < kinds.index("pause a worker")
        assert last_pause < kinds.index("shrink to one worker")
        assert sum(fault.after_s for fault in faults) == pytest.approx(110)
    assert make_schedule(1, 110, proxied=proxied) != make_schedule(2, 110, proxied=proxied)
