"""What a batch's records of one stream become: each event once, dense indices, buckets that never cross a chunk."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.identity import experiment_id
from mldash.events.schema import Record, Rows
from mldash.events.seen import HOLES, Seen
from mldash_ingest.documents.buckets import CHUNK, Bucket
from mldash_ingest.documents.columns import events_of_columns
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.fetch.decode import Arrival
from mldash_ingest.plan.appends import Plan, plan, rounds

STREAM = b"s" * 16
SESSIONS = [bytes([number]) * 16 for number in range(3)]


def arrival(session: bytes, first_seq: int, count: int, kind: str = "metrics", **fields: Any) -> Arrival:
    seqs = range(first_seq, first_seq + count)
    rows = Rows(
        ["session", "seq", *fields], [float(seq) for seq in seqs], [[session, seq, *fields.values()] for seq in seqs]
    )
    record = Record(
        prefix="o/p", kind=kind, name="m", session=session, first_seq=first_seq, logged_at=0.0, blocks=[rows]
    )  # type: ignore[arg-type]
    return Arrival(record, experiment_id("o/p"), SimpleNamespace(topic="t", partition=0, offset=0))  # type: ignore[arg-type]


def events_in(buckets: list[Bucket]) -> list[tuple[bytes, int]]:
    return [
        (event["session"], event["seq"])
        for bucket in buckets
        for event in events_of_columns(bucket.columns, bucket.row_count)
    ]


def grown(known: Snapshot, planned: Plan) -> Snapshot:
    for bucket in planned.buckets:
        known.advance(bucket)
    return known


records = st.lists(
    st.tuples(st.sampled_from(SESSIONS), st.integers(0, 40), st.integers(1, 12)), min_size=1, max_size=30
)


@given(records, st.integers(1, 5))
def test_every_event_is_stored_once_whatever_is_repeated_or_reordered(
    drawn: list[tuple[bytes, int, int]], batches: int
) -> None:
    """Records overlap, repeat and come out of order, over several batches; the store holds their union, dense."""
    known, stored = Snapshot("metrics"), list[tuple[bytes, int]]()
    size = -(-len(drawn) // batches)
    for at in range(0, len(drawn), size):
        planned = plan(STREAM, "metrics", known, [arrival(*one) for one in drawn[at : at + size]])
        assert not planned.refused
        stored += events_in(planned.buckets)
        grown(known, planned)
    assert len(stored) == len(set(stored)) == known.next
    assert set(stored) == {(session, seq) for session, first, count in drawn for seq in range(first, first + count)}
    for session in SESSIONS:
        seqs = {seq for owner, seq in stored if owner == session}
        seen = known.seen.get(session, Seen())
        assert seqs == {seq for seq in range(60) if seq in seen}
        assert seen.missing == (max(seqs) + 1 - len(seqs) if seqs else 0)


@given(records)
def test_a_batch_planned_again_after_it_was_stored_adds_nothing(drawn: list[tuple[bytes, int, int]]) -> None:
    arrivals = [arrival(*one) for one in drawn]
    known = Snapshot("metrics")
    grown(known, plan(STREAM, "metrics", known, arrivals))
    again = plan(STREAM, "metrics", known, arrivals)
    assert not again.buckets
    assert again.duplicate_count == sum(count for _, _, count in drawn)


def test_planning_changes_nothing_that_is_known() -> None:
    known = Snapshot("metrics")
    grown(known, plan(STREAM, "metrics", known, [arrival(SESSIONS[0], 0, 3)]))
    before = known.to_update()
    plan(STREAM, "metrics", known, [arrival(SESSIONS[0], 3, 5), arrival(SESSIONS[1], 4, 5)])
    assert known.to_update() == before


def test_buckets_begin_where_the_chain_ends_and_never_cross_a_chunk() -> None:
    known = Snapshot("metrics")
    known.next = CHUNK - 3
    planned = plan(STREAM, "metrics", known, [arrival(SESSIONS[0], 0, 5_000), arrival(SESSIONS[0], 5_000, 7_000)])
    places = [(bucket.first_index, bucket.end_index) for bucket in planned.buckets]
    assert places == [(CHUNK - 3, CHUNK), (CHUNK, 2 * CHUNK), (2 * CHUNK, 2 * CHUNK + 1_997)]
    assert [seq for _, seq in events_in(planned.buckets)] == list(range(12_000))


def test_a_round_holds_at_most_one_bucket_of_a_stream() -> None:
    long = plan(STREAM, "metrics", Snapshot("metrics"), [arrival(SESSIONS[0], 0, CHUNK + 1)])
    short = plan(b"t" * 16, "metrics", Snapshot("metrics"), [arrival(SESSIONS[0], 0, 1)])
    turns = [[bucket.stream[:1] for bucket in turn] for turn in rounds({STREAM: long, b"t" * 16: short})]
    assert turns == [[b"s", b"t"], [b"s"]]


def test_a_session_with_too_many_gaps_is_refused_and_the_others_go_on() -> None:
    gaps = [arrival(SESSIONS[0], 2 * number + 1, 1) for number in range(HOLES + 1)]
    planned = plan(STREAM, "metrics", Snapshot("metrics"), [*gaps, arrival(SESSIONS[1], 0, 2)])
    assert [one.origin for one in planned.refused] == [gaps[-1].origin]
    assert "too many gaps" in planned.refused[0].reason
    assert planned.event_count == HOLES + 2


def test_a_record_that_fills_a_hole_is_stored_behind_and_counted_as_late() -> None:
    known = Snapshot("metrics")
    grown(known, plan(STREAM, "metrics", known, [arrival(SESSIONS[0], 5, 3)]))
    planned = plan(STREAM, "metrics", known, [arrival(SESSIONS[0], 0, 6)])
    assert [seq for _, seq in events_in(planned.buckets)] == [0, 1, 2, 3, 4]
    assert (planned.late_count, planned.duplicate_count) == (5, 1)
    assert grown(known, planned).seen[SESSIONS[0]] == Seen(8, [])


@pytest.mark.parametrize("size", [1 << 20, 5 << 20])
def test_a_bucket_that_would_be_too_large_is_cut_in_parts(size: int) -> None:
    """Twelve long values; each part but a single event stays under 8 MiB, and the order is kept."""
    planned = plan(STREAM, "metrics", Snapshot("metrics"), [arrival(SESSIONS[0], 0, 12, text="x" * size)])
    assert len(planned.buckets) > 1
    assert all(bucket.stored_bytes <= 8 << 20 or bucket.count == 1 for bucket in planned.buckets)
    assert [seq for _, seq in events_in(planned.buckets)] == list(range(12))
    firsts = [bucket.first_index for bucket in planned.buckets]
    assert firsts == [sum(one.count for one in planned.buckets[:turn]) for turn in range(len(firsts))]


def test_entries_of_one_time_are_one_row_and_keep_every_field() -> None:
    rows = Rows(["x", "y"], [2.0, 1.0, 2.0], [[1, 2], [3, 4], [5, 6]])
    late = Rows(["z"], [1], [[7]])  # type: ignore[list-item]
    record = Record(
        prefix="o/p", kind="tracks", name="m", session=SESSIONS[0], first_seq=0, logged_at=0.0, blocks=[rows, late]
    )
    one = Arrival(record, experiment_id("o/p"), SimpleNamespace(topic="t", partition=0, offset=0))  # type: ignore[arg-type]
    (bucket,) = plan(STREAM, "tracks", Snapshot("tracks"), [one]).buckets
    assert (bucket.count, bucket.row_count, bucket.t0, bucket.t1) == (4, 2, 1.0, 2.0)
    assert events_of_columns(bucket.columns, 2) == [{"x": 3, "y": 4, "z": 7}, {"x": 5, "y": 6}]


def params(first_seq: int, values: dict[str, Any]) -> Arrival:
    rows = Rows(list(values), [1.0], [list(values.values())])
    record = Record(
        prefix="o/p", kind="params", name="", session=SESSIONS[0], first_seq=first_seq, logged_at=0.0, blocks=[rows]
    )
    return Arrival(record, experiment_id("o/p"), SimpleNamespace(topic="t", partition=0, offset=first_seq))  # type: ignore[arg-type]


def test_parameters_that_would_outgrow_their_document_are_set_aside_and_the_others_kept() -> None:
    large = {f"key{number}": "x" * (1 << 20) for number in range(7)}
    many = {str(number): 0 for number in range(100_001)}
    planned = plan(
        STREAM,
        "params",
        Snapshot("params"),
        [params(0, large), params(1, {"more": "x" * (1 << 21)}), params(2, many), params(3, {"key0": 1})],
    )
    reasons = [(one.origin.offset, one.reason.split(",")[1].strip()) for one in planned.refused]
    assert reasons == [(1, "at most 8388608 are kept"), (2, "at most 100000 are kept")]
    assert planned.event_count == 2


@pytest.mark.parametrize("stamps", [[5, 7.5, 6.0], [5.0, None, 7.5], [5, 7, 6]])
@pytest.mark.parametrize("wide", [False, True])
def test_a_bucket_spans_the_times_that_were_given(stamps: list[Any], wide: bool) -> None:
    """Where `_ts` mixes int and float, is missing in some, or stands among very many fields."""
    more = {f"field{number}": 0 for number in range(2_001)} if wide else {}
    rows = Rows(["_ts", *more], [6.0, 6.0, 6.0], [[stamp, *more.values()] for stamp in stamps])
    record = Record(
        prefix="o/p", kind="metrics", name="m", session=SESSIONS[0], first_seq=0, logged_at=0.0, blocks=[rows]
    )
    one = Arrival(record, experiment_id("o/p"), SimpleNamespace(topic="t", partition=0, offset=0))  # type: ignore[arg-type]
    (bucket,) = plan(STREAM, "metrics", Snapshot("metrics"), [one]).buckets
    assert (bucket.t0, bucket.t1) == (5.0, max(stamp or 6.0 for stamp in stamps))
