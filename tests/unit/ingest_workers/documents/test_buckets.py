"""A bucket survives its document, and lies where its index says."""

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash_ingest.documents.buckets import Bucket, Source, bucket_id, first_index_of, from_document, to_document
from mldash_ingest.documents.columns import Column, columns_of_events, events_of_columns, pack_times

STREAM = b"s" * 16


def bucket(columns: list[Column], count: int = 2) -> Bucket:
    times = [float(row) for row in range(count)]
    return Bucket(
        stream=STREAM,
        kind="logs",
        first_index=70_000,
        count=count,
        sources=[Source(b"x" * 16, 4, count)],
        t0=times[0],
        t1=times[-1],
        times=pack_times(times),
        columns=columns,
        levels={"info": count},
    )


@pytest.mark.parametrize(
    "events",
    [
        [{"a": 1.5}, {"b": None}],
        [{"": "x", "$where": 1}, {"a.b": [1, {"c": b"\0"}]}],
        [{"text": "long " * 1_000}, {"text": "again " * 1_000}],
        [{}, {}],
    ],
)
def test_a_bucket_survives_its_document(events: list[dict[str, object]]) -> None:
    whole = bucket(columns_of_events(events))
    again = from_document(bson.decode(bson.encode(to_document(whole))))
    assert again == whole
    assert events_of_columns(again.columns, again.row_count) == events


def test_long_text_is_stored_compressed() -> None:
    whole = bucket(columns_of_events([{"text": "long " * 1_000}] * 2))
    assert len(bson.encode(to_document(whole))) < 1_000


@given(st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=2, unique=True))
def test_ids_sort_as_indices_do(indices: list[int]) -> None:
    first, second = indices
    assert (bucket_id(STREAM, first) < bucket_id(STREAM, second)) == (first < second)
    assert first_index_of(bucket_id(STREAM, first)) == first


def test_an_event_with_very_many_fields_stays_far_below_a_document() -> None:
    """A column has a cost of its own; whole events have it once."""
    wide = [{f"layer.{number}.weight": float(number) for number in range(10_000)}] * 10
    whole = bucket(columns_of_events(wide), count=10)
    assert len(bson.encode(to_document(whole))) < 4 << 20
    assert events_of_columns(whole.columns, 10) == wide
