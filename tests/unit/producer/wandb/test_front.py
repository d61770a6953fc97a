"""`import mldash.wandb as wandb`: what a script sees, and what is stored of what it logs. In plain files."""

import argparse
import math
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mldash.wandb as wandb
from mldash import Client, Experiment, MldashWarning
from mldash.wandb.errors import ConfigError


def points(prefix: str, metric: str = "history") -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_before_init_and_after_finish_a_call_says_what_is_missing() -> None:
    for call in (
        lambda: wandb.log({}),
        lambda: wandb.config.x,
        lambda: wandb.config.update({}),
        lambda: wandb.summary["x"],
        lambda: wandb.define_metric("x"),
    ):
        with pytest.raises(wandb.Error, match=r"You must call wandb.init\(\) before wandb\."):
            call()
    assert wandb.run is None
    wandb.finish()
    run = wandb.init(entity="me", project="p")
    assert wandb.run is run
    assert wandb.init(project="another") is run
    run.finish()
    assert wandb.run is None
    with pytest.raises(wandb.Error, match="before wandb"):
        wandb.log({"a": 1})
    with pytest.raises(wandb.UsageError, match="finished"):
        run.log({"a": 1})


def test_the_prefix_is_entity_project_group_and_name_or_id() -> None:
    with wandb.init(entity="me", project="walk", group="seeds", name="first/try") as run:
        assert run.experiment.prefix == "me/walk/seeds/first-try"
        assert (run.entity, run.project, run.group, run.name) == ("me", "walk", "seeds", "first/try")
    with wandb.init(entity="me", project="walk") as run:
        assert run.experiment.prefix == f"me/walk/{run.id}"
        assert len(run.id) == 8
    with wandb.init(entity="me", project="walk", id="abc", name="told") as run:
        assert (run.experiment.prefix, run.path, run.url) == ("me/walk/abc", "me/walk/abc", None)
    with wandb.init() as run:
        assert run.project == "uncategorized"


def test_wandb_s_variables_take_effect_and_arguments_count_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"PROJECT": "p", "NAME": "n", "RUN_GROUP": "g", "JOB_TYPE": "eval", "TAGS": "a, b", "NOTES": "text"}
    for name, value in {**told, "ENTITY": "e", "DIR": "files"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    with wandb.init(name="given", settings=wandb.Settings(run_group="of settings", start_method="fork")) as run:
        assert run.experiment.prefix == "e/p/of settings/given"
        assert (run.job_type, run.tags, run.notes) == ("eval", ("a", "b"), "text")
        assert Path(run.dir) == Path.cwd() / "files" / "mldash-files" / run.id
        assert Path(run.dir).is_dir()
    about = Client(".dash").run("e/p/of settings/given").about()
    assert (about["tags"], about["description"]) == (["a", "b"], "text")
    assert about["metadata"]["wandb"]["job_type"] == "eval"
    monkeypatch.setenv("WANDB_RUN_ID", "the-id")
    with wandb.init() as run:
        assert run.experiment.prefix == "e/p/g/the-id"


def test_the_job_is_named_by_variables_alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """In a name of the script's it is a text, whatever comes of the run; `{job}` where there is no job is told."""
    with wandb.init(entity="me", project="p", name="try {job}") as run:
        assert (run.experiment.prefix, run.name) == ("me/p/try {job}", "try {job}")
    monkeypatch.setenv("WANDB_NAME", "{job}")
    with pytest.raises(wandb.UsageError, match="names the job"):
        wandb.init(entity="me", project="p")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "7")
    with wandb.init(entity="me", project="{job}") as run:
        assert run.experiment.prefix == "me/{job}/7"
    (folder / ".dash").rename(folder / "before")
    (folder / ".dash").write_text("")
    with (
        pytest.warns(MldashWarning, match="is not recorded"),
        wandb.init(entity="me", project="p", name="{job}") as run,
    ):
        assert run.experiment.prefix == "me/p/{job}"


def test_a_disabled_run_takes_every_call_and_writes_nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for mode, variable in (("disabled", None), (None, ("WANDB_MODE", "disabled")), (None, ("WANDB_DISABLED", "true"))):
        with monkeypatch.context() as patch:
            if variable:
                patch.setenv(*variable)
            with wandb.init(project="p", mode=mode, config={"lr": 1}) as run:
                run.log({"loss": 1.0})
                run.summary["best"] = 1
                assert (run.config.lr, run.summary["loss"], run.disabled) == (1, 1.0, True)
    assert not [*folder.iterdir()]
    with pytest.raises(wandb.UsageError, match="mode must be one of"):
        wandb.init(mode="dryrun-typo")


