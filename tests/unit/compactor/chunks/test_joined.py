"""Chunks that share an object: one Parquet file for every tool, and each chunk's bytes what they were."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash_compactor.chunks import points
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.errors import ChunkDamaged, FilesDiffer
from mldash_compactor.chunks.joined import fit_together, join
from mldash_compactor.chunks.objects import Encoded
from mldash_compactor.chunks.parquet import footer, thrift
from mldash_compactor.chunks.parquet.metadata import Metadata, blocks_of
from mldash_compactor.chunks.parquet.mixed_types import Field
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.summaries import FIELD_LIMIT, UNKNOWN, block_type
from mldash_ingest.documents.columns import columns_of_events, events_of_columns, pack_times

ROWS = 40

fields = {
    "loss": st.floats(),
    "epoch": st.integers(-3, 3),
    "pose": st.lists(st.floats(), min_size=3, max_size=3),
    "grid": st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=2, max_size=2),
    "tag": st.text(max_size=3),
    "flag": st.booleans(),
    "a.b": st.floats(),
    "index": st.integers(0, 5),
}


def chunk(k: int, rows: list[dict[str, Any]], known: Sequence[Field] = ()) -> Encoded:
    first = k * len(rows)
    cold = Cold(
        first_index=first,
        count=len(rows),
        times=pack_times([1_000.0 + first + row for row in range(len(rows))]),
        columns=columns_of_events(rows),
    )
    about = Metadata(
        prefix="o/p",
        kind="metrics",
        name="n",
        stream=bytes(range(16)),
        generation=0,
        k=k,
        first_index=first,
        end_index=first + len(rows),
        sources=[],
        cuts=[],
    )
    return points.encode(cold, about, known)


@st.composite
def neighbours(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Chunks with fields of one type each, of which any may lack any."""
    found = []
    for _ in range(draw(st.integers(2, 4))):
        names = draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=5))
        row = st.fixed_dictionaries({}, optional={name: fields[name] for name in names})
        found.append(draw(st.lists(row, min_size=5, max_size=5)))
    return found


@settings(max_examples=60)
@given(neighbours())
def test_a_joined_object_is_one_file_with_the_rows_of_all(chunks: list[list[dict[str, Any]]]) -> None:
    encoded = [chunk(k, rows) for k, rows in enumerate(chunks)]
    count = fit_together([one.fields for one in encoded])
    parts = [one.data for one in encoded[:count]]
    made = join(parts)
    tables = [pq.read_table(pa.BufferReader(part)) for part in parts]
    table = pq.read_table(pa.BufferReader(made.data))
    expected = pa.concat_tables(tables, promote_options="default").select(table.column_names)
    for name in table.column_names:  # NaN are equal here
        assert repr(table.column(name).to_pylist()) == repr(expected.column(name).to_pylist())
    assert table.schema.names == list(dict.fromkeys(name for one in tables for name in one.schema.names))


@settings(max_examples=60)
@given(neighbours())
def test_each_chunk_of_a_joined_object_is_still_a_file_by_itself(chunks: list[list[dict[str, Any]]]) -> None:
    encoded = [chunk(k, rows) for k, rows in enumerate(chunks)]
    parts = [one.data for one in encoded[: fit_together([one.fields for one in encoded])]]
    made = join(parts)
    for rows, part, offset in zip(chunks, parts, made.offsets, strict=False):
        own = made.data[offset : offset + len(part)]
        assert crc32c(own) == crc32c(part)
        back = points.decode(own)
        assert repr(events_of_columns(back.columns, back.row_count)) == repr(
            events_of_columns(columns_of_events(rows), len(rows))
        )


some_value = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(), st.booleans(), st.text(max_size=3), st.none())
changing = st.lists(some_value, min_size=4, max_size=4).filter(
    lambda values: len({*map(type, values)} & {str, bool, int}) > 1
)
whole = st.integers(-(2**53), 2**53)
number_kinds = st.lists(whole, min_size=4, max_size=4) | st.lists(whole | st.floats(), min_size=4, max_size=4)


