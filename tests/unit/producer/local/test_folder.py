"""Names of users as folders: no two meet, and none leaves the experiment's folder."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mldash.local.folder import EXPERIMENT, Folder, experiment_folder, folder_of_name, name_of_folder
from tests.unit.producer.strategies import texts

segments = texts | st.sampled_from(
    ["", ".", "..", "None", "%", "%2E", "metrics", "data.jsonl", "tracks", ".state", "a"]
)
names = st.lists(segments, min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("train", "train"),
        ("robot/position", "robot/position"),
        ("a.b", "a.b"),
        ("a//b", "a/%/b"),
        ("/a/", "%/a/%"),
        ("", "%"),
        (".", "%2E"),
        ("..", "%2E."),
        ("../../etc", "%2E./%2E./etc"),
        (".hidden", "%2Ehidden"),
        ("100%", "100%25"),
        ("nul\0", "nul%00"),
        ("x/data.jsonl", "x/%64ata.jsonl"),
        ("metrics/x", "%6Detrics/x"),
        ("größe", "größe"),
    ],
)
def test_a_name_reads_like_itself_wherever_that_is_safe(name: str, folder: str) -> None:
    assert folder_of_name("tracks", name) == folder
    assert name_of_folder("tracks", folder) == name


def test_the_unnamed_metric_and_one_called_none_are_two() -> None:
    assert folder_of_name("metrics", None) == "None"
    assert folder_of_name("metrics", "None") == "%4Eone"
    assert name_of_folder("metrics", "None") is None
    assert name_of_folder("metrics", "%4Eone") == "None"


@given(names)
@example("a/%7E")
@example("%~")
def test_a_folder_stays_inside_and_gives_its_name_back(name: str) -> None:
    folder = folder_of_name("metrics", name)
    assert all(segment not in {"", ".", ".."} and "\0" not in segment for segment in folder.split("/"))
    assert all(len(segment.encode()) <= 255 for segment in folder.split("/"))
    if "%~" not in folder:
        assert name_of_folder("metrics", folder) == name


@given(st.lists(names, min_size=2, max_size=20, unique=True))
def test_no_two_names_meet_in_one_file(many: list[str]) -> None:
    """Neither in one folder, nor is the data file of one a folder on the way to another."""
    files = [f"{folder_of_name('tracks', name)}/data.jsonl" for name in many]
    assert len(set(files)) == len(many)
    folders = {str(parent) for file in files for parent in Path(file).parents}
    assert not folders & set(files)


def test_a_name_too_long_for_a_folder_is_cut_and_told_apart_by_a_hash() -> None:
    left, right = "x" * 1000 + "a", "x" * 1000 + "b"
    assert folder_of_name("metrics", left) != folder_of_name("metrics", right)
    deep = "/".join(["d"] * 500)
    for name in (left, deep, "%" * 1024, "ü" * 512):
        folder = folder_of_name("metrics", name)
        assert "/" not in folder
        assert len(folder.encode()) <= 200
        with pytest.raises(LookupError):
            name_of_folder("metrics", folder)


def test_an_experiment_below_another_ones_metrics_is_no_metric_of_it(tmp_path: Path) -> None:
    """`a/b/metrics/x` is a legal prefix: its files lie in the folder of a metric of `a/b`, and yet apart from them."""
    outer, inner = experiment_folder(str(tmp_path), "a/b"), experiment_folder(str(tmp_path), "a/b/metrics/x")
    for folder, name in ((outer, "x"), (outer, "x/y"), (inner, "y")):
        file = folder.path / folder.rows("metrics", name)
        file.parent.mkdir(parents=True)
        assert not file.exists()
        file.touch()
    assert [outer.relative(path) for path in outer.streams("metrics")] == ["metrics/x", "metrics/x/y"]
    assert [inner.relative(path) for path in inner.streams("metrics")] == ["metrics/y"]


def test_an_absent_folder_has_no_streams(tmp_path: Path) -> None:
    assert list(Folder(tmp_path / "nowhere").streams("tracks")) == []


SEGMENTS = st.text(st.sampled_from(".%2E5jx"), min_size=1, max_size=9).filter(lambda text: text not in (".", ".."))
PREFIXES = st.lists(SEGMENTS, min_size=2, max_size=4).map("/".join)


@given(PREFIXES, PREFIXES)
def test_no_two_prefixes_share_a_folder_and_none_lies_in_what_is_hidden(one: str, other: str) -> None:
    """A dot at a segment's beginning is escaped, and what is written like one too."""
    folders = [experiment_folder("/nowhere", prefix).path for prefix in (one, other)]
    assert (folders[0] == folders[1]) == (one == other)
    assert not [part for path in folders for part in path.parts if part.startswith(".")]


@pytest.mark.parametrize("hidden", [".journal", ".state", ".git"])
def test_an_experiment_below_another_is_never_part_of_its_state(hidden: str, tmp_path: Path) -> None:
    outer = experiment_folder(str(tmp_path), "a/b")
    inner = experiment_folder(str(tmp_path), f"a/b/{hidden}/x")
    assert not inner.path.is_relative_to(outer.journal)
    assert not inner.path.is_relative_to(outer.state)


def test_a_folder_of_0_1_under_a_hidden_name_stays_its_experiments(tmp_path: Path) -> None:
    old = tmp_path / "a" / ".hidden" / "x"
    old.mkdir(parents=True)
    (old / EXPERIMENT).write_text("{}")
    assert experiment_folder(str(tmp_path), "a/.hidden/x").path == old
    assert experiment_folder(str(tmp_path), "a/.hidden/y").path == tmp_path / "a" / "%2Ehidden" / "y"
