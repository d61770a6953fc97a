"""Many chunks of a stream are one table for tools that know nothing of us: types do not change without need, columns do
not come and go, and no rows are left out for what statistics say."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from mldash_compactor.chunks import points
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.objects import Encoded, packed
from mldash_compactor.chunks.parquet import inherited, metadata, pages
from mldash_compactor.chunks.parquet.inherited import known_by_each, lacking
from mldash_compactor.chunks.parquet.mixed_types import Field
from mldash_compactor.chunks.parquet.names import column_name

from .test_parquet_of_a_chunk import bucket, exact, metadata_of, rows_of

Rows = list[dict[str, Any]]


def encode(rows: Rows, known: Sequence[Field] = ()) -> Encoded:
    folded = points.fold([bucket(0, rows)])
    return points.encode(folded, metadata_of(folded), known)


def table_of(encoded: Encoded) -> pa.Table:
    return pq.read_table(pa.BufferReader(encoded.data))


def chunks_of(*chunks: Rows) -> list[Encoded]:
    """As a compactor makes them, one after the other."""
    known: list[Field] = []
    made = []
    for rows in chunks:
        made.append(encode(rows, known))
        known = inherited.laid_over(known, made[-1].fields)
    return made


def test_a_whole_number_among_floats_leaves_the_column_float64_and_comes_back_as_it_was() -> None:
    rows: Rows = [{"loss": value} for value in (0.5, 0, -0.0, 2**53, float("nan"), -(2**53), 1, 1.0)]
    encoded = encode(rows)
    column = table_of(encoded).column("loss")
    assert column.type == pa.float64()
    assert repr(column.to_pylist()) == repr([float(row["loss"]) for row in rows])
    assert [exact(row) for row in rows_of(points.decode(encoded.data))] == [exact(row) for row in rows]


@pytest.mark.parametrize("odd", [2**53 + 1, -(2**53) - 1, 2**63 - 1, True, "0"])
def test_what_no_float64_holds_among_floats_is_exact_all_the_same(odd: Any) -> None:
    rows: Rows = [{"loss": 0.5}, {"loss": odd}, {"loss": 0}]
    encoded = encode(rows)
    assert [field.type for field in encoded.fields] == ["values"]
    assert [exact(row) for row in rows_of(points.decode(encoded.data))] == [exact(row) for row in rows]


def test_none_beside_absence_leaves_the_column_typed_and_both_come_back() -> None:
    rows: Rows = [{"loss": 0.5, "tag": "a"}, {"loss": None}, {}, {"loss": 1, "tag": None}]
    encoded = encode(rows)
    table = table_of(encoded)
    assert (table.column("loss").to_pylist(), table.column("tag").to_pylist()) == (
        [0.5, None, None, 1.0],
        ["a", None, None, None],
    )
    assert rows_of(points.decode(encoded.data)) == rows


def test_lists_of_both_kinds_of_numbers_are_lists_of_floats() -> None:
    rows: Rows = [{"pose": [0, 0.5, 1.0]}, {}, {"pose": None}, {"pose": [1.5, 2, 3]}]
    encoded = encode(rows)
    assert table_of(encoded).column("pose").to_pylist() == [[0.0, 0.5, 1.0], None, None, [1.5, 2.0, 3.0]]
    assert [exact(row) for row in rows_of(points.decode(encoded.data))] == [exact(row) for row in rows]


def test_a_field_that_is_none_all_over_a_chunk_is_no_obstacle_to_its_type_in_the_next() -> None:
    first, second, third = chunks_of([{"val": None}, {}], [{"val": 0.5}], [{"val": None}])
    schemas = [table_of(one).schema for one in (first, second, third)]
    assert pa.unify_schemas(schemas, promote_options="permissive").field("val").type == pa.float64()
    assert schemas[2].field("val").type == pa.float64()
    assert [rows_of(points.decode(one.data)) for one in (first, second, third)] == [
        [{"val": None}, {}],
        [{"val": 0.5}],
        [{"val": None}],
    ]


def test_a_field_that_was_float64_stays_so_in_a_chunk_of_integers() -> None:
    chunks: list[Rows] = [[{"loss": 0.5}], [{"loss": 0}, {"loss": 3}, {}], [{"loss": 2**60}]]
    made = chunks_of(*chunks)
    assert [table_of(one).schema.field("loss").type for one in made] == [pa.float64(), pa.float64(), pa.int64()]
    for rows, one in zip(chunks, made, strict=True):
        assert [exact(row) for row in rows_of(points.decode(one.data))] == [exact(row) for row in rows]


def test_a_chunk_has_the_columns_of_those_before_it_and_no_field_that_it_has_not() -> None:
    made = chunks_of([{"loss": 0.5, "tag": "a", "pose": [1.0, 2.0]}], [{"step": 1}], [{"loss": 1.5}])
    assert [table_of(one).column_names[2:] for one in made] == [
        ["loss", "tag", "pose"],
        ["step", "loss", "tag", "pose"],
        ["loss", "tag", "pose", "step"],
    ]
    first, second = (table_of(one).schema for one in made[:2])
    assert [second.field(name).type for name in first.names] == first.types
    assert table_of(made[1]).select(["loss", "tag", "pose"]).to_pylist() == [{"loss": None, "tag": None, "pose": None}]
    assert rows_of(points.decode(made[1].data)) == [{"step": 1}]
    assert points.decode(made[1].data, ["loss", "step"]).columns == points.decode(made[1].data).columns
    live = Live(key="k", end=1, crc32c=0, bytes=1, schema=packed(made[1].fields), summaries=b"", t0=0.0, t1=0.0)
    assert [field.name for field in live.fields()] == ["step"]
    assert [field.name for field in live.stored_fields()] == ["step", "loss", "tag", "pose"]


def test_a_chunk_inherits_so_many_columns_at_most_and_none_where_events_are_whole() -> None:
    many = [Field(f"f{number}", "float64") for number in range(inherited.LIMIT + 5)]
    assert len(lacking(many, [Field("f0", "float64")])) == inherited.LIMIT
    assert lacking(many, [Field("", "events")]) == []


fields = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.floats() | st.integers(-9, 9) | st.text(max_size=1) | st.none(), max_size=3
)


@given(st.lists(st.lists(fields, min_size=1, max_size=4), min_size=1, max_size=4))
def test_chunks_that_move_together_know_of_one_another_what_they_know_one_by_one(chunks: list[Rows]) -> None:
    """But for a type that becomes text or MessagePack on the way: then it is told apart in each."""
    parts = [[bucket(number * 10, rows)] for number, rows in enumerate(chunks)]
    together = known_by_each([], parts)
    so_far: list[Field] = []
    for rows, known in zip(chunks, together, strict=True):
        assert {field.name for field in known} == {field.name for field in so_far}
        encoded = encode(rows, known)
        assert [exact(row) for row in rows_of(points.decode(encoded.data))] == [exact(row) for row in rows]
        so_far = inherited.laid_over(so_far, encode(rows, so_far).fields)


FieldType010 = Literal["float64", "float32", "int64", "bool", "string", "values", "events"]


class Field010(Struct, frozen=True, array_like=True):
    """As version 0.1.0 reads it."""

    name: str
    type: FieldType010
    shape: tuple[int, ...] = ()
    nulls: Literal["absent", "none"] = "absent"


@pytest.mark.parametrize("rows", [[{"x": 0}, {"x": 0.5}], [{"x": None}, {"x": 0.5}, {}], [{"x": None}]])
def test_a_reader_of_0_1_refuses_what_it_would_read_wrongly(rows: Rows) -> None:
    """It has no types for numbers of both kinds, nor for nulls of both: the manifest and the object both say so."""
    encoded = encode(rows)
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(packed(encoded.fields), type=list[Field010])
    entries = metadata.entries_of(pq.read_metadata(pa.BufferReader(encoded.data)).metadata)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert([(one.name, one.type, one.shape, one.nulls) for one in entries], list[Field010])


def test_a_reader_of_0_1_takes_inherited_columns_for_absent_fields() -> None:
    _, second = chunks_of([{"loss": 0.5}], [{"step": 1}])
    seen = msgspec.msgpack.decode(packed(second.fields), type=list[Field010])
    assert seen == [Field010("step", "int64"), Field010("loss", "float64")]
    assert table_of(second).column("loss").null_count == 1


def test_what_a_newer_version_wrote_is_refused_by_name() -> None:
    live = Live(
        key="o/key", end=1, crc32c=0, bytes=1, schema=msgspec.msgpack.encode([["x", "decimal"]]), summaries=b"",
        t0=0.0, t1=0.0,
    )  # fmt: skip
    with pytest.raises(ChunkDamaged, match=r"o/key.*newer version"):
        live.fields()
    text = {b"mldash.schema": b"1.7", b"mldash.fields": b'[{"name":"x","column":"x","type":"decimal"}]'}
    with pytest.raises(ChunkDamaged, match=r"newer version, of schema 1\.7"):
        metadata.fields_of(text)


@pytest.mark.parametrize("name", ["owner", "project", "experiment", "gen", "stream", "Owner", "INDEX", "time", ""])
def test_a_field_called_as_a_part_of_the_key_stands_in_a_column_of_its_own_name(name: str) -> None:
    encoded = encode([{name: "mine"}])
    assert table_of(encoded).column_names == ["index", "time", f"field:{name}"]
    assert rows_of(points.decode(encoded.data)) == [{name: "mine"}]


words = st.lists(st.sampled_from(["field:", "FIELD:", "owner", "index", "", "x", "Time"]), max_size=4).map("".join)


@given(st.sets(words, max_size=8))
def test_no_two_fields_have_one_column(names: set[str]) -> None:
    assert len({column_name(name) for name in names}) == len(names)
    assert not {column_name(name).casefold() for name in names} & {"index", "time", "owner", "events", ""}


def statistics_of(data: bytes) -> dict[str, Any]:
    group = pq.read_metadata(pa.BufferReader(data)).row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    return {
        one.path_in_schema: (one.is_stats_set and one.statistics.has_min_max, one.has_column_index) for one in columns
    }


def test_a_column_that_holds_nan_has_no_least_and_greatest_value() -> None:
    """Neither of its rows nor of its pages: readers would leave out rows by them. Others keep theirs."""
    nan = float("nan")
    rows: Rows = [
        {"loss": nan if row == 7 else row / 2, "ok": row / 2, "pose": [0.0, nan], "step": row} for row in range(50)
    ]
    encoded = encode(rows)
    assert statistics_of(encoded.data) == {
        "index": (True, True),
        "time": (True, True),
        "loss": (False, False),
        "ok": (True, True),
        "pose.list.element": (False, False),
        "step": (True, True),
    }
    tail = pages.read_tail(len(encoded.data), encoded.data[-encoded.tail_bytes :])
    plan = pages.plan(tail, ["loss"], range(9))
    assert plan is not None
    found = pages.decode(tail, plan, {span: encoded.data[span.start : span.stop] for span in plan.spans})
    assert np.isnan(np.frombuffer(found.columns[0].data)).tolist() == [False] * 7 + [True, False]
