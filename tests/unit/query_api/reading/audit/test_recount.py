"""A part is sound or says what is wrong with it; a recount agrees with the snapshot of the same chain."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.seen import Seen
from mldash_api.audit.parts import problems_of
from mldash_api.audit.recount import Recount
from mldash_ingest.documents.buckets import Bucket, Source
from mldash_ingest.documents.columns import columns_of_events, pack_times
from mldash_ingest.documents.crowd import MovedOut
from mldash_ingest.documents.snapshot import Snapshot

ONE, TWO = b"1" * 16, b"2" * 16
VALUES = st.one_of(st.integers(-5, 5), st.floats(), st.booleans(), st.none(), st.text(max_size=2))
EVENTS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), min_size=1, max_size=5)


def bucket(first_index: int, events: list[dict[str, Any]], *sources: Source, kind: str = "metrics") -> Bucket:
    times = [float(first_index + row) for row in range(len(events))]
    return Bucket(
        stream=b"s" * 16,
        kind=kind,
        first_index=first_index,
        count=len(events),
        sources=list(sources) or [Source(ONE, first_index, len(events))],
        t0=times[0],
        t1=times[-1],
        times=pack_times(times),
        columns=columns_of_events(events),
    )


@given(st.lists(EVENTS, max_size=5))
def test_a_recount_of_sound_parts_is_the_snapshot(parts: list[list[dict[str, Any]]]) -> None:
    recount, snapshot = Recount("metrics", 0), Snapshot("metrics")
    for events in parts:
        part = bucket(snapshot.next, events)
        assert recount.repeated(part) == []
        assert list(recount.take(part)) == []
        snapshot.advance(part)
    assert list(recount.differences(snapshot.to_update(), {})) == []


def test_the_two_zeros_are_one_number_in_statistics() -> None:
    """Which of them a minimum is depends on where parts were cut."""
    recount = Recount("metrics", 0)
    assert list(recount.take(bucket(0, [{"a": 0.0}, {"a": -0.0}]))) == []
    document = recount.snapshot.to_update()
    (name, count, total, _, _, *rest) = document["stats"][0]
    document["stats"][0] = [name, count, total, -0.0, -0.0, *rest]
    assert list(recount.differences(document, {})) == []
    document["stats"][0] = [name, count, total, -1.0, -0.0, *rest]
    assert list(recount.differences(document, {})) == ["the statistics of its fields"]


def test_a_first_number_that_is_not_known_is_no_fault_and_a_wrong_one_is() -> None:
    recount = Recount("metrics", 0)
    assert list(recount.take(bucket(0, [{"a": 1, "b": 2.5}, {"a": 3}]))) == []
    document = recount.snapshot.to_update()
    assert document["firsts"] == [["a", 1], ["b", 2.5]]
    wrong = ["the first numbers of its fields"]
    for firsts, read, found in (
        ([["b", 2.5]], [], []),
        ([], [["a", 1], ["b", None]], []),
        ([["a", 3]], [], wrong),
        ([], [["b", 2.0]], wrong),
    ):
        told = {**document, "firsts": firsts, "firstsRead": read}
        assert list(recount.differences(told, {})) == found


def test_a_session_that_was_moved_out_of_the_snapshot_is_looked_for_beside_it() -> None:
    recount = Recount("metrics", 0)
    assert list(recount.take(bucket(0, [{"a": 1}, {"a": 2}], Source(ONE, 0, 1), Source(TWO, 0, 1)))) == []
    document = recount.snapshot.to_update()
    del document["sess"][TWO.hex()]
    wrong = [f"the seqs of session {TWO.hex()}"]
    assert list(recount.differences(document, {TWO: MovedOut(2, Seen(1))})) == []
    assert list(recount.differences(document, {TWO: MovedOut(5, Seen(4))})) == []  # newer than the snapshot
    assert list(recount.differences(document, {TWO: MovedOut(2, Seen(4))})) == wrong
    assert list(recount.differences(document, {TWO: MovedOut(5, Seen(4, [(0, 1)]))})) == wrong
    assert list(recount.differences(document, {})) == wrong


def test_events_that_come_again_are_told_also_within_one_part() -> None:
    recount = Recount("metrics", 0)
    assert list(recount.take(bucket(0, [{}] * 3))) == []
    again = bucket(3, [{}] * 4, Source(ONE, 2, 2), Source(TWO, 0, 1), Source(TWO, 0, 1))
    assert recount.repeated(again) == [(ONE, 2, 4), (TWO, 0, 1)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sources": [Source(ONE, 0, 2)]}, "its sources count 2 events, and it says 3"),
        ({"sources": [Source(ONE, -1, 3)]}, "its sources count 3 events"),
        ({"times": b"\0" * 7}, "its times have 7 bytes"),
        ({"times": b"\0" * 16}, "it has 2 rows for 3 events"),
        ({"first_index": 9_998}, "a part lies within one chunk"),
        ({"count": 0}, "a part lies within one chunk"),
    ],
)
def test_a_part_that_breaks_a_rule_says_which(change: dict[str, Any], told: str) -> None:
    sound = bucket(0, [{"a": 1}, {"a": 2}, {}])
    assert list(problems_of(sound)) == []
    assert any(told in problem for problem in problems_of(msgspec.structs.replace(sound, **change)))


def test_a_column_must_hold_a_value_for_each_row_in_which_it_is_present() -> None:
    sound = bucket(0, [{"a": 1}, {}, {"a": 2}])
    (column,) = sound.columns
    for change, told in (
        ({"data": b"\0" * 8}, "column 'a' has 1 values for 2 rows"),
        ({"present": b"\x0d"}, "column 'a' says that it has values behind the last row"),
        ({"data": b"\0" * 7}, "column 'a' can't be read: ValueError"),
    ):
        broken = msgspec.structs.replace(sound, columns=[msgspec.structs.replace(column, **change)])
        assert any(problem.startswith(told) for problem in problems_of(broken)), told


def test_entries_of_a_track_must_lie_in_time_order() -> None:
    sound = bucket(0, [{"a": 1}, {"a": 2}], kind="tracks")
    assert list(problems_of(sound)) == []
    for times in ([1.0, 0.0], [0.0, 0.0], [0.0, float("nan")]):
        broken = msgspec.structs.replace(sound, times=pack_times(times))
        assert list(problems_of(broken)) == ["its entries are not in time order, one a time"]
    late = msgspec.structs.replace(sound, t1=7.0)
    assert list(problems_of(late)) == ["its entries are of 0.0 … 1.0, and it says 0.0 … 7.0"]
