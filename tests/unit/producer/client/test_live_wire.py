"""Events of folders are told as the API tells its own."""

import pytest

from mldash.client.live.events import (
    Changed,
    Closed,
    Entries,
    Fields,
    Gap,
    Lines,
    LiveEvent,
    Other,
    Params,
    Points,
    Status,
    UpToDate,
    events_of,
)
from mldash.client.live.wire import sent_of

P = "o/p/run"


@pytest.mark.parametrize(
    "event",
    [
        Points(prefix=P, name=None, first_index=3, points=[]),
        Entries(prefix=P, topic="t", first_index=0, count=2, entries=[{"timestamp": 1.0}]),
        Lines(prefix=P, lines=[]),
        Params(prefix=P, first_index=1, sets=[{"a.b": 1}]),
        Status(prefix=P, experiment=None, sessions={"RUNNING": 1}),
        Fields(prefix=P, kind="metrics", name="train", fields=["loss"]),
        Gap(reason="deleted", prefix=P),
        Gap(reason="moved", prefix=P, kind="metrics", name="train", start=1, end=5),
        UpToDate(at="2026-01-01T00:00:00.000000Z"),
        Changed(change=4),
        Closed(reason="ended", goes_on=False),
        Other(event="news", data={"a": 1}),
    ],
)
def test_what_is_sent_is_read_as_what_it_was(event: LiveEvent) -> None:
    assert events_of(*sent_of(event)) == [event]
