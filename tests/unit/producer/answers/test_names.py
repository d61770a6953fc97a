"""However fields are called, no two of them become one in an answer, and none takes the place of the answer's own."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.columns import parquet_bytes, rows_of_table
from mldash.answers.names import (
    ENTRY_COLUMNS,
    FRAME_COLUMNS,
    POINT_COLUMNS,
    escaped,
    sent_entry,
    shown_entry_field,
    stored_entry_field,
)
from mldash.answers.nan_statistics import holds_nan

RESERVED = sorted({*POINT_COLUMNS, *ENTRY_COLUMNS, *FRAME_COLUMNS, "events"})
words = st.lists(st.sampled_from([*RESERVED, "_", "_", "field:", "x", ""]), max_size=4).map("".join)


@pytest.mark.parametrize("own", [POINT_COLUMNS, ENTRY_COLUMNS, FRAME_COLUMNS, (*POINT_COLUMNS, "events")])
@given(names=st.sets(words, max_size=12))
def test_escaped_names_meet_neither_one_another_nor_the_answers_own(own: tuple[str, ...], names: set[str]) -> None:
    made = [escaped(name, own) for name in names]
    assert len(set(made)) == len(names)
    assert not set(made) & set(own)


@given(st.sets(words, max_size=12))
def test_stored_entries_are_shown_under_names_of_their_own(names: set[str]) -> None:
    """Whoever sent them; and a read that asks for a name gets that field."""
    shown = [shown_entry_field(name) for name in names]
    assert len(set(shown)) == len(names)
    assert not set(shown) & set(ENTRY_COLUMNS)
    assert [stored_entry_field(name) for name in shown] == list(names)


@given(st.sets(words, max_size=12))
def test_what_the_sdk_sends_is_shown_as_it_is_stored(names: set[str]) -> None:
    sent = sent_entry(dict.fromkeys(names))
    assert len(sent) == len(names)
    assert all(shown_entry_field(name) == name for name in sent if "field:" not in name)


def test_a_file_of_entries_says_no_least_and_greatest_value_of_a_column_with_nan() -> None:
    nan = float("nan")
    rows = [{"timestamp": 1.0, "x": nan, "y": 1.0, "pose": [0.0, nan]}, {"timestamp": 2.0, "x": 1.0, "y": 2.0}]
    data = parquet_bytes(rows, ("timestamp",))
    group = pq.read_metadata(io.BytesIO(data)).row_group(0)
    found = {group.column(at).path_in_schema: group.column(at).is_stats_set for at in range(group.num_columns)}
    assert found == {"timestamp": True, "x": False, "y": True, "pose.list.element": False}
    assert len(rows_of_table(pq.read_table(io.BytesIO(data)))) == 2


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1.0, None], pa.float64(), False),
        ([None, float("nan")], pa.float32(), True),
        ([None, [1.0, None], [float("nan")]], pa.list_(pa.float64()), True),
        ([[[1.0]], [[float("nan")]]], pa.large_list(pa.large_list(pa.float64())), True),
        ([[]], pa.list_(pa.float64()), False),
        (["nan"], pa.string(), False),
        ([None], pa.null(), False),
    ],
)
def test_nan_is_found_however_deep(values: list[object], kind: pa.DataType, expected: bool) -> None:
    assert holds_nan(pa.array(values, kind)) is expected
