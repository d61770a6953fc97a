"""A copy of the samples, as if nobody had written to them for a day."""

import gzip
import os
import shutil
import time
from pathlib import Path

import pytest

SAMPLES = Path(__file__).with_name("samples")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """samples/, with databases unpacked."""
    copied = tmp_path / "samples"
    shutil.copytree(SAMPLES, copied)
    for packed in copied.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    for path in copied.rglob("*"):
        make_old(path)
    return copied


def make_old(path: Path) -> None:
    """Nobody has written to it for a day."""
    then = time.time() - 86_400
    os.utime(path, (then, then))