def test_offline_is_this_host_s_files_or_journal(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The journal where events would go to the pipeline: `mldash sync` sends it."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    with wandb.init(project="p") as run:
        assert (run.experiment.mode, run.offline) == ("local", True)
    monkeypatch.setenv("MLDASH_REMOTE", "http://127.0.0.1:1")
    monkeypatch.setenv("MLDASH_JOURNAL", str(folder / "journal"))
    with wandb.init(project="p") as run:
        assert run.experiment.mode == "offline"


def test_rows_are_points_with_their_step() -> None:
    """Without a step each call is one; with a step those of one step are, and the next call joins them."""
    with wandb.init(entity="me", project="p", name="rows") as run:
        wandb.log({"loss": 1.0})
        assert run.step == 1
        wandb.log({"loss": 2.0}, step=5)
        wandb.log({"acc": 0.5, "loss": 3.0}, step=5)
        wandb.log({"lr": 0.1})
        assert run.step == 6
        wandb.log({})
        wandb.log({"loss": 4.0}, commit=False)
        wandb.log({"acc": 0.75})
        wandb.log({"loss": 5.0}, step=10, commit=True)
        wandb.log({"loss": 6.0}, step=12)
    assert points("me/p/rows") == [
        {"step": 0, "loss": 1.0},
        {"step": 5, "loss": 3.0, "acc": 0.5, "lr": 0.1},
        {"step": 7, "loss": 4.0, "acc": 0.75},
        {"step": 10, "loss": 5.0},
        {"step": 12, "loss": 6.0},
    ]


def test_a_row_of_a_closed_step_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Wandb drops it; it is said once."""
    with wandb.init(entity="me", project="p", name="late") as run:
        run.log({"a": 1}, step=5, commit=True)
        run.log({"a": 2}, step=3)
        run.log({"a": 3}, step=-1)
    assert [(one["step"], one["a"]) for one in points("me/p/late")] == [(5, 1), (3, 2), (-1, 3)]
    assert capsys.readouterr().err.count("wandb drops such rows") == 1


def test_keys_with_a_slash_are_fields_of_the_metric_before_it() -> None:
    """So that what belongs together is one point; a field named step keeps its value."""
    with wandb.init(entity="me", project="p", name="slash") as run:
        run.log({"train/loss": 1.0, "train/acc": 0.5, "val/top/5": 0.9, "epoch": 1})
        run.log({"step": 100, "loss": 1.0, "_ts": 3})
    assert points("me/p/slash", "train") == [{"loss": 1.0, "acc": 0.5, "step": 0}]
    assert points("me/p/slash", "val/top") == [{"5": 0.9, "step": 0}]
    assert points("me/p/slash") == [{"epoch": 1, "step": 0}, {"step": 100, "loss": 1.0, "ts": 3, "_step": 1}]


def test_values_are_kept_as_they_are_and_arrays_whole() -> None:
    """Nested dicts nested; an array of one element is its number; what can't be stored is described."""
    with wandb.init(entity="me", project="p", name="values") as run:
        run.log({"nested": {"a": {"b": 1}}, "one": np.array([[0.5]]), "f": np.float32(0.5), "many": np.arange(40)})
        run.log({"nan": math.nan, "text": "a", "huge": 2**70, "object": object(), "none": None})
        assert (run.summary["one"], run.summary["nested"]) == (0.5, {"a": {"b": 1}})
    first, second = points("me/p/values")
    assert first == {"step": 0, "nested": {"a": {"b": 1}}, "one": 0.5, "f": 0.5, "many": [*range(40)]}
    assert math.isnan(second.pop("nan"))
    assert second == {"step": 1, "text": "a", "huge": str(2**70), "object": {"_type": "object"}, "none": None}


@pytest.mark.parametrize(
    ("data", "step"), [([1], None), ({1: 2}, None), ({"a": 1}, 1.7), ({"a": 1}, "3"), (None, None)]
)
def test_wrong_arguments_of_log_are_type_errors(data: Any, step: Any) -> None:
    with wandb.init(project="p") as run, pytest.raises(TypeError):
        run.log(data, step=step)


def test_a_point_that_the_sdk_refuses_does_not_end_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    """16 MiB of text or of numbers in one point are described beside the rest; a name of 2 KB: a warning, once each."""
    with wandb.init(entity="me", project="p", name="large") as run:
        for _ in range(2):
            run.log({"text": "x" * (16 << 20)})
            run.log({"x" * 2000 + "/loss": 1.0})
        run.log({"loss": 4.0, "few": [1, 2], "grad": np.zeros((3000, 1000)) + 0.1})
    text = {"_type": "str", "shape": [16 << 20]}
    gradient = {"_type": "numpy.ndarray", "shape": [3000, 1000]}
    assert points("me/p/large") == [
        {"step": 0, "text": text},
        {"step": 2, "text": text},
        {"step": 4, "loss": 4.0, "few": [1, 2], "grad": gradient},
    ]
    errors = capsys.readouterr().err
    assert errors.count("could not be logged, the script goes on") == 1
    assert errors.count("not stored: str too large for its point") == 1


def test_the_config_is_read_and_set_by_attribute_and_item_and_becomes_parameters() -> None:
    with wandb.init(entity="me", project="p", name="config", config={"lr": 0.1, "net": {"depth": 2}}) as run:
        config = wandb.config
        assert (config.lr, config["net"]["depth"], config.get("x", 3), "lr" in config) == (0.1, 2, 3, True)
        assert dict(config) == config.as_dict() == {"lr": 0.1, "net": {"depth": 2}}
        config.seed = 1
        config["epochs"] = 3
        config.update(argparse.Namespace(batch=64))
        config.setdefaults({"seed": 2, "extra": True})
        config.lr = 0.1  # the same value is no change
        with pytest.raises(ConfigError, match="allow_val_change"):
            config.lr = 0.2
        config.update({"lr": 0.2}, allow_val_change=True)
        with pytest.raises(AttributeError):
            _ = config.missing
        with pytest.raises(KeyError):
            _ = config["missing"]
        run.config.update({"table": np.ones(3)})
        run.config.update({"table": np.ones(3)})
    assert Experiment("me/p/config").params.get() == {
        "lr": 0.2,
        "net.depth": 2,
        "seed": 1,
        "epochs": 3,
        "batch": 64,
        "extra": True,
        "table": [1.0, 1.0, 1.0],
    }


def test_a_config_may_be_a_namespace_flags_or_a_file_and_odd_values_are_text(folder: Path) -> None:
    """Callables, classes, int keys: a script does not end for its settings."""
    (folder / "config.yaml").write_text("lr:\n  value: 0.5\nplain: 2\nwandb_version: 1\n")
    flags = namedtuple("Flags", "flag_values_dict")(lambda: {"a": 1})
    for number, (config, becomes) in enumerate(
        [
            (argparse.Namespace(lr=1), {"lr": 1}),
            ("config.yaml", {"lr": 0.5, "plain": 2}),
            (flags, {"a": 1}),
            ({"fn": len, "names": {0: "cat"}}, {"fn": "<built-in function len>", "names.0": "cat"}),
        ]
    ):
        wandb.init(entity="me", project="p", name=f"config-{number}", config=config).finish()
        assert Experiment(f"me/p/config-{number}").params.get() == becomes
    wandb.init(entity="me", project="p", name="keys", config={"a": 1, "b": 2}, config_exclude_keys=["b"]).finish()
    assert Experiment("me/p/keys").params.get() == {"a": 1}


def test_the_summary_has_what_was_logged_last_and_what_is_set_is_a_point() -> None:
    with wandb.init(entity="me", project="p", name="summary") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 0.5})
        assert (wandb.summary["loss"], run.summary.get("missing")) == (0.5, None)
        run.summary["best"] = 0.25
        run.summary.update({"where": "epoch 3"})
        assert dict(run.summary) == {"loss": 0.5, "best": 0.25, "where": "epoch 3"}
        with pytest.raises(KeyError):
            _ = run.summary["missing"]
    assert points("me/p/summary", "summary") == [{"best": 0.25}, {"where": "epoch 3"}]


