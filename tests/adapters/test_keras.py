"""mldash.adapters.keras with Keras itself on JAX; each script is a process of its own, for JAX minds forks."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from mldash import Client

HEAD = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from mldash import Experiment
from mldash.adapters.keras import MldashCallback

keras.utils.set_random_seed(0)
x, y = np.linspace(-1, 1, 32).reshape(-1, 1), np.linspace(2, -2, 32).reshape(-1, 1)
model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)], name="line")
model.compile(keras.optimizers.SGD(0.25), loss="mse", metrics=["mae"])
fit = {"batch_size": 8, "verbose": 0}
"""


def run_script(body: str, folder: Path, *, ends_by: int = 0) -> str:
    """What it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(body)],
        cwd=folder,
        env={**os.environ, "MLDASH_ECHO": "false"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == ends_by, done.stderr
    return done.stderr


def points(folder: Path, prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Client(root=folder / ".dash").run(prefix).metrics(metric).read()["data"]]


def test_epochs_batches_and_evaluations_are_points_with_keras_own_values(tmp_path: Path) -> None:
    """Over two fits on one run, whose step goes on; what Keras gives its own History is what is stored."""
    body = """
        import json
        callback = MldashCallback("me/keras/line", batches=2, tags=["keras"])
        first = model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[callback], **fit)
        second = model.fit(x, y, epochs=1, callbacks=[callback], **fit)
        tested = model.evaluate(x, y, callbacks=[callback], verbose=0, return_dict=True)
        json.dump([first.history, second.history, tested], open("told.json", "w"))
        assert callback.experiment.run.is_open
    """
    run_script(body, tmp_path)
    first, second, tested = json.loads((tmp_path / "told.json").read_text())
    train = points(tmp_path, "me/keras/line", "train")
    assert [(one["epoch"], one["step"]) for one in train] == [(0, 4), (1, 8), (0, 12)]
    assert {one["learning_rate"] for one in train} == {0.25}
    assert [one["loss"] for one in train] == first["loss"] + second["loss"]
    val = points(tmp_path, "me/keras/line", "val")
    assert [one["mae"] for one in val] == first["val_mae"]
    assert [(one["step"], one["epoch"]) for one in points(tmp_path, "me/keras/line", "batch")] == [
        *((2, 0), (4, 0), (6, 1), (8, 1), (10, 0), (12, 0))
    ]
    assert points(tmp_path, "me/keras/line", "test") == [{**tested, "step": 12}]
    run = Client(root=tmp_path / ".dash").run("me/keras/line")
    params = run.params.get()
    assert (params["optimizer.learning_rate"], params["model.parameters"], params["fit.epochs"]) == (0.25, 2, 1)
    assert (run.status, run.about()["tags"]) == ("COMPLETED", ["keras"])


def test_an_exception_fails_the_run_and_a_user_s_own_run_stays_the_user_s(tmp_path: Path) -> None:
    """Keras calls nothing where a training fails: the end of the process does."""
    body = """
        with Experiment("me/keras/own").run as experiment:
            callback = MldashCallback(experiment)
            model.fit(x, y, epochs=1, callbacks=[callback], **fit)
            callback.close()
            assert experiment.run.is_open

        class Broken(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                raise ValueError("broken")

        model.fit(x, y, callbacks=[MldashCallback("me/keras/failed"), Broken()], **fit)
    """
    run_script(body, tmp_path, ends_by=1)
    client = Client(root=tmp_path / ".dash")
    assert client.run("me/keras/own").status == "COMPLETED"
    assert client.run("me/keras/failed").status == "FAILED"


def test_an_evaluation_after_a_fit_that_was_interrupted_is_logged(tmp_path: Path) -> None:
    """Of a fit that Ctrl-C leaves no hook is called."""
    body = """
        class Interrupting(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise KeyboardInterrupt

        callback = MldashCallback("me/keras/interrupted")
        try:
            model.fit(x, y, callbacks=[callback, Interrupting()], **fit)
        except KeyboardInterrupt:
            pass
        model.evaluate(x, y, callbacks=[callback], verbose=0)
        model.fit(x, y, validation_data=(x, y), callbacks=[callback], **fit)
    """
    run_script(body, tmp_path)
    assert len(points(tmp_path, "me/keras/interrupted", "test")) == 1
    assert len(points(tmp_path, "me/keras/interrupted", "val")) == 1


def test_of_several_ranks_the_first_logs_or_all_with_their_rank(tmp_path: Path) -> None:
    """By the launcher's variables."""
    body = """
        os.environ.update(RANK="1", WORLD_SIZE="2")
        model.fit(x, y, callbacks=[MldashCallback("me/keras/first")], **fit)
        model.fit(x, y, callbacks=[MldashCallback("me/keras/all", all_ranks=True)], **fit)
        del os.environ["RANK"], os.environ["WORLD_SIZE"]
        os.environ["JOB_COMPLETION_INDEX"] = "3"  # of so many jobs, and not of one training
        model.fit(x, y, callbacks=[MldashCallback("me/keras/job")], **fit)
    """
    told = run_script(body, tmp_path)
    assert {one.name for one in (tmp_path / ".dash/me/keras").iterdir()} == {"all", "job"}
    assert told.count("me/keras/first: rank 1 is not logged") == 1
    assert [one["rank"] for one in points(tmp_path, "me/keras/all", "train")] == [1]
    assert "loss" in points(tmp_path, "me/keras/job", "train")[0]
