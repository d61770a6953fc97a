"""Attributes of wandb's values and runs that scripts use: they are there, so that no script ends for them."""

from typing import Any

import numpy as np
import pytest

import mldash.wandb as wandb
from mldash import Experiment


def test_a_table_has_its_rows() -> None:
    table = wandb.Table(columns=["id", "text"], data=np.array([[1, 2], [3, 4]]))
    table.add_data(5, "a")
    table.data.append([7, "b"])
    table.add_column("more", [1, 2, 3, 4])
    assert len(table.data) == 4
    assert [*table.iterrows()][3] == (3, [7, "b", 4])
    assert table.get_column("id") == [1, 3, 5, 7]
    assert table.describe() == {"_type": "Table", "rows": 4, "columns": ["id", "text", "more"]}
    frame = type("Frame", (), {"columns": ["x"], "values": np.zeros((2, 1))})()
    for made in (wandb.Table(dataframe=frame), wandb.Table(data=frame)):
        assert (made.columns, made.data) == (["x"], [[0.0], [0.0]])
    assert wandb.Table().data == []


def test_an_artifact_has_metadata_and_files_to_write() -> None:
    artifact = wandb.Artifact("model", type="model", metadata={"a": 1})
    artifact.metadata.update(b=2)
    assert artifact.metadata == {"a": 1, "b": 2}
    with artifact.new_file("a.txt") as text, artifact.new_file("a.bin", mode="wb") as binary:
        text.write("a")
        binary.write(b"a")
    assert wandb.Artifact("model", "model").metadata == {}


def test_classes_that_have_no_place_of_their_own_are_described() -> None:
    with wandb.init(entity="me", project="p", name="classes") as run:
        run.log({"joined": wandb.JoinedTable("a", "b", "id"), "classes": wandb.Classes([{"id": 1}])})
        run.log({"graph": wandb.Graph(), "plot": wandb.plot_table("spec", wandb.Table(), {})})
        with pytest.raises(AttributeError):
            _ = wandb.NO_CONSTANT
    stored: dict[str, Any] = {}
    for point in Experiment("me/p/classes").metrics("history").read()["data"]:
        stored |= point["data"]
    types = {name: value["_type"] for name, value in stored.items() if name != "step"}
    assert types == {"joined": "JoinedTable", "classes": "Classes", "graph": "Graph", "plot": "plot"}


def test_a_run_has_a_name_and_settings_and_no_page() -> None:
    with wandb.init(project="p", tags=["a"]) as run:
        assert run.name == run.id
        assert (run.settings.run_id, run.settings.project, run.settings.run_tags) == (run.id, "p", ("a",))
        assert run.settings.anything is None
        assert (run.get_url(), run.get_project_url()) == (None, None)  # type: ignore[func-returns-value]


@pytest.mark.parametrize(("name", "mode"), [("dryrun", "offline"), ("run", "online")])
def test_older_names_of_modes_are_modes(monkeypatch: pytest.MonkeyPatch, name: str, mode: str) -> None:
    monkeypatch.setenv("WANDB_MODE", name)
    with wandb.init(project="p") as run:
        assert run.settings.mode == mode


def test_a_config_value_is_the_same_as_it_is_stored() -> None:
    with wandb.init(entity="me", project="p", name="tuple", config={"sizes": (1, 2), "nested": {"a": (3,)}}) as run:
        run.config.update({"sizes": [1, 2], "nested": {"a": [3]}})
        run.config.sizes = np.array([1, 2])
        with pytest.raises(wandb.errors.ConfigError):
            run.config.sizes = [2, 1]