@settings(max_examples=60)
@given(st.lists(changing, min_size=2, max_size=4))
def test_chunks_in_which_a_fields_type_changes_share_an_object_and_every_value_is_exact(
    chunks: list[list[Any]],
) -> None:
    """1, 1.0, True and "1" are four values; in each chunk there are two types at least."""
    encoded = [chunk(k, [{"x": value} for value in values]) for k, values in enumerate(chunks)]
    assert fit_together([one.fields for one in encoded]) == len(chunks)
    made = join([one.data for one in encoded])
    assert pq.read_table(pa.BufferReader(made.data)).num_rows == sum(map(len, chunks))
    for values, one, offset in zip(chunks, encoded, made.offsets, strict=True):
        back = points.decode(made.data[offset : offset + len(one.data)])
        assert repr(events_of_columns(back.columns, back.row_count)) == repr([{"x": value} for value in values])


@settings(max_examples=60)
@given(st.lists(number_kinds, min_size=1, max_size=3))
def test_integers_and_floats_share_an_object_whichever_chunk_they_come_in(chunks: list[list[Any]]) -> None:
    """The first chunk has floats; each later one knows how those before it store the field. 0 and 0.0 are two."""
    known: list[Field] = []
    encoded = []
    for k, values in enumerate([[0.5] * 4, *chunks]):
        encoded.append(chunk(k, [{"x": value} for value in values], known))
        known = encoded[-1].fields
    assert fit_together([one.fields for one in encoded]) == len(encoded)
    made = join([one.data for one in encoded])
    table = pq.read_table(pa.BufferReader(made.data))
    assert table.schema.field("x").type == pa.float64()
    for values, one, offset in zip([[0.5] * 4, *chunks], encoded, made.offsets, strict=True):
        back = points.decode(made.data[offset : offset + len(one.data)])
        assert repr(events_of_columns(back.columns, back.row_count)) == repr([{"x": value} for value in values])


def test_a_type_that_changes_from_chunk_to_chunk_ends_the_object() -> None:
    encoded = [chunk(k, [{"x": value}]) for k, value in enumerate((1.0, "1", 2.0))]
    assert fit_together([one.fields for one in encoded]) == 1


@pytest.mark.parametrize("size", [1, 999, 1_000, 1_001, 10_000])
def test_offset_indexes_of_a_joined_object_say_where_the_pages_are(size: int) -> None:
    """Each page's place and first row, checked against the page that stands there."""
    parts = [chunk(k, [{"loss": 1.0 / (1 + row), "tag": "x"} for row in range(size)]).data for k in range(3)]
    made = join(parts)
    for group, (part, offset) in enumerate(zip(parts, made.offsets, strict=True)):
        before = footer.read_footer(part).row_groups[0][1].value.items
        after = footer.read_footer(made.data).row_groups[group][1].value.items
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            old_index, _ = thrift.decode(part, old[4].value)
            new_index, end = thrift.decode(made.data, new[4].value)
            assert end == new[4].value + new[5].value
            pages = zip(old_index[1].value.items, new_index[1].value.items, strict=True)
            for page, moved in pages:
                length = page[2].value
                assert moved[3] == page[3]
                assert (
                    made.data[moved[1].value : moved[1].value + length] == part[page[1].value : page[1].value + length]
                )
                assert moved[1].value == page[1].value + offset
            column_index, _ = thrift.decode(part, old[6].value)
            assert thrift.decode(made.data, new[6].value)[0] == column_index


def test_statistics_of_row_groups_stay_so_that_tools_skip_what_they_need_not() -> None:
    made = join([chunk(k, [{"loss": float(k)} for _ in range(ROWS)]).data for k in range(3)])
    metadata = pq.read_metadata(pa.BufferReader(made.data))
    spans = [metadata.row_group(group).column(0).statistics for group in range(3)]
    assert [(one.min, one.max) for one in spans] == [(0, 39), (40, 79), (80, 119)]
    found = pq.read_table(pa.BufferReader(made.data), filters=[("index", ">=", 75), ("index", "<", 85)])
    assert found.column("index").to_pylist() == list(range(75, 85))


