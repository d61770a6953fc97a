"""Experiments and handles in pickles, deep copies and the arguments of processes."""

import copy
import io
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mldash import Experiment
from mldash.handles.metric import Metric
from mldash.handles.tracks import Track

TOKEN = "hunter2-of-this-test"


def log_there(experiment: Experiment, metric: Metric, track: Track, value: int) -> str:
    """What a spawned process does with what it was given."""
    metric.log(x=value)
    track.append(x=value, _ts=float(value))
    experiment.log(f"line {value}")
    assert experiment.run.is_open
    return experiment.prefix


@pytest.fixture(scope="module", autouse=True)
def tracker() -> None:
    """multiprocessing's helper, which the first spawn starts and which lives as long as this process."""
    resource_tracker.ensure_running()


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Experiment("owner/project/carried", root=str(tmp_path / "dash"), echo=False, heartbeat_s=3.5)


def test_an_open_experiment_and_its_handles_go_on_in_a_spawned_process(experiment: Experiment) -> None:
    """Given by `args`, as trainers do it; the process starts a run of its own with its first call, and ends it."""
    with experiment.run:
        given = (experiment, experiment.metrics("m"), experiment.tracks("t"))
        experiment.metrics("m").log(x=0)
        process = multiprocessing.get_context("spawn").Process(target=log_there, args=(*given, 1))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            assert pool.submit(log_there, *given, 2).result(timeout=60) == experiment.prefix
    assert [point["data"]["x"] for point in experiment.metrics("m").read()["data"]] == [0, 1, 2]
    assert [entry["timestamp"] for entry in experiment.tracks("t").list_entries()] == [1.0, 2.0]
    assert [line["message"] for line in experiment.logs.read()] == ["line 1", "line 2"]
    assert {one["status"] for one in experiment._reader().sessions()} == {"COMPLETED"}


def test_one_that_was_not_open_is_not_open_there(experiment: Experiment) -> None:
    other = pickle.loads(pickle.dumps(experiment))
    assert (other.prefix, other.mode) == (experiment.prefix, experiment.mode)
    assert other.settings == msgspec.structs.replace(experiment.settings, mode="local")
    with pytest.raises(RuntimeError, match="not started"):
        other.metrics("m").log(x=1)
    with other.run:
        other.metrics("m").log(x=1)
    with pytest.raises(RuntimeError, match="not started"):
        other.metrics("m").log(x=1)
    assert len(experiment.metrics("m").read()["data"]) == 1


def test_no_token_is_in_a_pickle_and_it_is_read_anew_where_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of it is pickled, by any protocol: searched for in the bytes."""
    given = Experiment("owner/project/secret", remote="http://localhost:1", token=TOKEN, journal=str(tmp_path))
    parts = [given, given.run, given.params, given.metrics, given.tracks, given.logs, given.metrics("m")]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        for part in [*parts, given.tracks("t"), given.metrics.buffer, given.metrics("m").summary_cache, [given, parts]]:
            assert TOKEN.encode() not in pickle.dumps(part, protocol)
    data = pickle.dumps(given)
    assert pickle.loads(data).settings.token is None
    monkeypatch.setenv("MLDASH_TOKEN", "another")
    assert pickle.loads(data).settings.token == "another"


@pytest.mark.parametrize(
    ("name", "address", "carried"),
    [
        ("remote", f"http://anna:{TOKEN}@localhost:1/api@2", "http://localhost:1/api@2"),
        ("remote", f"{TOKEN}@localhost:1", "localhost:1"),
        (
            "kafka",
            f"anna:{TOKEN}@localhost:1, SASL://bob:{TOKEN}@localhost:2,[::1]:3",
            "localhost:1, SASL://localhost:2,[::1]:3",
        ),
    ],
)
def test_no_password_of_an_address_is_in_a_pickle(
    name: str, address: str, carried: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes from the environment where it is opened, if that names the same host: no other one is told."""
    settings: dict[str, Any] = {name: address, "journal": str(tmp_path)}
    given = Experiment("owner/project/secret", mode="remote", **settings)
    data = pickle.dumps([given, given.run, given.metrics("m")])
    assert TOKEN.encode() not in data
    assert b"anna" not in data
    variable = f"MLDASH_{name.upper()}"
    assert getattr(pickle.loads(data)[0].settings, name) == carried
    monkeypatch.setenv(variable, address)
    assert getattr(pickle.loads(data)[0].settings, name) == address
    monkeypatch.setenv(variable, address.replace("localhost", "elsewhere"))
    assert getattr(pickle.loads(data)[0].settings, name) == carried


def test_a_relative_root_means_the_same_place_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(Experiment("owner/project/root", root="here"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pickle.loads(data).settings.root == str(tmp_path / "here")


def test_handles_come_back_as_those_of_one_experiment(experiment: Experiment) -> None:
    handle = experiment.metrics("m", description="said before any run", tags=["a"])
    again = pickle.loads(pickle.dumps({"experiment": experiment, "m": handle, "u": experiment.metrics(None)}))
    assert again["m"] is again["experiment"].metrics("m")
    assert again["u"] is again["experiment"].metrics(None)
    with again["experiment"].run:
        again["m"].log(x=1)
        again["m"].summary_cache.store(y=1.0)
    (about,) = [one for one in experiment.metrics.list() if one["name"] == "m"]
    assert (about["description"], about["tags"]) == ("said before any run", ["a"])


def test_a_deep_copy_within_the_process_is_the_same_experiment(experiment: Experiment) -> None:
    """A trainer's configuration is copied, with the experiment in it."""
    config: dict[str, Any] = {"experiment": experiment, "metric": experiment.metrics("m"), "run": experiment.run}
    with experiment.run:
        copied = copy.deepcopy(config)
        copied["metric"].log(x=1)
        copy.copy(experiment).log("line")
        assert copied["experiment"] is experiment
        assert copied["metric"] is experiment.metrics("m")
    assert experiment.run.own_status == "COMPLETED"
    assert json.loads((Path(experiment.settings.root) / experiment.prefix / "experiment.json").read_text())
    assert len(experiment.metrics("m").read()["data"]) == 1


def test_what_is_said_of_an_experiment_is_carried_until_its_run_starts(experiment: Experiment, tmp_path: Path) -> None:
    told = Experiment("owner/project/told", root=str(tmp_path / "dash"), description="short", tags=["a"])
    buffer = io.BytesIO()
    pickle.dump(told, buffer)
    with pickle.loads(buffer.getvalue()).run:
        pass
    found = told._reader().experiment()
    assert found is not None
    assert (found["description"], found["tags"]) == ("short", ["a"])
