"""Some rows and fields of a chunk, read alone, are what the whole chunk says of them; a broken byte never is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash_compactor.chunks import checksum, points
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.objects import Encoded
from mldash_compactor.chunks.parquet import columns as parquet
from mldash_compactor.chunks.parquet import pages
from mldash_compactor.chunks.parquet.pages import Plan, Span, Tail
from mldash_compactor.chunks.rows import Cold
from mldash_ingest.documents.columns import Column, pack_times

from .test_parquet_of_a_chunk import cut, events, exact, metadata_of, rows_of

FIRST = 20_000


def encode(rows: list[dict[str, Any]], page_rows: int, group_rows: int = 1 << 20) -> tuple[Cold, Encoded]:
    folded = points.fold(cut(rows, []))
    with pytest.MonkeyPatch.context() as patch:  # so that a few rows make many pages
        patch.setattr(parquet, "PAGE_ROWS", page_rows)
        patch.setattr(parquet, "ROW_GROUP_BYTES", group_rows)
        return folded, points.encode(folded, metadata_of(folded))


def tail_of(encoded: Encoded) -> Tail:
    return pages.read_tail(len(encoded.data), encoded.data[-encoded.tail_bytes :])


def fetch(encoded: Encoded, plan: Plan) -> dict[Span, bytes]:
    return {span: encoded.data[span.start : span.stop] for span in plan.spans}


@settings(max_examples=150, deadline=None)
@given(events, st.integers(1, 7), st.integers(0, 40), st.integers(1, 40), st.sampled_from([64, 1 << 20]), st.data())
def test_any_rows_and_fields_are_those_of_the_whole(
    rows: list[dict[str, Any]], page_rows: int, begin: int, count: int, group_bytes: int, data: st.DataObject
) -> None:
    _, encoded = encode(rows, page_rows, group_bytes)
    begin = min(begin, len(rows) - 1)
    end = min(begin + count, len(rows))
    names = sorted({name for row in rows for name in row})
    fields = data.draw(st.none() | st.lists(st.sampled_from(names), unique=True) if names else st.none())
    tail = tail_of(encoded)
    plan = pages.plan(tail, fields, range(FIRST + begin, FIRST + end))
    assert plan is not None
    found = pages.decode(tail, plan, fetch(encoded, plan))
    whole = points.decode(encoded.data, fields)
    assert (found.first_index, found.end_index, found.row_count) == (FIRST + begin, FIRST + end, end - begin)
    assert found.times == whole.times[begin * 8 : end * 8]
    assert [exact(row) for row in rows_of(found)] == [exact(row) for row in rows_of(whole)[begin:end]]


@settings(max_examples=60, deadline=None)
@given(events, st.integers(1, 7))
def test_without_indices_all_rows_come(rows: list[dict[str, Any]], page_rows: int) -> None:
    _, encoded = encode(rows, page_rows)
    plan = pages.plan(tail_of(encoded), None, None)
    assert plan is not None
    found = pages.decode(tail_of(encoded), plan, fetch(encoded, plan))
    assert [exact(row) for row in rows_of(found)] == [exact(row) for row in rows]


ROWS = [
    {"loss": row / 7, "step": row, "tag": f"t{row % 3}", "pose": [row / 3, 0.5], "any": row % 2 or None}
    for row in range(40)
]


def test_no_broken_byte_of_the_pages_goes_unnoticed() -> None:
    """Every byte that is fetched is changed in turn, header or data: an error, or the same rows."""
    _, encoded = encode(ROWS, 8)
    tail = tail_of(encoded)
    plan = pages.plan(tail, None, range(FIRST + 10, FIRST + 20))
    assert plan is not None
    fetched = fetch(encoded, plan)
    right = [exact(row) for row in rows_of(pages.decode(tail, plan, fetched))]
    wanted = {at for piece in plan.pieces for span in (piece.dictionary, piece.span) for at in range(*span)}
    caught = 0
    for span, data in fetched.items():
        for at in range(len(data)):
            if span.start + at not in wanted:
                continue
            broken = bytearray(data)
            broken[at] ^= 1 << at % 8
            try:
                found = pages.decode(tail, plan, {**fetched, span: bytes(broken)})
            except ChunkDamaged:
                caught += 1
            else:
                assert [exact(row) for row in rows_of(found)] == right, f"byte {span.start + at}"
    assert caught > len(wanted) * 0.9


def test_a_broken_tail_is_found_by_its_checksum() -> None:
    _, encoded = encode(ROWS, 8)
    tail = bytearray(encoded.data[-encoded.tail_bytes :])
    right = checksum.crc32c(bytes(tail))
    tail[len(tail) // 2] ^= 1
    with pytest.raises(ChunkDamaged, match="CRC32C"):
        checksum.check("key", bytes(tail), right)


def test_a_thousand_rows_of_a_vector_are_a_tenth_of_the_bytes() -> None:
    vectors = np.random.default_rng(1).normal(size=(10_000, 64))
    column = Column("features", "float64", vectors.astype("<f8").tobytes(), None, (64,))
    rows = Cold(first_index=0, count=10_000, times=pack_times(np.arange(10_000.0).tolist()), columns=[column])
    encoded = points.encode(rows, metadata_of(rows))
    tail = tail_of(encoded)
    plan = pages.plan(tail, ["features"], range(4_000, 5_000))
    assert plan is not None
    assert plan.total_bytes + encoded.tail_bytes < len(encoded.data) / 6
    found = pages.decode(tail, plan, fetch(encoded, plan))
    assert found.columns[0].data == vectors[4_000:5_000].astype("<f8").tobytes()
