"""mldash.adapters.transformers with a Trainer, which needs PyTorch: `make test-adapters` brings both."""

from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment

torch = pytest.importorskip("torch", reason="PyTorch takes gigabytes: make test-adapters brings it")
transformers = pytest.importorskip("transformers", reason="it needs PyTorch: make test-adapters brings both")
pytest.importorskip("accelerate", reason="the Trainer needs it: make test-adapters brings it")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    return tmp_path


def trainer(callbacks: list[Any], **arguments: Any) -> Any:
    """Of a model of two classes with some hundred weights."""
    config = transformers.BertConfig(
        vocab_size=16, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    model = transformers.BertForSequenceClassification(config)
    rows = [{"input_ids": torch.tensor([1, 2, at % 16]), "labels": torch.tensor(at % 2)} for at in range(16)]
    given = transformers.TrainingArguments(
        "out", use_cpu=True, per_device_train_batch_size=4, disable_tqdm=True, **{"report_to": "none", **arguments}
    )
    return transformers.Trainer(model, given, train_dataset=rows, eval_dataset=rows[:4], callbacks=callbacks)


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_all_that_a_trainer_logs_is_there_as_it_logs_it() -> None:
    """Beside the Trainer's own history."""
    from mldash.adapters.transformers import MldashCallback

    callback = MldashCallback("me/hf/bert", see_nan=True)
    one = trainer([callback], num_train_epochs=2, logging_steps=1, eval_strategy="epoch", save_strategy="epoch")
    one.train()
    told = one.state.log_history
    train = points("me/hf/bert", "train")
    assert [(row["step"], row["loss"], row["epoch"]) for row in train] == [
        (row["step"], row["loss"], row["epoch"]) for row in told if "loss" in row
    ]
    assert [(row["step"], row["loss"]) for row in points("me/hf/bert", "eval")] == [
        (row["step"], row["eval_loss"]) for row in told if "eval_loss" in row
    ]
    (summary,) = points("me/hf/bert", "summary")
    assert summary["train_loss"] == told[-1]["train_loss"]
    one.predict(one.eval_dataset)
    assert points("me/hf/bert", "test")[0]["step"] == 8
    callback.close()
    run = Client(".dash").run("me/hf/bert")
    params = run.params.get()
    assert (params["args.num_train_epochs"], params["model.hidden_size"]) == (2, 8)
    assert params["args.logging_nan_inf_filter"] is False
    assert [line["message"] for line in run.logs.read()] == ["checkpoint at step 4", "checkpoint at step 8"]
    assert run.status == "COMPLETED"


def test_report_to_mldash_works_after_one_import_and_a_resumed_training_says_so(folder: Path) -> None:
    from mldash.adapters.transformers import MldashCallback

    first = trainer(
        [], report_to="mldash", run_name="run-1", num_train_epochs=1, save_strategy="epoch", logging_steps=2
    )
    first.train()
    (callback,) = [one for one in first.callback_handler.callbacks if isinstance(one, MldashCallback)]
    assert callback.experiment is not None
    prefix = callback.experiment.prefix
    assert prefix.endswith("/out/run-1")
    callback.close()
    again = MldashCallback(prefix)
    trainer([again], num_train_epochs=2, logging_steps=2).train(resume_from_checkpoint="out/checkpoint-4")
    again.close()
    assert [row["step"] for row in points(prefix, "train")] == [2, 4, 6, 8]
    lines = [line for line in Client(".dash").run(prefix).logs.read() if "resumed_from" in line.get("metadata", {})]
    assert [line["metadata"]["resumed_from"] for line in lines] == [4]


def test_other_ranks_do_not_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mldash.adapters.transformers import MldashCallback

    callback = MldashCallback("me/hf/ranks")
    one = trainer([callback], num_train_epochs=1, logging_steps=1)
    one.state.is_world_process_zero = False
    callback.on_log(one.args, one.state, one.control, logs={"loss": 1.0})
    assert not [*folder.glob(".dash/me/hf/*")]
