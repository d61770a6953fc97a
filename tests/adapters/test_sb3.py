"""mldash.adapters.sb3 with Stable-Baselines3, which needs PyTorch: `make test-adapters` brings both."""

import sys
from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment

pytest.importorskip("torch", reason="PyTorch takes gigabytes: make test-adapters brings it")
sb3 = pytest.importorskip("stable_baselines3", reason="it needs PyTorch: make test-adapters brings both")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    return tmp_path


def model(**arguments: Any) -> Any:
    return sb3.PPO("MlpPolicy", "CartPole-v1", n_steps=32, batch_size=16, n_epochs=1, seed=7, device="cpu", **arguments)


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_each_dump_is_a_point_with_stable_baselines_own_values(folder: Path) -> None:
    """Over two calls of learn, beside a CSV file of its own."""
    from stable_baselines3.common.logger import configure

    from mldash.adapters.sb3 import MldashCallback

    one, callback = model(), MldashCallback("me/sb3/ppo", tags=["rl"])
    one.set_logger(configure("csv", ["csv"]))
    one.learn(96, callback=callback)
    one.learn(64, callback=callback, reset_num_timesteps=False)
    assert callback.experiment.run.is_open
    one.logger.close()  # of all its outputs, also the callback's
    header, *lines = (folder / "csv/progress.csv").read_text().splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=False)) for line in lines]
    assert [row["step"] for row in points("me/sb3/ppo", "time")] == [32, 64, 96, 128, 160]
    assert [row["total_timesteps"] for row in points("me/sb3/ppo", "time")] == [32, 64, 96, 128, 160]
    losses = [row["train/loss"] for row in rows if row.get("train/loss")]
    assert [str(row["loss"]) for row in points("me/sb3/ppo", "train")][: len(losses)] == losses
    run = Client(".dash").run("me/sb3/ppo")
    params = run.params.get()
    assert (params["algorithm"], params["n_steps"], params["seed"]) == ("PPO", 32, 7)
    assert params["observation_space"].startswith("Box(")
    assert (run.status, run.about()["tags"]) == ("COMPLETED", ["rl"])


def test_a_writer_among_the_outputs_leaves_out_what_is_excluded_and_says_what_is_not_kept() -> None:
    from stable_baselines3.common.logger import Figure, HParam, HumanOutputFormat, Logger

    from mldash.adapters.sb3 import MldashWriter

    writer = MldashWriter("me/sb3/writer")
    logger = Logger(None, [HumanOutputFormat(sys.stdout), writer])
    logger.record("train/loss", 0.5)
    logger.record("train/secret", 1.0, exclude="mldash")
    logger.record("train/log", 1.0, exclude=("stdout", "log"))
    logger.record("train/figure", Figure(object(), close=False), exclude=("stdout",))
    logger.record("hparams", HParam({"lr": 0.25}, {"train/loss": 0}), exclude=("stdout",))
    logger.record("text", "words")
    logger.dump(7)
    logger.close()
    assert points("me/sb3/writer", "train") == [{"loss": 0.5, "step": 7}, {"text": "words", "step": 7}]
    run = Client(".dash").run("me/sb3/writer")
    assert (run.status, run.params.get()) == ("COMPLETED", {"lr": 0.25})
    assert run.logs.read()[-1]["metadata"]["counts"] == {"Figure": 1}


def test_a_user_s_own_run_stays_the_user_s_and_an_exception_in_it_fails_it() -> None:
    from stable_baselines3.common.callbacks import BaseCallback

    from mldash.adapters.sb3 import MldashCallback

    class Broken(BaseCallback):
        def _on_step(self) -> bool:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), Experiment("me/sb3/failed").run as experiment:
        model().learn(64, callback=[MldashCallback(experiment), Broken()])
    assert Client(".dash").run("me/sb3/failed").status == "FAILED"


def test_of_several_ranks_the_first_logs_or_all_with_their_rank(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the launcher's variables."""
    from mldash.adapters.sb3 import MldashWriter
    from mldash.callbacks import MldashWarning

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(MldashWarning, match="rank 1 is not logged"):
        silent = MldashWriter("me/sb3/silent")
    for writer in (silent, MldashWriter("me/sb3/loud", all_ranks=True)):
        writer.write({"train/loss": 0.5}, {"train/loss": ("",)}, 3)
        writer.close()
    assert {one.name for one in (folder / ".dash/me/sb3").iterdir()} == {"loud"}
    assert points("me/sb3/loud", "train") == [{"loss": 0.5, "step": 3, "rank": 1}]


def test_a_folder_that_can_not_be_written_does_not_stop_a_training(folder: Path) -> None:
    from mldash.adapters.sb3 import MldashCallback

    (folder / ".dash").write_text("")
    one = model()
    one.learn(32, callback=MldashCallback("me/sb3/none"))
    assert one.num_timesteps == 32
