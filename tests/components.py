"""One worker, one compactor and one API a test run, as processes of their own on the run's stack (keeper.py)."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mldash_deploy.stack.ports import choose

from .run_servers import Shared
from .stack import StackAddresses


def free_port() -> int:
    """One that nobody listens on, below the range from which the kernel takes the near end of connections."""
    return choose(["of a test"], {})["of a test"]


class Pipeline(NamedTuple):
    """All components, with topics, a database and a bucket of their own."""

    api: str
    variables: dict[str, str]
    """The environment of a command that works on it."""


@pytest.fixture(scope="session")
def pipeline(stack: StackAddresses, shared: Shared) -> Pipeline:
    return Pipeline(**shared.get("components"))


@pytest.fixture(scope="session")
def api_address(pipeline: Pipeline) -> str:
    """The API's URL; behind it the whole pipeline."""
    return pipeline.api


@pytest.fixture
def remote(api_address: str, tmp_path: Path) -> dict[str, Any]:
    """The keywords that make an Experiment remote, with a journal of the test's own."""
    return {"remote": api_address, "journal": str(tmp_path / "journal")}
