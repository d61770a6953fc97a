"""The short form of `make faults`: every kind of fault in two minutes, on a stack of its own."""

import os
from pathlib import Path

import pytest

from .run import Run

pytestmark = [
    pytest.mark.time_limit(900),
    pytest.mark.integration,
    # Clients of a broker that was killed under them are given up, not closed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]

SEED = int(os.environ.get("MLDASH_TEST_SEED", "1"))


async def test_no_event_is_lost_or_stored_twice_whatever_is_killed(tmp_path: Path) -> None:
    """`make faults ARGS="--seed N --seconds 100"` runs it again, with its logs kept."""
    report = await Run(tmp_path / "run", SEED, seconds=100, tell=print).run()
    assert not report.missed, f"it did not hit what it is there for: {report}"
    assert not report.late_of_emitters