def test_finer_summaries_of_all_chunks_stand_together() -> None:
    size = 1_200
    rows = [[{"loss": float(row * k), **({"eval": row} if k == 1 else {})} for row in range(size)] for k in range(3)]
    encoded = [chunk(k, one) for k, one in enumerate(rows)]
    made = join([one.data for one in encoded])
    own = [blocks_of(pq.read_metadata(pa.BufferReader(one.data)).metadata) for one in encoded]
    loss, evaluation = _blocks(made.data, made.joined.blocks_offset)
    expected = np.concatenate([blocks[0].array() for blocks in own])
    assert [name for name, *_ in (loss, evaluation)] == ["loss", "eval"]
    assert loss[1]["max"].tolist() == expected["max"].tolist()
    assert loss[1]["max_row"].tolist() == [0, 500, 1_000, 1_699, 2_199, 2_399, 2_899, 3_399, 3_599]
    assert evaluation[1]["count"].tolist() == [0, 0, 0, 500, 500, 200, 0, 0, 0]
    assert evaluation[1]["nan_count"].tolist() == [0] * 9


def test_a_field_that_a_chunk_left_out_for_the_limit_is_unknown_there() -> None:
    many = {f"f{number}": 1.0 for number in range(FIELD_LIMIT)}
    made = join([chunk(0, [{"late": 1.0}]).data, chunk(1, [{**many, "late": 2.0}]).data])
    found = dict(_blocks(made.data, made.joined.blocks_offset))
    assert found["late"]["nan_count"].tolist() == [0, UNKNOWN]


def test_fields_of_two_types_do_not_fit_together() -> None:
    loss, step = Field("loss", "float64"), Field("step", "int64")
    assert fit_together([[loss], [loss, step], [step]]) == 3
    assert fit_together([[loss], [Field("loss", "int64")], [loss]]) == 1
    assert fit_together([[loss], [loss], [Field("loss", "values")]]) == 2
    none = Field("note", "string", (), "none")
    assert fit_together([[none], [none]]) == 2
    assert fit_together([[loss, none], [loss]]) == 1  # its null would mean None in one and absent in the other
    assert fit_together([[loss], [loss, none]]) == 1
    assert fit_together([[Field("", "events")], [Field("", "events")], [loss]]) == 2
    with pytest.raises(FilesDiffer, match="loss"):
        join([chunk(0, [{"loss": 1.0}]).data, chunk(1, [{"loss": 1}]).data])


def test_a_footer_is_written_as_it_was_read_byte_for_byte() -> None:
    data = chunk(0, [{"loss": 1.5, "tag": "x", "pose": [1.0, 2.0], "flag": True}] * 2_000).data
    length = int.from_bytes(data[-8:-4], "little")
    raw = data[-8 - length : -8]
    fields_read, end = thrift.decode(raw)
    assert end == length
    assert thrift.encode(fields_read) == raw


@given(st.binary(max_size=60))
def test_bytes_that_are_no_footer_are_said_to_be_damaged(data: bytes) -> None:
    with contextlib.suppress(ChunkDamaged):
        thrift.decode(data)
    with pytest.raises(ChunkDamaged):
        footer.read_footer(data)


def _blocks(data: bytes, at: int) -> list[tuple[str, Any]]:
    length = int.from_bytes(data[at : at + 4], "little")
    start = at + 8 + length
    return [
        (
            name,
            np.frombuffer(
                zstandard.ZstdDecompressor().decompress(data[start + offset : start + offset + size]),
                block_type(integer=integer),
            ),
        )
        for name, integer, offset, size in msgspec.msgpack.decode(data[at + 8 : start])
    ]


def test_a_joined_object_says_whose_it_is_and_where_its_chunks_lie() -> None:
    parts = [chunk(k, [{"loss": 1.0}] * ROWS).data for k in range(3)]
    made = join(parts)
    text = pq.read_metadata(io.BytesIO(made.data)).metadata
    assert (text[b"mldash.prefix"], text[b"mldash.range"]) == (b"o/p", b"0-120")
    assert msgspec.json.decode(text[b"mldash.chunks"]) == [
        [k, offset, len(part), crc32c(part)] for k, (offset, part) in enumerate(zip(made.offsets, parts, strict=True))
    ]
