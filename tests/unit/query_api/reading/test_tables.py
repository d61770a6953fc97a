"""Files of points and entries: a column a field, whatever the fields are called, in each format."""

import csv
import io
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash_api.exports import schemas
from mldash_api.exports.entries import entry_export
from mldash_api.exports.points import PointFormat, point_export
from mldash_api.exports.tables import ENTRY_OWN, POINT_OWN, Own, SchemaOf
from mldash_api.seam.rows import Rows
from mldash_compactor.chunks.parquet.parts import stored_as
from mldash_compactor.chunks.rows import Cold
from mldash_ingest.documents.columns import WIDE, columns_of_events, pack_times

Events = list[dict[str, Any]]
words = st.lists(
    st.sampled_from(["index", "createdAt", "timestamp", "time", "events", "_", "_", "field:", ""]), max_size=3
).map("".join)
events = st.lists(st.dictionaries(words, st.integers(-9, 9) | st.floats(-9, 9), max_size=6), min_size=1, max_size=5)


def rows_of(found: Events) -> Rows:
    times = pack_times([1_000.0 + at for at in range(len(found))])
    return Rows(Cold(first_index=0, count=len(found), times=times, columns=columns_of_events(found)), 0, len(found))


def schema_of(parts: list[Rows], own: Own) -> SchemaOf:
    schema = SchemaOf(None, own)
    for one in parts:
        schema.add([stored_as(column) for column in one.part.columns], [])
    return schema


def points_in(format: PointFormat, *parts: Events) -> bytes:
    rows = [rows_of(one) for one in parts]
    file = point_export(format, schema_of(rows, POINT_OWN).schema(), None, "null")
    return b"".join([*(file.piece([one]) for one in rows), file.finish()])


@settings(max_examples=60, deadline=None)
@given(events)
def test_every_field_of_a_point_has_a_column_of_its_own_in_every_format(found: Events) -> None:
    table = pa.ipc.open_stream(points_in("arrow", found)).read_all()
    parquet = pq.read_table(io.BytesIO(points_in("parquet", found)))
    names = {name for one in found for name in one}
    assert len(set(table.column_names)) == len(table.column_names) == len(names) + 2
    assert parquet.column_names == table.column_names
    assert table.column_names[:2] == ["index", "createdAt"]
    head, *lines = csv.reader(io.StringIO(points_in("csv", found).decode()))
    assert head == table.column_names
    for at, one in enumerate(found):
        row = table.slice(at, 1).to_pylist()[0]
        values = [row[name] for name in table.column_names[2:] if row[name] is not None]
        assert sorted(values) == sorted(one.values())
        assert sum(cell != "" for cell in lines[at]) == len(one) + 2


@settings(max_examples=60, deadline=None)
@given(events)
def test_every_field_of_an_entry_has_a_column_of_its_own_in_every_format(found: Events) -> None:
    rows = rows_of(found)
    about: Any = (None, [], None)
    schema = schema_of([rows], ENTRY_OWN)

    def written(format: Any) -> bytes:
        file = entry_export(format, "t", about, schema, None, "null")
        return file.piece([rows]) + file.finish()

    table = pq.read_table(io.BytesIO(written("parquet")))
    assert len(set(table.column_names)) == len({name for one in found for name in one}) + 1
    frames = msgspec.json.decode(written("mocap"))["frames"]
    lines = [msgspec.json.decode(line) for line in written("jsonl").splitlines()]
    for at, one in enumerate(found):
        assert len(frames[at]) == len(lines[at]) == len(one) + 1
        assert frames[at]["time"] == lines[at]["timestamp"] == 1_000.0 + at
        row = {name: value for name, value in table.slice(at, 1).to_pylist()[0].items() if value is not None}
        assert row == lines[at]


def test_whole_events_stand_in_a_column_beside_fields_of_any_name() -> None:
    """A field "events" of a narrow chunk, one with no name, and a chunk of more fields than have columns."""
    wide = {f"f{number}": number for number in range(WIDE + 1)}
    parts: list[Events] = [[{"events": 1, "": 2, "_events": 3}], [wide]]
    table = pa.ipc.open_stream(points_in("arrow", *parts)).read_all()
    assert table.column_names == ["index", "createdAt", "_events", "", "__events", "events"]
    first, second = table.drop_columns(["index", "createdAt"]).to_pylist()
    assert first == {"_events": 1, "": 2, "__events": 3, "events": None}
    assert msgspec.json.decode(second["events"]) == wide
    csv.field_size_limit(1 << 20)
    head, narrow, whole = csv.reader(io.StringIO(points_in("csv", *parts).decode()))
    assert (head, narrow[2:]) == (table.column_names, ["1", "2", "3", ""])
    assert msgspec.json.decode(whole[-1]) == wide


def test_a_file_says_no_least_and_greatest_value_of_floats() -> None:
    """They may hold NaN further on, when the head of the file is long gone."""
    data = points_in("parquet", [{"loss": 0.5, "step": 1, "pose": [0.5, 1.5]}], [{"loss": float("nan")}])
    group = pq.read_metadata(io.BytesIO(data)).row_group(0)
    found = {group.column(at).path_in_schema: group.column(at).is_stats_set for at in range(group.num_columns)}
    assert found == {"index": True, "createdAt": True, "loss": False, "step": True, "pose.list.element": False}


def test_numbers_of_both_kinds_are_float64_and_none_takes_the_type_of_what_stands_beside_it() -> None:
    table = pa.ipc.open_stream(points_in("arrow", [{"x": 0, "y": None}, {"x": 0.5}], [{"x": 3, "y": 1.5}])).read_all()
    assert (table.schema.field("x").type, table.schema.field("y").type) == (pa.float64(), pa.float64())
    assert table.select(["x", "y"]).to_pydict() == {"x": [0.0, 0.5, 3.0], "y": [None, None, 1.5]}


def test_the_least_integer_beside_floats_is_text_as_every_large_one() -> None:
    """Its negative is beyond 64 bits, so it is compared and not negated."""
    schema = SchemaOf(None, POINT_OWN)
    for values in ([-(2**63), 5], [0.5]):
        schemas._add_columns(schema, columns_of_events([{"a": value} for value in values]))
    assert [(one.type, one.json) for one in schema.schema().columns] == [(pa.large_string(), True)]
