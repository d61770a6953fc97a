"""Fixtures of the SDK's unit tests."""

from pathlib import Path

import pytest

from tests.unit.producer.direct import DirectExperiment


@pytest.fixture
def direct(tmp_path: Path) -> DirectExperiment:
    """An open experiment whose handles write straight to files."""
    return DirectExperiment(tmp_path)
