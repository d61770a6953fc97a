"""However often a source is imported, and whatever came in between: all of it is there, and nothing twice."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldash.importers.writing import imported_session

from .conftest import make_old
from .imported import everything, import_all, take_all

SOURCES = (
    "tensorboard/runs",
    "wandb/0.31",
    "wandb/0.12",
    "mlflow/mlruns",
    "trackio",
    "dvclive",
    "swanlab",
    "comet",
    "clearml",
)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C."""


@pytest.mark.parametrize("source", [*SOURCES, "mlflow/mlflow.db"])
def test_what_is_imported_twice_is_there_once(samples: Path, tmp_path: Path, source: str) -> None:
    import_all(samples / source, root=tmp_path / "root")
    once = everything(tmp_path / "root")
    import_all(samples / source, root=tmp_path / "root")
    assert everything(tmp_path / "root") == once and len(once) > 1


@pytest.mark.parametrize("source", SOURCES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=3)
@given(where=st.integers(0, 60))
def test_what_was_interrupted_is_whole_once_it_is_repeated(
    samples: Path, tmp_path_factory: pytest.TempPathFactory, source: str, where: int
) -> None:
    """Wherever Ctrl-C has come."""
    folder = tmp_path_factory.mktemp("interrupted")
    left = [where]

    def tell(size: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Interrupted

    try:
        take_all(samples / source, folder / "one", tell)
    except Interrupted:
        take_all(samples / source, folder / "one")
    take_all(samples / source, folder / "other")
    assert everything(folder / "one") == everything(folder / "other")


GROWING = (
    "tensorboard/runs/walk",
    "wandb/0.31/wandb/offline-run-20261129_031057-walk07",
    "wandb/0.12/wandb/offline-run-20261129_031112-walk07",
    "swanlab/swanlog",
)


@pytest.mark.parametrize("source", GROWING)
@pytest.mark.parametrize("parts", [(0.2,), (0.31, 0.55), (0.5, 0.77), (0.6, 0.9), (0.98,)])
def test_what_has_grown_is_as_if_it_had_been_imported_at_once(
    samples: Path, tmp_path: Path, source: str, parts: tuple[float, ...]
) -> None:
    """Whatever the place where the file ended when it was imported before, in the middle of a record too."""
    file = max((samples / source).rglob("*.*"), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    for part in parts:
        file.write_bytes(whole[: int(len(whole) * part)])
        done = import_all(samples / source, root=tmp_path / "one")
        assert "a record is not finished" in done.output
    file.write_bytes(whole)
    make_old(file)
    for name in ("one", "other"):
        import_all(samples / source, root=tmp_path / name)
    assert everything(tmp_path / "one") == everything(tmp_path / "other")


def test_a_session_is_of_one_target_tracker_run_and_part() -> None:
    """And of none of them is a part of its name another's."""
    names = [("a/b", "wandb", "r", "1"), ("a/c", "wandb", "r", "1"), ("a/b", "trackio", "r", "1")]
    names += [("a/b", "wandb", "r1", ""), ("a/b", "wandb", "r", "2")]
    assert len({imported_session(*name) for name in names}) == len(names)
    assert imported_session(*names[0]) == imported_session(*names[0])
