"""A snapshot is what follows from the first events of a chain and from nothing else, however they were cut."""

from types import SimpleNamespace
from typing import Any

import bson
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.identity import experiment_id
from mldash.events.schema import Describe, End, Error, Kind, Record, Rows, RunEvents, Start
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.fetch.decode import Arrival
from mldash_ingest.plan.appends import plan

ONE, TWO = b"1" * 16, b"2" * 16
numbers = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.just("text")
cuts = st.integers(0, 29)


def fold(kind: Kind, *batches: list[Record]) -> Snapshot:
    snapshot = Snapshot(kind)
    for batch in batches:
        for bucket in plan_from(snapshot, batch, kind):
            snapshot.advance(bucket)
    return snapshot


def plan_from(snapshot: Snapshot, batch: list[Record], kind: Kind = "metrics") -> list[Bucket]:
    origin: Any = SimpleNamespace(topic="t", partition=0, offset=0)
    arrivals = [Arrival(record, experiment_id("o/p"), origin) for record in batch]
    return plan(b"s" * 16, kind, snapshot, arrivals).buckets


def record(kind: Kind, block: Rows | RunEvents, session: bytes = ONE, first_seq: int = 0) -> Record:
    return Record(prefix="o/p", kind=kind, name="", session=session, first_seq=first_seq, logged_at=0.0, blocks=[block])


@given(st.lists(numbers, min_size=1, max_size=30), st.integers(1, 29))
def test_it_does_not_depend_on_where_buckets_were_cut(values: list[Any], cut: int) -> None:
    rows = [record("metrics", Rows(["a"], [1.0], [[value]]), first_seq=seq) for seq, value in enumerate(values)]
    at_once, in_two = fold("metrics", rows), fold("metrics", rows[:cut], rows[cut:])
    assert repr(at_once.to_update()) == repr(in_two.to_update())


def test_statistics_count_numbers_alone_and_nan_apart() -> None:
    values = [1, 2.5, True, None, "x", float("nan"), -4]
    snapshot = fold("metrics", [record("metrics", Rows(["a"], [1.0] * 7, [[value] for value in values]))])
    statistics = snapshot.statistics["a"]
    assert (statistics.count, statistics.sum, statistics.min, statistics.max, statistics.last) == (3, -0.5, -4, 2.5, -4)
    assert statistics.nan_count == 1


def test_it_survives_its_document() -> None:
    rows = Rows(["m.a", "$set", ""], [1.0], [[1, [1, {"x": None}], b"\0"]])
    for kind in ("params", "metrics"):
        snapshot = fold(kind, [record(kind, rows)])  # type: ignore[arg-type]
        again = Snapshot.from_document(kind, snapshot.to_update())
        assert again.to_update() == snapshot.to_update()


def test_what_a_later_version_adds_to_statistics_is_passed_over() -> None:
    """While workers are replaced one by one, older ones read what newer ones wrote."""
    document = fold("metrics", [record("metrics", Rows(["a"], [1.0] * 2, [[3], [5]]))]).to_update()
    longer = {**document, "stats": [[*one, 3, "more"] for one in document["stats"]]}
    again = Snapshot.from_document("metrics", longer)
    assert again.to_update() == document
    again.statistics["a"].add([7])
    assert (again.statistics["a"].count, again.statistics["a"].last) == (3, 7)


@given(st.lists(st.tuples(st.sampled_from("ab"), numbers), min_size=2, max_size=30), st.integers(1, 29), cuts)
def test_first_numbers_are_those_of_the_chain_or_not_known_whoever_folds_on(
    values: list[tuple[str, Any]], cut: int, until: int
) -> None:
    """From `cut` to `until` a worker of 0.1.0 writes the snapshots, which leaves `firsts` as it was."""
    rows = [record("metrics", Rows([name], [1.0], [[value]]), first_seq=at) for at, (name, value) in enumerate(values)]
    numbered = [(at, name, value) for at, (name, value) in enumerate(values) if type(value) in (int, float)]
    first: dict[str, tuple[int, Any]] = {}
    for at, name, value in numbered:
        first.setdefault(name, (at, value))
    until = max(cut, until)
    document = fold("metrics", rows[:cut]).to_update()
    document |= {**fold("metrics", rows[:until]).to_update(), "firsts": document["firsts"]}
    carried = Snapshot.from_document("metrics", document)
    whole = fold("metrics", rows)
    for bucket in plan_from(carried, rows[until:]):
        carried.advance(bucket)
    found = {name: one.first for name, one in Snapshot.from_document("metrics", carried.to_update()).statistics.items()}
    expected = {name: None if cut <= at < until else value for name, (at, value) in first.items()}
    assert repr(sorted(found.items())) == repr(sorted(expected.items()))
    assert repr(carried.to_update() | {"firsts": []}) == repr(whole.to_update() | {"firsts": []})
    read = [[name, value] for name, (_, value) in first.items()]
    known = Snapshot.from_document("metrics", {**carried.to_update(), "firstsRead": read})
    assert repr(known.to_update()) == repr(whole.to_update())


def test_statistics_of_large_integers_are_plain_numbers_after_the_database_had_them() -> None:
    snapshot = fold("metrics", [record("metrics", Rows(["a"], [1.0] * 2, [[-(2**63)], [2**62]]))])
    stored = bson.decode(bson.encode(snapshot.to_update()))
    statistics = Snapshot.from_document("metrics", stored).statistics["a"]
    assert (type(statistics.min), type(statistics.max), type(statistics.last)) == (int, int, int)
    assert msgspec.msgpack.encode(statistics) == msgspec.msgpack.encode(snapshot.statistics["a"])


def test_it_refuses_a_bucket_that_begins_elsewhere() -> None:
    snapshot = fold("metrics", [record("metrics", Rows(["a"], [1.0], [[1]]))])
    (bucket,) = plan(
        b"s" * 16,
        "metrics",
        Snapshot("metrics"),
        [Arrival(record("metrics", Rows(["a"], [1.0], [[1]])), b"", None)],  # type: ignore[arg-type]
    ).buckets
    with pytest.raises(ValueError, match="does not begin at 1"):
        snapshot.advance(bucket)


def test_a_resumed_session_has_no_end_and_the_newest_description_counts() -> None:
    error = Error("ValueError", "no")
    told = [Describe(5.0, description="new"), Describe(4.0, description="old", tags=["t"])]
    first = record("runs", RunEvents([Start(1.0, host="h"), End(2.0, "FAILED", error), Start(3.0, host="h2")]))
    second = record("runs", RunEvents([*told, End(6.0, "COMPLETED")]), session=TWO)
    snapshot = fold("runs", [first], [second])
    runs = Snapshot.from_document("runs", snapshot.to_update()).runs
    assert runs is not None
    assert (runs.sessions[ONE].started, runs.sessions[ONE].ended, runs.sessions[ONE].host) == (1.0, None, "h2")
    assert runs.sessions[TWO].status == "COMPLETED"
    assert {part: one.value for part, one in runs.about.items()} == {"description": "new", "tags": ["t"]}
