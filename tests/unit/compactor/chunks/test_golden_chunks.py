"""Committed chunks of every column type: read to exactly their rows, and written today with the same layout.

The bytes of pages and footers are the Parquet library's, and change with its version; what is compared is what readers
see: the schema, the metadata, and of each column its encodings, its compression, its statistics and its page index.
"""

import base64
import math
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from mldash_compactor.chunks import entries, points
from mldash_compactor.chunks.objects import read_metadata
from mldash_compactor.chunks.parquet.columns import Reading
from mldash_compactor.chunks.parquet.metadata import Metadata, fields_of, marks_of
from mldash_compactor.chunks.parquet.mixed_types import Field
from mldash_compactor.chunks.rows import Cold
from mldash_ingest.documents.buckets import Source
from mldash_ingest.documents.columns import ABSENT, Column, pack_events, pack_sparse, pack_times

GOLDEN = Path(__file__).parents[2] / "golden"
PACKED = ("marks", "sources", "cuts", "summaries")
KNOWN = [
    Field("early", "float64"),
    Field("early_pose", "float32", (3,)),
    Field("early_note", "string"),
    Field("early_good", "bool"),
    Field("early_step", "int64"),
    Field("early_mix", "numbers"),
    Field("early_any", "values"),
    Field("early_none", "none"),
    Field("widened", "float64"),
]
_ = ABSENT
VALUES: dict[str, list[Any]] = {
    "loss": [0.5, 0.25, -0.0, math.inf],
    "grad": [1.0, math.nan, 2.0, -1.0],
    "epoch": [1, 2, 2**63 - 1, -(2**63)],
    "good": [True, False, True, True],
    "tag": ["a", "größe", "a", ""],
    "position": [[1.0, 2.0], [3.0, 4.0], [5.0, math.nan], [-0.0, 8.0]],
    "matrix": [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]], [[0, 0], [0, 0]]],
    "mixed": [1, 1.0, 2**53, -0.0],
    "mixed_pair": [[1, 1.0], [2.0, 2], [3, 3], [4.5, 0]],
    "widened": [1, 2, 3, 4],
    "sometimes": [_, 0.5, _, 1.5],
    "none_or_number": [None, 1.0, None, 2.0],
    "none_or_text": [None, _, "x", "y"],
    "none_or_mixed": [1, _, None, 2.5],
    "only_none": [None, None, None, None],
    "none_or_absent": [None, _, None, _],
    "any": [1, "1", True, {"k": [b"\0\xff", None]}],
    "long_or_short": [[1.0], [1.0, 2.0], [], [3.0]],
    "index": [4, 3, 2, 1],
    "a.b": [1.0, 2.0, 3.0, 4.0],
}
EVENTS: list[dict[str, Any]] = [
    {f"f{number}": number for number in range(3)},
    {"text": "größe"},
    {},
    {"f0": math.nan, "f1": None},
]
POSES = Column("pose", "float32", b"\0\0\x80\x3f" * 12, None, (3,))


def rows(first_index: int, columns: list[Column]) -> Cold:
    return Cold(
        first_index=first_index, count=4, times=pack_times([1_000.5, 1_001.0, 1_002.25, 1_003.0]), columns=columns
    )


def about(kind: str, name: str | None, k: int) -> Metadata:
    return Metadata(
        prefix="owner/project/größe/run",
        kind=kind,
        name=name,
        stream=bytes(range(16)),
        generation=3,
        k=k,
        first_index=k * 10_000,
        end_index=k * 10_000 + 4,
        sources=[Source(b"s" * 16, 7, 3), Source(b"t" * 16, 0, 1)],
        cuts=[k * 10_000, k * 10_000 + 3],
    )


TYPED = [POSES, *(pack_sparse(name, values) for name, values in VALUES.items())]
CASES: dict[str, tuple[Any, Cold, Metadata, list[Field]]] = {
    "metrics": (points, rows(20_000, TYPED), about("metrics", None, 2), KNOWN),
    "metrics_wide": (points, rows(0, [pack_events(EVENTS)]), about("metrics", "wide", 0), []),
    "tracks": (entries, rows(0, TYPED), about("tracks", "robot/position", 0), KNOWN),
}


