"""A start that fails leaves nothing behind: neither for the next start, nor for others who have the run open."""

from pathlib import Path

import pytest

from mldash.errors import JournalFull
from mldash.events.schema import Describe, End, Start

from .test_session import offline, run_events


def test_a_start_in_a_full_journal_leaves_no_opener_behind(tmp_path: Path) -> None:
    """The description does not fit: the second start appends one Start, and the end of the one object ends the run."""
    experiment = offline(tmp_path, journal_bytes=1 << 20, segment_bytes=1 << 16, description="x" * 1_000_000)
    with pytest.raises(JournalFull):
        experiment.run.start()
    assert experiment.run.own_status == "CREATED"
    experiment._about = {"description": "short"}
    with experiment.run:
        experiment.metrics("train").log(a=1)
    (events,) = run_events(tmp_path)
    assert [type(event) for event in events] == [Start, End, Start, Describe, End]
    assert isinstance(events[1], End) and events[1].status == "FAILED"
    assert isinstance(events[-1], End) and events[-1].status == "COMPLETED"


def test_a_start_that_fails_is_no_end_for_who_has_the_run_open(tmp_path: Path) -> None:
    first = offline(tmp_path, journal_bytes=1 << 20, segment_bytes=1 << 16)
    second = offline(tmp_path, journal_bytes=1 << 20, segment_bytes=1 << 16, description="x" * 1_000_000)
    with first.run:
        with pytest.raises(JournalFull):
            second.run.start()
        first.metrics("train").log(a=1)
    (events,) = run_events(tmp_path)
    assert [type(event) for event in events] == [Start, End]
    assert isinstance(events[1], End) and events[1].status == "COMPLETED"
