"""Merging a column at a time gives what merging entry by entry gives."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.merging import merge_entries
from mldash_ingest.documents.columns import columns_of_events, events_of_columns, unpack_times
from mldash_ingest.plan.merging import merge_columns

times = st.sampled_from([0.0, -0.0, 1.0, 1.5, -3.0, 1e300])
values = st.one_of(st.integers(-5, 5), st.floats(allow_nan=False), st.booleans(), st.none(), st.lists(st.floats(0, 1)))
entries = st.lists(
    st.tuples(times, st.dictionaries(st.sampled_from(["x", "m", "m.a", ""]), values, max_size=3)),
    min_size=1,
    max_size=25,
)


def exact(rows: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    return [sorted((name, repr(value)) for name, value in row.items()) for row in rows]


@given(entries)
def test_the_later_value_of_a_field_wins_at_each_time(drawn: list[tuple[float, dict[str, Any]]]) -> None:
    stamps, rows = [time for time, _ in drawn], [row for _, row in drawn]
    packed, columns = merge_columns(np.array(stamps), columns_of_events(rows))
    merged = merge_entries(stamps, rows)
    assert repr(unpack_times(packed).tolist()) == repr(sorted(merged))
    assert exact(events_of_columns(columns, len(merged))) == exact([merged[time] for time in sorted(merged)])
