"""A chunk written in parts holds the rows and summaries of one that is written at once."""

import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash_compactor.chunks import points
from mldash_compactor.chunks.parquet import metadata as about
from mldash_compactor.chunks.parquet import pages
from mldash_compactor.chunks.parquet.metadata import Metadata
from mldash_compactor.chunks.parquet.mixed_types import Field
from mldash_compactor.chunks.parquet.parts import PartWriter, parquet_name, wider
from mldash_compactor.chunks.rows import Cold, join
from mldash_compactor.chunks.summaries import summarise, summarise_numbers
from mldash_compactor.moving.large import Scan
from mldash_ingest.documents.buckets import Bucket, Source
from mldash_ingest.documents.columns import WIDE, columns_of_events, events_of_columns, pack_times

values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=4)
    | st.lists(st.floats(), min_size=2, max_size=2)
)
names = st.sampled_from(["loss", "index", "time", "events", "", "a.b", "_ts", "tag"])
events = st.lists(
    st.dictionaries(names, values, max_size=4)
    | st.fixed_dictionaries({}, optional={"loss": st.floats(), "step": st.integers(0, 9), "tag": st.text(max_size=2)})
    | st.fixed_dictionaries(
        {},
        optional={
            "lr": st.floats() | st.integers(-(2**53), 2**53),
            "big": st.floats() | st.integers(2**53, 2**60),
            "note": st.text(max_size=2) | st.none(),
            "val": st.none(),
        },
    ),
    min_size=1,
    max_size=25,
)


def exact(value: Any) -> Any:
    if type(value) is float:
        return "float", struct.pack("<d", value) if value == value else b"nan"
    if type(value) is list:
        return "list", [exact(item) for item in value]
    if type(value) is dict:
        return "dict", {key: exact(item) for key, item in value.items()}
    return type(value).__name__, value


def bucket(first: int, rows: list[dict[str, Any]]) -> Bucket:
    times = [1_000.0 + first + row for row in range(len(rows))]
    return Bucket(
        stream=b"s" * 16,
        kind="metrics",
        first_index=first,
        count=len(rows),
        sources=[Source(b"x" * 16, first, len(rows))],
        t0=times[0],
        t1=times[-1],
        times=pack_times(times),
        columns=columns_of_events(rows),
    )


def cut(rows: list[dict[str, Any]], cuts: list[int]) -> list[Bucket]:
    bounds = sorted({0, len(rows), *(place % len(rows) for place in cuts)})
    return [bucket(first, rows[first:end]) for first, end in pairwise(bounds)]


def written(found: Scan, groups: list[list[Bucket]], count: int) -> bytes:
    fields = found.planned()
    writer = PartWriter({"index": pa.int64(), "time": pa.float64()}, fields, list(found.nan))
    data = b""
    for group in groups:
        rows = join(group)
        index = pa.array(np.arange(rows.first_index, rows.end_index))
        writer.write([index, pa.array(np.frombuffer(rows.times, "<f8"))], rows)
        while part := writer.take(64, last=False):
            data += part
    metadata = Metadata(
        prefix="o/p", kind="metrics", name=None, stream=b"s" * 16, generation=0, k=0, first_index=0, end_index=count,
        sources=found.sources, cuts=found.cuts,
    )  # fmt: skip
    tail = writer.close(about.to_text(metadata, [(field, parquet_name(field)) for field in fields], [], writer.marks))
    while part := writer.take(64, last=True):
        data += part
    assert writer.size == len(data)
    assert data.endswith(tail)
    assert len(pages.read_tail(len(data), tail).footer.row_groups) == len(groups)
    return data


@settings(max_examples=80, deadline=None)
@given(events, st.lists(st.integers(0, 99), max_size=4), st.integers(1, 3))
def test_rows_come_back_exactly_from_a_file_that_was_written_in_parts(
    rows: list[dict[str, Any]], cuts: list[int], size: int
) -> None:
    buckets = cut(rows, cuts)
    found = Scan()
    for one in buckets:
        found.add(one)
    groups = [buckets[at : at + size] for at in range(0, len(buckets), size)]
    back = points.decode(written(found, groups, len(rows)))
    assert (back.first_index, back.end_index) == (0, len(rows))
    assert [exact(row) for row in events_of_columns(back.columns, back.row_count)] == [exact(row) for row in rows]


def test_a_field_is_typed_in_a_file_written_in_parts_as_it_is_in_one() -> None:
    """A whole number among floats in one bucket, an integer beyond 2**53 in another, None beside text."""
    rows = [
        {"lr": 0.5, "big": 0.5, "note": "a", "val": None},
        {"lr": 0, "big": 2**53 + 1, "val": None},
        {"lr": 1.5, "note": None},
    ]
    found = Scan()
    for one in cut(rows, [1, 2]):
        found.add(one)
    kinds = {field.name: (field.type, field.nulls) for field in found.planned()}
    assert kinds == {
        "lr": ("numbers", "absent"),
        "big": ("values", "absent"),
        "note": ("string", "marked"),
        "val": ("none", "marked"),
    }
    known = [Field("val", "float64"), Field("late", "int64")]
    assert found.planned(known)[-2:] == [Field("val", "float64", (), "marked"), Field("late", "int64", inherited=True)]


@settings(max_examples=80, deadline=None)
@given(events, st.lists(st.integers(0, 99), max_size=4))
def test_summaries_are_those_of_the_whole(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    buckets = cut(rows, cuts)
    found = Scan()
    for one in buckets:
        found.add(one)
    whole: Cold = points.fold(buckets)
    expected = summarise(whole.columns, points.event_times(whole), 0)
    summaries, blocks = summarise_numbers(found.numbers(), found.times, 0)
    assert {one.name: repr(one) for one in summaries} == {one.name: repr(one) for one in expected[0]}
    assert {one.name: one.records for one in blocks} == {one.name: one.records for one in expected[1]}


def test_very_wide_points_become_whole_events() -> None:
    rows = [{f"f{number}": number for number in range(WIDE + 1)}, {"f0": None}]
    buckets = [bucket(0, [{"f0": 1}]), bucket(1, rows)]
    found = Scan()
    for one in buckets:
        found.add(one)
    assert found.planned() == [Field("", "events")]
    back = points.decode(written(found, [[one] for one in buckets], 3))
    assert events_of_columns(back.columns, back.row_count) == [{"f0": 1}, *rows]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("float32", "float64", "float64"),
        ("float64", "float64", "float64"),
        ("int64", "float64", "numbers"),
        ("int64", "float32", "numbers"),
        ("none", "string", "string"),
        ("numbers", "bool", "values"),
        ("string", "values", "values"),
        ("bool", "int64", "values"),
    ],
)
def test_the_wider_type_holds_both_exactly(one: Any, other: Any, both: str) -> None:
    assert wider(Field("x", one), Field("x", other)).type == both
    assert wider(Field("x", other), Field("x", one)).type == both
    assert wider(Field("x", "float64", (2,)), Field("x", "float64", (3,))).type == "values"