def test_a_run_that_is_resumed_by_its_id_goes_on_in_its_experiment() -> None:
    """With its config and its step; offline too."""
    with wandb.init(entity="me", project="p", id="job", name="a", resume="allow", config={"lr": 1}) as run:
        assert (run.resumed, run.step) == (False, 0)
        run.log({"loss": 1.0})
        run.log({"val/loss": 1.0}, step=7)
    with wandb.init(entity="me", project="p", id="job", resume="must", config={"lr": 2}) as run:
        assert (run.resumed, run.step, run.config.lr) == (True, 8, 2)
        run.log({"loss": 0.5})
    assert points("me/p/job") == [{"step": 0, "loss": 1.0}, {"step": 8, "loss": 0.5}]
    with pytest.raises(wandb.UsageError, match="there is no run"):
        wandb.init(entity="me", project="p", id="nobody", resume="must")
    with pytest.raises(wandb.UsageError, match="there is a run"):
        wandb.init(entity="me", project="p", id="job", resume="never")


def test_a_block_and_an_exit_code_say_how_the_run_ended() -> None:
    with pytest.raises(ValueError, match="broken"), wandb.init(entity="me", project="p", name="failed") as run:
        run.log({"loss": 1.0}, step=3)
        raise ValueError("broken")
    wandb.init(entity="me", project="p", name="code")
    wandb.finish(exit_code=3)
    wandb.init(entity="me", project="p", name="fine")
    wandb.finish()
    statuses = {name: Client(".dash").run(f"me/p/{name}").status for name in ("failed", "code", "fine")}
    assert statuses == {"failed": "FAILED", "code": "FAILED", "fine": "COMPLETED"}
    assert points("me/p/failed") == [{"step": 3, "loss": 1.0}]


