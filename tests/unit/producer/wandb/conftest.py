"""Each test of the front stands in a folder of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import mldash.wandb as wandb


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory of its own; what is open is ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    yield tmp_path
    wandb.finish()
