"""The same where connections to Kafka and MongoDB are cut, delayed and half-closed all along."""

import os
from pathlib import Path

import pytest

from .run import Run

pytestmark = [
    pytest.mark.time_limit(900),
    pytest.mark.integration,
    # Clients whose connections are cut are given up, not closed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]

SEED = int(os.environ.get("MLDASH_TEST_SEED", "1"))


async def test_no_event_is_lost_or_stored_twice_whichever_connection_breaks(tmp_path: Path) -> None:
    """`make faults ARGS="--seed N --seconds 50 --proxy"` runs it again, with its logs kept."""
    report = await Run(tmp_path / "run", SEED, seconds=50, proxied=True, tell=print).run()
    assert not report.missed, f"it did not hit what it is there for: {report}"
    assert not report.late_of_emitters
