"""docs/sdk.md: what a run sees of servers that do not answer, and of files that another one holds."""

import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment, NotYetStored
from mldash.callbacks import MldashWarning
from mldash.errors import ServerUnreachable
from mldash.local.state.lock import lock_of
from tests.components import free_port


def away(tmp_path: Path, errors: list[BaseException]) -> Experiment:
    """Remote, and nobody listens there; network errors go to the list."""
    keywords: dict[str, Any] = {"journal": str(tmp_path / "journal"), "close_timeout_s": 0.3, "read_wait_s": 0.2}
    remote = f"http://127.0.0.1:{free_port()}"
    experiment = Experiment("owner/project/run", remote=remote, echo=False, **keywords)
    experiment.events.on("network_error", lambda error, attempts: errors.append(error))
    return experiment


def test_with_the_api_away_a_run_journals_and_says_what_is_left(tmp_path: Path) -> None:
    errors: list[BaseException] = []
    experiment = away(tmp_path, errors).run.start()
    begun = time.monotonic()
    for step in range(1_000):
        experiment.metrics("m").log(step=step)
    assert time.monotonic() - begun < 30  # a wait for the network in one of a thousand calls in a hundred would show
    with pytest.raises(TimeoutError, match=r"\d+ bytes of events are not delivered.*journal"):
        experiment.flush(timeout=0.2)
    with pytest.raises(NotYetStored, match="1000 of metrics 'm'"):
        experiment.metrics("m").read()
    with pytest.raises(ServerUnreachable):
        experiment.metrics("m").read(wait=0)
    with pytest.warns(MldashWarning, match=r"not delivered.*mldash sync"):
        experiment.run.complete()
    assert experiment.run.status == "COMPLETED"
    assert isinstance(errors[0], ServerUnreachable)


def test_leaving_a_block_warns_and_raises_the_users_own_error(tmp_path: Path) -> None:
    with (
        pytest.warns(MldashWarning, match="mldash sync"),
        pytest.raises(ZeroDivisionError),
        away(tmp_path, []).run as experiment,
    ):
        experiment.metrics("m").log(x=1)
        1 / 0  # noqa: B018


def test_what_was_journalled_offline_is_read_on_this_host(tmp_path: Path) -> None:
    """By the session's own folder alone; other experiments of the journal stay apart."""
    keywords: dict[str, Any] = {"mode": "offline", "journal": str(tmp_path / "journal"), "echo": False}
    for name in ("one", "two"):
        with Experiment(f"owner/project/{name}", **keywords).run as experiment:
            experiment.params.set(name=name)
            experiment.metrics("m").log(x=name)
    looking = Experiment("owner/project/two", **keywords)
    assert (looking.params.get(), looking.run.status) == ({"name": "two"}, "COMPLETED")
    assert [point["data"] for point in looking.metrics("m").read()["data"]] == [{"x": "two"}]


def test_a_flush_that_another_process_holds_up_says_what_is_left(tmp_path: Path) -> None:
    with Experiment("owner/project/run", root=str(tmp_path), echo=False, read_wait_s=0.1).run as experiment:
        experiment.flush()
        with lock_of(tmp_path / "owner" / "project" / "run" / ".state").hold():
            experiment.metrics("m").log(x=1)
            with pytest.raises(TimeoutError, match="bytes of events are not delivered"):
                experiment.flush(timeout=0.1)
            with pytest.raises(NotYetStored, match="1 of metrics 'm'"):
                experiment.metrics("m").read()
            # What the files have not, the journal shows.
            assert experiment.metrics("m").read(wait=0)["total"] == 1
        experiment.flush()
