"""The sweep is made once: tools only read."""

from pathlib import Path

import pytest

from mldash import Client

from .sweep import Ledger, make_sweep


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    root: Path = tmp_path_factory.mktemp("sweep") / ".dash"
    root.mkdir()
    return make_sweep(root)


@pytest.fixture
def client(ledger: Ledger) -> Client:
    return Client(ledger.root)
