"""What is put into an object comes out of it, value for value and type for type."""

import math
import struct
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from mldash.events.merging import merge_entries
from mldash_compactor.chunks import entries, points
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.objects import read_metadata
from mldash_compactor.chunks.parquet.metadata import Metadata, blocks_of
from mldash_compactor.chunks.rows import Cold
from mldash_ingest.documents.buckets import Bucket, Source
from mldash_ingest.documents.columns import WIDE, Column, columns_of_events, events_of_columns, pack_times, unpack_times

STREAM = bytes(range(16))
METADATA = Metadata(
    prefix="owner/project/ünï/run",
    kind="metrics",
    name=None,
    stream=STREAM,
    generation=3,
    k=2,
    first_index=20_000,
    end_index=20_000,
    sources=[Source(b"s" * 16, 7, 3)],
    cuts=[20_000],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, math.nan, math.inf, -math.inf, "1", ""])
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
numbers = st.integers(-(2**53), 2**53) | st.floats() | st.sampled_from([0, 0.0, -0.0, 1, 1.0])
vectors = st.lists(st.floats(), min_size=2, max_size=2) | st.lists(st.integers(-5, 5), max_size=3)
values = scalars | vectors | st.lists(vectors, max_size=2) | st.dictionaries(st.text(max_size=2), scalars, max_size=2)
names = st.sampled_from(
    [
        "loss",
        "index",
        "time",
        "events",
        "",
        "owner",
        "Stream",
        "field:",
        "field:time",
        "a",
        "a.b",
        "a.list.element",
        "_ts",
    ]
)
# Fields of one type, as most are, beside fields of any.
events = st.lists(
    st.dictionaries(names | st.text(max_size=3), values, max_size=4)
    | st.fixed_dictionaries(
        {}, optional={"loss": st.floats(), "epoch": st.integers(-3, 3), "pose": vectors, "tag": st.text(max_size=2)}
    )
    | st.fixed_dictionaries(
        {"lr": numbers},
        optional={
            "kl": numbers | st.none(),
            "note": st.text(max_size=2) | st.none(),
            "at": st.lists(numbers, min_size=3, max_size=3) | st.none(),
            "val": st.none(),
        },
    ),
    min_size=1,
    max_size=30,
)


def exact(value: Any) -> Any:
    """Equal only for what is the same in type and bits."""
    if type(value) is float:
        return "float", struct.pack("<d", value) if value == value else b"nan"
    if type(value) is list:
        return "list", [exact(item) for item in value]
    if type(value) is dict:
        return "dict", {key: exact(item) for key, item in value.items()}
    return type(value).__name__, value


def bucket(first_index: int, rows: list[dict[str, Any]], times: list[float] | None = None, **more: Any) -> Bucket:
    times = times or [1_000.0 + first_index + row for row in range(len(rows))]
    facts = {"stream": STREAM, "kind": "metrics", "sources": [Source(b"s" * 16, first_index, len(rows))]}
    return Bucket(
        **{**facts, **more},
        first_index=first_index,
        count=len(rows),
        t0=min(times),
        t1=max(times),
        times=pack_times(times),
        columns=columns_of_events(rows),
    )


def cut(rows: list[dict[str, Any]], cuts: list[int], first_index: int = 20_000) -> list[Bucket]:
    bounds = sorted({0, len(rows), *(place % len(rows) for place in cuts)})
    return [bucket(first_index + a, rows[a:b]) for a, b in pairwise(bounds)]


def metadata_of(rows: Cold, kind: str = "metrics") -> Metadata:
    return Metadata(
        prefix="o/p",
        kind=kind,
        name="n",
        stream=STREAM,
        generation=0,
        k=rows.first_index // 10_000,
        first_index=rows.first_index,
        end_index=rows.end_index,
        sources=[],
        cuts=[],
    )


def rows_of(cold: Cold) -> list[dict[str, Any]]:
    return events_of_columns(cold.columns, cold.row_count)


