"""Summaries over many chunks say what one summary over all of their rows would say."""

from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash_compactor.chunks.levels import FAN, LEVELS, RECORDS, Block, block_id, coarsen, of_blocks, of_chunks, unknown
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.summaries import FIELD_LIMIT, PLACES, UNKNOWN, FieldSummary, summarise
from mldash_ingest.documents.columns import ABSENT, pack_sparse

STREAM = bytes(range(16))
CHUNK = 10_000

values = st.lists(
    st.just(ABSENT) | st.floats() | st.sampled_from([float("inf"), float("-inf"), float("nan"), 0.0]),
    min_size=1,
    max_size=4,
)
integers = st.lists(st.just(ABSENT) | st.integers(-(2**62), 2**62), min_size=1, max_size=4)


def summaries_of(k: int, fields: dict[str, list[Any]]) -> list[FieldSummary]:
    rows = max(map(len, fields.values()), default=1)
    columns = [
        pack_sparse(name, [*found, *[ABSENT] * (rows - len(found))])
        for name, found in fields.items()
        if any(value is not ABSENT for value in found)
    ]
    return summarise(columns, np.arange(rows) + k * CHUNK + 0.5, k * CHUNK)[0]


def live(k: int, summaries: list[FieldSummary]) -> Live:
    return Live(
        key=f"k{k}", end=(k + 1) * CHUNK, crc32c=0, bytes=1, schema=b"\x90", t0=float(k), t1=k + 0.5,
        summaries=msgspec.msgpack.encode(summaries),
    )  # fmt: skip


def whole(parts: list[FieldSummary | None]) -> dict[str, Any] | None:
    """The fold of some chunks' summaries, by a plain loop."""
    there = [part for part in parts if part is not None and part.count]
    if not there:
        return None
    low, high = there[0].min, there[0].max
    assert low is not None
    assert high is not None
    for part in there[1:]:
        assert part.min is not None
        assert part.max is not None
        low = part.min if part.min.value < low.value else low
        high = part.max if part.max.value > high.value else high
    spots = {"first": there[0].first, "last": there[-1].last, "min": low, "max": high}
    return {"count": sum(part.count for part in there), **spots}


def check(record: Any, expected: dict[str, Any] | None) -> None:
    assert record["count"] == (expected["count"] if expected else 0)
    for place in PLACES if expected else ():
        spot = expected[place] if expected else None
        found = record[f"{place}_index"], record[f"{place}_time"], record[place]
        assert found == (spot.index, spot.time, spot.value)  # type: ignore[union-attr]


@settings(max_examples=40, deadline=None)
@given(st.lists(values, min_size=RECORDS, max_size=RECORDS) | st.lists(integers, min_size=RECORDS, max_size=RECORDS))
def test_a_level_says_of_its_chunks_what_a_loop_over_them_says(found: list[list[Any]]) -> None:
    chunks = {k: summaries_of(k, {"x": one}) for k, one in enumerate(found)}
    own = [chunks[k][0] if chunks[k] else None for k in range(RECORDS)]
    block = of_chunks(STREAM, 0, {k: live(k, one) for k, one in chunks.items()})
    if not block.fields:
        assert all(one is None for one in own)
        return
    [field] = block.fields
    records = field.array()
    for record, one in zip(records, own, strict=True):
        check(record, whole([one]))
        assert record["nan_count"] == (one.nan_count if one else 0)
    for row, record in enumerate(coarsen(records, FAN)):
        check(record, whole(own[row * FAN : (row + 1) * FAN]))


def test_a_coarser_block_is_that_of_its_ten_finer_ones() -> None:
    random = np.random.default_rng(3)
    finer, numbers = list[Block](), list[np.ndarray[Any, Any]]()
    for number in range(FAN):
        chunks = {}
        for k in range(number * RECORDS, (number + 1) * RECORDS):
            numbers.append(random.normal(size=5))
            chunks[k] = live(k, summaries_of(k, {"x": numbers[-1].tolist(), **({"n": [k]} if number == 4 else {})}))
        finer.append(of_chunks(STREAM, number, chunks))
    block = of_blocks(STREAM, 1, 0, finer)
    x, n = block.fields
    table = np.concatenate(numbers).reshape(RECORDS, -1)
    assert x.array()["min"].tolist() == table.min(axis=1).tolist()
    assert x.array()["last"].tolist() == table[:, -1].tolist()
    assert (n.integer, n.array()["count"].sum()) == (True, RECORDS)
    assert (block.first_index, block.end_index) == (0, LEVELS[1] * RECORDS)
    assert np.frombuffer(block.t0)[1] == 10.0
    assert not block.limited


def test_what_retention_took_and_what_was_left_out_for_the_limit_is_unknown() -> None:
    many = {f"f{number}": [1.0] for number in range(FIELD_LIMIT)}
    chunks = {k: live(k, summaries_of(k, {"x": [1.0]})) for k in range(2, RECORDS)}
    chunks[5] = live(5, summaries_of(5, {**many, "x": [9.0]}))
    block = of_chunks(STREAM, 0, chunks)
    x = next(field for field in block.fields if field.name == "x").array()
    assert x["nan_count"].tolist()[:7] == [UNKNOWN, UNKNOWN, 0, 0, 0, UNKNOWN, 0]
    assert block.limited
    coarse = of_blocks(STREAM, 1, 0, [unknown(STREAM, 0, 0), block, *[unknown(STREAM, 0, n) for n in range(2, FAN)]])
    assert {record["nan_count"] for record in coarse.fields[0].array()[:10]} == {UNKNOWN}


def test_ids_of_blocks_sort_by_stream_level_and_place() -> None:
    ids = [block_id(STREAM, level, number) for level in range(3) for number in (0, 1, 255, 256, 70_000)]
    assert ids == sorted(ids)
