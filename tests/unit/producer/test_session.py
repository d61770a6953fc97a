"""One process has one session for a prefix; a run opens and ends once, however often it is asked to."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mldash import Experiment, SettingError
from mldash.delivery.drain import SinkDrain
from mldash.events.schema import Describe, End, Start
from mldash.journal.reading.scan import StoredSource
from mldash.journal.sessions import find_sessions
from mldash.session.launchers import rank_of
from mldash.settings import SdkSettings

from .journal.journals import events_in


def offline(tmp_path: Path, prefix: str = "owner/project/run", **more: object) -> Experiment:
    given = {"mode": "offline", "journal": str(tmp_path / "journal"), "capture_context": False, "echo": False, **more}
    return Experiment(prefix, **given)  # type: ignore[arg-type]


def run_events(tmp_path: Path) -> list[list[object]]:
    return [
        [fields["event"] for _, fields in events_in(StoredSource(folder))["runs", ""]]
        for folder in find_sessions(tmp_path / "journal")
    ]


def test_two_objects_of_one_prefix_share_a_session_that_ends_with_the_last(tmp_path: Path) -> None:
    first, second = offline(tmp_path), offline(tmp_path)
    with first.run:
        with second.run:
            second.metrics("train").log(a=1)
        assert second.run.status == "COMPLETED"
        first.metrics("train").log(a=2)
        with pytest.raises(RuntimeError, match="not started"):
            second.metrics("train").log(a=3)
    (events,) = run_events(tmp_path)
    assert [type(event) for event in events] == [Start, End]


def test_the_worst_end_of_several_objects_is_the_runs(tmp_path: Path) -> None:
    first, second = offline(tmp_path), offline(tmp_path)
    with first.run:
        second.run.start()
        second.run.fail("no luck")
    ((*_, end),) = run_events(tmp_path)
    assert isinstance(end, End) and end.status == "FAILED" and end.error is not None
    assert end.error.message == "no luck"


def test_starting_and_ending_twice_are_harmless_and_an_end_can_be_followed_by_a_start(tmp_path: Path) -> None:
    experiment = offline(tmp_path)
    handle = experiment.metrics("train")
    assert experiment.run.status == "CREATED"
    assert experiment.run.start() is experiment
    assert experiment.run.start() is experiment
    handle.log(a=1)
    experiment.run.complete()
    experiment.run.complete()
    assert experiment.run.status == "COMPLETED"
    with pytest.raises(RuntimeError, match=r"not started.*experiment\.run\.start\(\)"):
        handle.log(a=2)
    experiment.run.start()
    handle.log(a=3)
    experiment.close()
    kinds = [[type(event) for event in events] for events in run_events(tmp_path)]
    assert kinds == [[Start, End], [Start, End]]


def test_what_is_said_of_the_experiment_comes_with_its_start(tmp_path: Path) -> None:
    with offline(tmp_path, description="short", readme="long", tags=["a"], metadata={"b": 1}):
        pass
    ((_, about, _),) = run_events(tmp_path)
    assert isinstance(about, Describe)
    assert (about.description, about.readme, about.tags, about.metadata) == ("short", "long", ["a"], {"b": 1})


def test_data_before_the_start_raises_and_says_how_to_start(tmp_path: Path) -> None:
    experiment = offline(tmp_path)
    for call in (
        lambda: experiment.params.set(a=1),
        lambda: experiment.metrics("m").log(a=1),
        lambda: experiment.tracks("t").append(a=1),
        lambda: experiment.log("text"),
    ):
        with pytest.raises(RuntimeError, match="not started"):
            call()


def test_names_are_read_back_and_bad_ones_refused(tmp_path: Path) -> None:
    experiment = offline(tmp_path, "/owner/project/deep/name/")
    assert (experiment.prefix, experiment.owner, experiment.project, experiment.name) == (
        "owner/project/deep/name",
        "owner",
        "project",
        "name",
    )
    assert experiment.id == offline(tmp_path, "owner/project/deep/name").id
    for bad in ("", "one", "a//b", "a/../b", "a/\0b"):
        with pytest.raises(ValueError):
            Experiment(bad)
    with pytest.raises(ValueError, match="MLDASH_PREFIX"):
        Experiment()
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Experiment("a/b", colour="red")
    with pytest.raises(SettingError, match="linger_s"):
        Experiment("a/b", linger_s=-1)


def test_a_prefix_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDASH_PREFIX", "owner/project/env")
    assert Experiment().prefix == "owner/project/env"


def test_disabled_does_nothing_and_answers_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Experiment("a/b", mode="disabled", echo=False) as experiment:
        assert experiment.metrics("m").log(a=1) is experiment.metrics("m")
        experiment.params.set(a=1)
        experiment.flush()
        assert experiment.params.get() == {}
        assert experiment.metrics("m").read()["data"] == []
        assert experiment.metrics.list() == []
        assert experiment.logs.read() == []
    assert experiment.run.status == "COMPLETED"
    assert not [*tmp_path.iterdir()]


def test_offline_reads_answer_from_this_hosts_journal(tmp_path: Path) -> None:
    with offline(tmp_path) as experiment:
        experiment.params.set(lr=0.1)
        for i in range(20):
            experiment.metrics("train").log(i=i)
        assert experiment.params.get() == {"lr": 0.1}
        assert [point["data"]["i"] for point in experiment.metrics("train").read(15, 10)["data"]] == [
            15,
            16,
            17,
            18,
            19,
        ]
    assert experiment.metrics("train").read(0, 1)["data"][0]["index"] == 0


def test_the_rank_is_what_the_launcher_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """test_launchers.py has all of them."""
    assert rank_of(SdkSettings(rank=3)) == 3
    monkeypatch.setenv("RANK", "7")
    assert rank_of(SdkSettings()) == 7


def test_importing_mldash_is_light() -> None:
    heavy = ["pyarrow", "motor", "aioboto3", "numpy", "aiokafka", "litestar", "asyncio", "pandas"]
    code = f"from mldash import Experiment; import sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("network_files", [False, True])
def test_what_another_thread_logs_as_the_run_ends_is_kept(
    tmp_path: Path, network_files: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was in log() already: its event comes when all before it is delivered, and before the journal is closed."""
    given = {"root": str(tmp_path), "network_files": network_files, "echo": False, "capture_context": False}
    experiment = Experiment("owner/project/run", **given)  # type: ignore[arg-type]
    with experiment.run:
        experiment.metrics("train").log(a=1)
        session = experiment._session
        assert session is not None
        delivery = session.delivery
        assert isinstance(delivery, SinkDrain)
        close = delivery.close

        def close_and_log(timeout: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
            delivered = close(timeout, meanwhile)
            session.stream("metrics", "train").append(1.0, {"a": 2})
            return delivered

        delivery.close = close_and_log  # type: ignore[method-assign]
    assert "came as its run ended" in capsys.readouterr().err
    with Experiment("owner/project/run", **given).run as again:  # type: ignore[arg-type]
        again.metrics("train").log(a=3)
        points = again.metrics("train").read()["data"]
    assert sorted(point["data"]["a"] for point in points) == [1, 2, 3]
