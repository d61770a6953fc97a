"""mldash.adapters.optuna with Optuna itself, in plain files."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from mldash import Client, Experiment
from mldash.adapters.optuna import MldashCallback

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    return tmp_path


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def objective(trial: Any) -> float:
    """The second is pruned, the third is no number, the fourth raises."""
    x = trial.suggest_float("x", 0, 1)
    for step in range(3):
        trial.report(x + step, step)
        if trial.number == 1 and step == 1:
            raise optuna.TrialPruned
    if trial.number == 3:
        raise ValueError("broken")
    return float("nan") if trial.number == 2 else x


def test_each_trial_is_an_experiment_and_the_study_has_a_point_a_trial() -> None:
    study = optuna.create_study(study_name="walk", direction="minimize")
    with MldashCallback("me/sweep", tags=["sweep"]) as callback:
        study.optimize(objective, n_trials=5, catch=ValueError, callbacks=[callback])
    assert [row["state"] for row in points("me/sweep/study", "trials")] == [
        *("COMPLETE", "PRUNED", "FAIL", "FAIL", "COMPLETE")
    ]
    last = points("me/sweep/study", "trials")[-1]
    assert (last["best"], last["params"]) == (study.best_value, study.trials[4].params)
    statuses = {run.prefix: run["status"] for run in Client(".dash").runs('tags has "sweep"', columns=["status"])}
    assert statuses == {
        "me/sweep/study": "COMPLETED",
        "me/sweep/trial-0000": "COMPLETED",
        "me/sweep/trial-0001": "CANCELLED",
        "me/sweep/trial-0002": "FAILED",
        "me/sweep/trial-0003": "FAILED",
        "me/sweep/trial-0004": "COMPLETED",
    }
    for trial in study.trials:
        prefix = callback.prefix_of(trial)
        assert Experiment(prefix).params.get() == trial.params
        told = [(point["step"], point["value"]) for point in points(prefix, "intermediate")]
        assert told == sorted(trial.intermediate_values.items())
        (outcome,) = points(prefix, "objective")
        assert (outcome.get("value"), outcome["state"]) == (trial.value, trial.state.name)
        assert outcome["duration_s"] == trial.duration.total_seconds()
    assert Experiment("me/sweep/study").params.get(flatten=False)["study"]["directions"] == ["MINIMIZE"]


def test_several_objectives_have_names_of_their_own() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    with MldashCallback("me/two", names=["loss", "accuracy"]) as callback:
        study.optimize(lambda trial: (trial.suggest_int("n", 1, 3), 0.5), n_trials=1, callbacks=[callback])
    (outcome,) = points("me/two/trial-0000", "objective")
    assert (outcome["loss"], outcome["accuracy"]) == (study.trials[0].params["n"], 0.5)


def test_threads_may_tell_trials_at_once() -> None:
    study = optuna.create_study()
    with MldashCallback("me/threads") as callback:
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=8, n_jobs=4, callbacks=[callback])
    assert sorted(row["number"] for row in points("me/threads/study", "trials")) == [*range(8)]
    assert all(points(callback.prefix_of(trial), "objective")[0]["value"] == trial.value for trial in study.trials)


def test_an_objective_may_log_to_its_trial_s_experiment() -> None:
    callback = MldashCallback("me/own")

    def logging(trial: Any) -> float:
        with Experiment(callback.prefix_of(trial)).run as experiment:
            experiment.metrics("train").log(step=0, loss=0.5)
        return float(trial.suggest_float("x", 0, 1))

    optuna.create_study().optimize(logging, n_trials=1, callbacks=[callback])
    callback.close()
    assert points("me/own/trial-0000", "train") == [{"step": 0, "loss": 0.5}]
    assert Experiment("me/own/trial-0000").params.get().keys() == {"x"}


def test_a_folder_that_can_not_be_written_does_not_stop_a_study(folder: Path) -> None:
    (folder / ".dash").write_text("")
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[MldashCallback("me/none")])
    assert len(study.trials) == 2


@pytest.mark.parametrize("launcher", [{"RANK": "3", "WORLD_SIZE": "8"}, {"JOB_COMPLETION_INDEX": "3"}])
def test_each_process_of_a_job_tells_its_trials(monkeypatch: pytest.MonkeyPatch, launcher: dict[str, str]) -> None:
    """`srun -n 8` over a storage of all: each process is a rank of its launcher, and has trials of its own."""
    for name, value in launcher.items():
        monkeypatch.setenv(name, value)
    study = optuna.create_study()
    with MldashCallback("me/ranks") as callback:
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[callback])
    assert [row["number"] for row in points("me/ranks/study", "trials")] == [0, 1]
    assert points("me/ranks/trial-0001", "objective")[0]["value"] == study.trials[1].value
