"""mldash.adapters.ray_tune with Ray Tune itself: `make test-adapters` brings it."""

import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mldash import Client

tune = pytest.importorskip("ray.tune", reason="Ray takes hundreds of megabytes: make test-adapters brings it")

SWEEP = """
    import json
    import os

    import ray
    from ray import tune
    from mldash.adapters.ray_tune import MldashCallback

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")


    def train(config):
        for at in range(3):
            if config["x"] == 3 and at == 1:
                raise ValueError("broken")
            tune.report({"loss": config["x"] / (at + 1), "val/acc": 0.5, "deep": {"a": {"b": 1.0}}, "no": float("nan")})


    callback = MldashCallback("me/sweep", tags=["ray"])
    run = tune.RunConfig(name="exp", storage_path=os.path.abspath("out"), callbacks=[callback], verbose=0)
    space = {"x": tune.grid_search([1, 3]), "net": {"act": max, "width": 8}}
    told = tune.Tuner(train, param_space=space, run_config=run).fit()
    json.dump([[one.metrics["trial_id"], one.config["x"]] for one in told], open("told.json", "w"))
    ray.shutdown()
"""


@pytest.mark.time_limit(600)
def test_each_trial_is_an_experiment_with_what_it_has_reported(tmp_path: Path) -> None:
    """One of two trials fails at its second report; in a process of its own, as Ray's are."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SWEEP)],
        cwd=tmp_path,
        env={**os.environ, "MLDASH_ECHO": "false"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    client = Client(root=tmp_path / ".dash")
    runs = {
        run.params.get()["x"]: run for run in map(client.run, [one.prefix for one in client.runs('tags has "ray"')])
    }
    assert runs.keys() == {1, 3}
    assert [runs[x].status for x in (1, 3)] == ["COMPLETED", "FAILED"]
    assert all(run.prefix.startswith("me/sweep/exp/") for run in runs.values())
    assert (runs[1].params.get()["net.width"], "max" in runs[1].params.get()["net.act"]) == (8, True)

    def points(x: int, metric: str) -> list[dict[str, Any]]:
        return [point["data"] for point in runs[x].metrics(metric).read()["data"]]

    assert [(row["step"], row["loss"]) for row in points(1, "result")] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert not {"pid", "hostname", "config", "done", "trial_id"} & points(1, "result")[0].keys()
    assert points(1, "val") == [{"acc": 0.5, "step": step} for step in (1, 2, 3)]
    assert points(1, "deep/a")[0] == {"b": 1.0, "step": 1}
    assert [row["loss"] for row in points(3, "result")] == [3.0]
    (session,) = runs[3].sessions()
    assert "ValueError: broken" in session["error"]["message"]
    assert "in train" in session["error"]["message"]


def test_a_callback_is_pickled_without_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tune keeps its callbacks on the disk, to go on from there."""
    from mldash.adapters.ray_tune import MldashCallback

    class Trial:
        trial_id, experiment_dir_name, experiment_tag = "one", "exp", "x=1"
        config: ClassVar = {"x": 1}

    monkeypatch.chdir(tmp_path)
    callback = MldashCallback("me/sweep")
    callback.log_trial_start(Trial())
    again = pickle.loads(pickle.dumps(callback))
    assert again.prefix_of(Trial()) == "me/sweep/exp/one"
    callback.on_experiment_end([])
    assert Client(".dash").run("me/sweep/exp/one").status == "CANCELLED"