@given(events, st.lists(st.integers(0, 99), max_size=4))
def test_points_come_back_exactly_however_their_buckets_were_cut(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    folded = points.fold(cut(rows, cuts))
    back = points.decode(points.encode(folded, metadata_of(folded)).data)
    assert (back.first_index, back.end_index, back.row_count) == (20_000, 20_000 + len(rows), len(rows))
    assert back.times == folded.times
    assert [exact(row) for row in rows_of(back)] == [exact(row) for row in rows]


@given(events, st.lists(st.integers(0, 99), max_size=4), st.data())
def test_entries_of_one_time_are_one_whatever_bucket_or_object_they_come_from(
    rows: list[dict[str, Any]], cuts: list[int], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.sampled_from([0.0, -1.5, 2.0, 3.25, 1e9]), min_size=len(rows), max_size=len(rows)))
    expected = merge_entries(times, rows)
    bounds = sorted({0, len(rows), *(place % len(rows) for place in cuts)})
    parts: list[Bucket] = []
    for a, b in pairwise(bounds):
        merged = merge_entries(times[a:b], rows[a:b])
        order = sorted(merged)
        parts.append(
            Bucket(
                stream=STREAM, kind="tracks", first_index=a, count=b - a, sources=[], t0=order[0], t1=order[-1],
                times=pack_times(order), columns=columns_of_events([merged[time] for time in order]),
            )
        )  # fmt: skip
    head = entries.fold(parts[: len(parts) // 2 + 1])
    head = entries.decode(entries.encode(head, metadata_of(head, "tracks")).data)  # what a short last chunk held
    whole = entries.fold([head, *parts[len(parts) // 2 + 1 :]])
    back = entries.decode(entries.encode(whole, metadata_of(whole, "tracks")).data)
    assert back.count == len(rows)
    assert list(unpack_times(back.times)) == sorted(expected)
    assert [exact(row) for row in rows_of(back)] == [exact(expected[time]) for time in sorted(expected)]


@given(events)
def test_a_selection_of_fields_holds_these_and_no_other(rows: list[dict[str, Any]]) -> None:
    folded = points.fold([bucket(0, rows)])
    wanted = sorted({name for row in rows for name in row})[::2]
    back = points.decode(points.encode(folded, metadata_of(folded)).data, wanted)
    assert [exact(row) for row in rows_of(back)] == [
        exact({name: value for name, value in row.items() if name in wanted}) for row in rows
    ]


def test_a_point_with_more_fields_than_a_bucket_has_columns_for_makes_the_chunk_hold_whole_events() -> None:
    wide = [{f"f{number}": number * 0.5 for number in range(WIDE + 1)}, {"f0": None}]
    folded = points.fold([bucket(0, [{"f0": 1}]), bucket(1, wide), bucket(3, [{"x": "y"}])])
    encoded = points.encode(folded, metadata_of(folded))
    assert [field.type for field in encoded.fields] == ["events"]
    assert len(encoded.summaries) == 256
    assert rows_of(points.decode(encoded.data)) == [{"f0": 1}, *wide, {"x": "y"}]


def test_fields_spread_over_many_buckets_become_whole_events_too() -> None:
    parts = [bucket(number, [{f"f{number}": number}]) for number in range(WIDE + 1)]
    folded = points.fold(parts)
    back = points.decode(points.encode(folded, metadata_of(folded)).data)
    assert rows_of(back) == [{f"f{number}": number} for number in range(WIDE + 1)]


def test_packed_columns_of_log_many_keep_their_width_and_shape() -> None:
    import numpy as np

    single = np.array([0.1, math.nan, -0.0], "<f4")
    poses = np.arange(36, dtype="<f8")
    columns = [
        Column("single", "float32", single.tobytes()),
        Column("pose", "float64", poses.tobytes(), None, (3, 4)),
        Column("flag", "bool", b"\1\0\1"),
    ]
    part = Cold(first_index=0, count=3, times=pack_times([1.0, 2.0, 3.0]), columns=columns)
    encoded = points.encode(part, metadata_of(part))
    assert [(field.type, field.shape) for field in encoded.fields] == [
        ("float32", ()),
        ("float64", (3, 4)),
        ("bool", ()),
    ]
    assert points.decode(encoded.data).columns == columns


@pytest.mark.parametrize("count", [1, 500, 501, 10_000])
def test_other_tools_read_typed_columns_sorted_by_index(count: int) -> None:
    rows = [
        {"loss": 1 / (1 + row), "epoch": row // 100, "pose": [1.0, 2.0], "tag": "a", "note": None}
        for row in range(count)
    ]
    folded = points.fold(cut(rows, [7, 300, 4_000], 20_000))
    data = points.encode(folded, METADATA).data
    table = pq.read_table(pa.BufferReader(data))
    assert table.column_names == ["index", "time", "loss", "epoch", "pose", "tag", "note"]
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    assert kinds["index"] == kinds["epoch"] == pa.int64()
    assert kinds["time"] == kinds["loss"] == pa.float64()
    assert kinds["tag"] == pa.string()
    assert pa.types.is_list(kinds["pose"])
    assert table.column("index").to_pylist() == list(range(20_000, 20_000 + count))
    file = pq.ParquetFile(pa.BufferReader(data))
    assert file.metadata.row_group(0).sorting_columns[0].column_index == 0
    assert len(blocks_of(file.metadata.metadata)[0].array()) == -(-count // 500)


def test_an_object_says_whose_it_is() -> None:
    folded = points.fold([bucket(20_000, [{"loss": 1.0}])])
    data = points.encode(folded, METADATA).data
    assert read_metadata(data) == METADATA


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no parquet at all", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_bytes_that_are_no_chunk_are_said_to_be_damaged(damage: bytes) -> None:
    with pytest.raises(ChunkDamaged):
        points.decode(damage)


def test_parquet_of_another_maker_is_said_to_be_damaged() -> None:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"time": [1.0]}), out)
    with pytest.raises(ChunkDamaged, match=r"mldash\.fields"):
        points.decode(out.getvalue().to_pybytes())


def test_chunks_are_encoded_and_read_in_many_threads_at_once() -> None:
    """As the compactor and the API do; a codec shared by two threads would corrupt the heap."""
    rows = points.fold([bucket(0, [{"loss": row * 0.1, "tag": f"t{row}"} for row in range(2_000)])])
    sources = [Source(bytes([number % 251]) * 16, number, 1) for number in range(2_000)]
    metadata = structs.replace(metadata_of(rows), sources=sources)

    def there_and_back(_: int) -> bool:
        data = points.encode(rows, metadata).data
        return read_metadata(data).sources == sources and points.decode(data).times == rows.times

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(200)))
