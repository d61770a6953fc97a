"""The quick way to JSON gives the bytes of the plain one, whatever was logged."""

import math
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mldash_api.live.points_json import points_json
from mldash_api.points.points import points_of
from mldash_api.seam.rows import Rows
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.columns import columns_of_events, pack_times

numbers = st.one_of(
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.sampled_from((math.nan, math.inf, -0.0, 1e300, 1e-7)),
)
names = st.text(max_size=8) | st.sampled_from(("%s", "%", 'a"b', "é,", "a\\b"))
values = numbers | st.text(max_size=5) | st.none() | st.lists(st.floats(), max_size=3)


def rows_of(events: list[dict[str, Any]], first: int) -> Rows:
    times = [1_700_000_000.0 + at / 7 for at in range(len(events))]
    bucket = Bucket(
        stream=b"s" * 16,
        kind="metrics",
        first_index=first,
        count=len(events),
        sources=[],
        t0=times[0],
        t1=times[-1],
        times=pack_times(times),
        columns=columns_of_events(events),
    )
    return Rows(bucket, min(1, len(events) - 1), len(events))


@given(
    st.lists(names, min_size=1, max_size=4, unique=True).flatmap(
        lambda own: st.lists(st.fixed_dictionaries(dict.fromkeys(own, numbers)), min_size=1, max_size=40)
    ),
    st.lists(st.dictionaries(names, values, max_size=3), min_size=1, max_size=5),
    st.integers(0, 2**40),
)
def test_the_bytes_are_those_of_points_as_objects(
    plain: list[dict[str, Any]], any_: list[dict[str, Any]], first: int
) -> None:
    rows = [rows_of(plain, first), rows_of(any_, first + len(plain))]
    assert points_json(rows) == msgspec.json.encode(points_of(rows))