def test_reinit_begins_another_run() -> None:
    first = wandb.init(project="p")
    second = wandb.init(project="p", reinit=True)
    assert first.has_ended
    assert wandb.run is second is not first
    third = wandb.init(project="p", reinit="create_new")
    assert wandb.run is second
    third.log({"a": 1})
    third.finish()
    assert wandb.run is second


def test_in_a_notebook_a_second_init_begins_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell is run again. Settings say what else is wanted; `finish_previous` ends all that are open."""
    runs = [wandb.init(project="p"), wandb.init(project="p", settings=wandb.Settings(reinit="create_new"))]
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1)))
    last = wandb.init(project="p")
    assert last not in runs
    assert [run.has_ended for run in (*runs, last)] == [True, True, False]
    assert wandb.init(project="p", settings={"reinit": "return_previous"}) is last
    assert wandb.init(project="p", reinit=False) is last


def test_unknown_keywords_are_type_errors_and_old_ones_are_taken() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        wandb.init(nonsense=1)  # type: ignore[call-arg]
    wandb.init(project="p", magic=True, anonymous="allow", save_code=True, monitor_gym=True, force=False).finish()


def test_what_is_not_kept_is_taken_described_counted_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    picture = np.zeros((4, 6, 3), dtype="uint8")
    with wandb.init(entity="me", project="p", name="media") as run:
        for _ in range(3):
            run.log({"image": wandb.Image(picture, caption="a digit", mode="RGB", masks={})})
        table = wandb.Table(columns=["id", "text"])
        table.add_data(1, "a")
        table.add_data(2, "b")
        run.log({"table": table, "video": [wandb.Video(np.zeros((2, 3, 4, 4)), fps=4)], "html": wandb.Html("<b>")})
        run.log({"histogram": wandb.Histogram([1.0, 1.0, 3.0], num_bins=2), "plot": wandb.plot.line(table, "id")})
        artifact = wandb.Artifact("model", type="model", metadata={})
        artifact.add_file("model.pt")
        assert wandb.log_artifact(artifact) is artifact
        wandb.watch(object(), log="all")
        wandb.save("*.pt")
        run.log_code(".")
        run.log_model("model.pt", name="m")
        wandb.alert("loss is up", "by 3", level=wandb.AlertLevel.WARN)
        assert run.unkept.counts["Image"] == 3
    told = points("me/p/media")
    assert told[0]["image"] == {"_type": "Image", "shape": [4, 6, 3], "caption": "a digit"}
    assert told[3]["table"] == {"_type": "Table", "rows": 2, "columns": ["id", "text"]}
    assert told[3]["video"] == [{"_type": "Video", "shape": [2, 3, 4, 4]}]
    assert told[4]["histogram"]["values"] == [2, 1]
    lines = Client(".dash").run("me/p/media").logs.read()
    assert [line["message"] for line in lines if "alert" in line.get("metadata", {})] == ["loss is up: by 3"]
    assert lines[-1]["metadata"]["counts"]["Image"] == 3
    errors = capsys.readouterr().err
    assert errors.count("not stored: Image.") == 1
    assert errors.count("not stored: Artifact.") == 1


def test_what_only_wandb_s_servers_can_do_names_our_way() -> None:
    for call, way in (
        (lambda: wandb.Api(), "from mldash import Client"),
        (lambda: wandb.sweep({}), "mldash.adapters.optuna"),
        (lambda: wandb.agent("id", print), "mldash.adapters.optuna"),
        (lambda: wandb.use_artifact("a"), "from where it lies"),
    ):
        with pytest.raises(wandb.CommError, match=way):
            call()


def test_names_that_scripts_only_need_to_be_there_are_there() -> None:
    assert wandb.login(key="x")
    assert len(wandb.util.generate_id()) == 8
    assert wandb.errors.CommError is wandb.CommError
    assert tuple(map(int, wandb.__version__.split(".")[:2])) >= (0, 20)
    for name in wandb.__all__:
        getattr(wandb, name)
    wandb.require("core")
    wandb.setup()
    wandb.teardown()
    with pytest.raises(AttributeError, match=r"docs/coming-from/wandb\.md"):
        _ = wandb.no_such_name


def test_where_nothing_can_be_written_the_script_goes_on(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """`.dash` is a file."""
    (folder / ".dash").write_text("")
    with pytest.warns(MldashWarning, match="is not recorded"), wandb.init(project="p") as run:
        run.log({"loss": 1.0})
        assert run.disabled