def golden(case: str) -> bytes:
    return (GOLDEN / f"chunk_v1_1_{case}.parquet").read_bytes()


def written(case: str) -> bytes:
    kind, cold, metadata, known = CASES[case]
    data: bytes = kind.encode(cold, metadata, known).data
    return data


def text(data: bytes) -> dict[str, Any]:
    """The key-value metadata; what is compressed, as it was before."""
    found = pq.ParquetFile(pa.BufferReader(data)).metadata.metadata or {}
    plain: dict[str, Any] = {key.decode(): value.decode() for key, value in found.items()}
    for key in (f"mldash.{name}" for name in PACKED):
        if key in plain:
            plain[key] = zstandard.ZstdDecompressor().decompress(base64.b64decode(plain[key]))
    return plain


def layout(data: bytes) -> dict[str, Any]:
    """Of each column what a reader sees of it before it reads its values."""
    footer = pq.ParquetFile(pa.BufferReader(data)).metadata
    assert footer.num_row_groups == 1
    group = footer.row_group(0)
    columns = {}
    for number in range(group.num_columns):
        chunk, leaf = group.column(number), footer.schema.column(number)
        statistics = chunk.statistics
        columns[chunk.path_in_schema] = (
            (leaf.physical_type, str(leaf.logical_type), leaf.max_definition_level, leaf.max_repetition_level),
            (sorted(set(chunk.encodings)), chunk.compression, chunk.num_values, chunk.has_dictionary_page),
            repr(statistics and (statistics.has_min_max and (statistics.min, statistics.max), statistics.null_count)),
            (chunk.has_column_index, chunk.has_offset_index),
        )
    return {"sorted by": group.sorting_columns, "rows": group.num_rows, "columns": columns}


@pytest.mark.parametrize("case", CASES)
def test_a_committed_chunk_is_read_to_exactly_its_rows(case: str) -> None:
    kind, cold, metadata, _ = CASES[case]
    found = kind.decode(golden(case))
    assert repr(facts(found)) == repr(facts(cold))
    assert read_metadata(golden(case)) == metadata


@pytest.mark.parametrize("case", CASES)
def test_a_chunk_is_laid_out_as_the_committed_one(case: str) -> None:
    """Schema, key-value metadata, encodings, compression, statistics, page indexes."""
    old, new = golden(case), written(case)
    assert text(new) == text(old)
    assert layout(new) == layout(old)
    assert pq.read_schema(pa.BufferReader(new)).equals(pq.read_schema(pa.BufferReader(old)))


def test_the_committed_chunks_have_every_type_of_column_and_both_kinds_of_marks() -> None:
    """A new type of column has to come into these files too."""
    seen, nulls = set(), set()
    for case in CASES:
        for field, _ in fields_of(Reading(golden(case)).text):
            seen.add(field.type)
            nulls.add(field.nulls)
    assert seen == set(msgspec.inspect.type_info(Field).fields[1].type.values)  # type: ignore[attr-defined]
    assert nulls == set(msgspec.inspect.type_info(Field).fields[3].type.values)  # type: ignore[attr-defined]
    marks = marks_of(Reading(golden("metrics")).text)
    assert {name for name, one in marks.items() if one.integers} == {"mixed", "mixed_pair", "widened", "none_or_mixed"}
    assert {name for name, one in marks.items() if one.nones} == {"none_or_text", "none_or_mixed", "none_or_absent"}


def test_the_committed_chunk_says_which_columns_it_inherited_and_has_no_least_value_beside_nan() -> None:
    data = golden("metrics")
    entries = msgspec.json.decode(text(data)["mldash.fields"])
    inherited = [entry["name"] for entry in entries if entry.get("inherited")]
    assert inherited == [field.name for field in KNOWN if field.name != "widened"]
    columns = layout(data)["columns"]
    without = {path for path, (_, _, statistics, _) in columns.items() if statistics.startswith(("None", "(False"))}
    assert {"grad", "position.list.element"} <= without
    assert not {"loss", "epoch", "tag", "mixed"} & without


def facts(cold: Cold) -> list[Any]:
    """All of the rows; a repr of it tells 1, 1.0 and True, the zeros and NaN apart."""
    columns = [(one.name, one.values(cold.row_count)) for one in cold.columns]
    return [cold.first_index, cold.count, cold.times, columns]
