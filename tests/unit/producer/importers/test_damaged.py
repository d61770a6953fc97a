"""Files with flipped bits or cut off: what lies before is taken, nothing is invented, and the place is said."""

import gzip
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldash.command_line import group
from mldash.events.schema import End
from mldash.importers.events import Event, LeftOut, Part, RunEvent
from mldash.importers.finding import NothingToImport, find
from mldash.importers.swanlab.run_log import RunLog as SwanLabLog
from mldash.importers.tensorboard.event_file import EventFile
from mldash.importers.told import Told
from mldash.importers.trackio.fragments import read
from mldash.importers.wandb.run_log import RunLog

from .conftest import SAMPLES
from .imported import events_of, import_all

MakePart = Callable[[Path], Part]


def wandb_log(path: Path) -> Part:
    return RunLog(path, "x", 0, "robots")


def swanlab_log(path: Path) -> Part:
    return SwanLabLog(path, "x", 0, "robots", {})


FILES: dict[str, tuple[Path, MakePart]] = {
    "tensorboard": (next(SAMPLES.glob("tensorboard/runs/walk/*tfevents*")), lambda path: EventFile(path, "x")),
    "wandb 0.31": (next(SAMPLES.glob("wandb/0.31/wandb/*walk07/*.wandb")), wandb_log),
    "wandb 0.12": (next(SAMPLES.glob("wandb/0.12/wandb/*walk07/*.wandb")), wandb_log),
    "wandb blocks": (next(SAMPLES.glob("wandb/0.31/wandb/*killed/*.wandb")), wandb_log),
    "swanlab": (next(SAMPLES.glob("swanlab/swanlog/*walk*/*.swanlab")), swanlab_log),
}


def examples(count: int) -> settings:
    """The temporary folder is each example's: they overwrite what they write."""
    return settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=count, deadline=None)


def but_the_end(found: tuple[list[Event | RunEvent], LeftOut]) -> list[str]:
    """As text: NaN is equal to itself there. What a summary or the end say follows from all of the file."""
    events = [one for one in found[0] if not isinstance(one, End)]
    return [repr(one) for one in events if not (isinstance(one, Event) and one.name == "summary")]


@cache
def all_of(kind: str) -> list[str]:
    """Of the file as it was made."""
    path, make = FILES[kind]
    return but_the_end(events_of(make(path)))


@pytest.mark.parametrize("kind", FILES)
@examples(25)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_ends_a_file_and_invents_nothing(kind: str, where: float, bit: int, tmp_path: Path) -> None:
    """Each record has a checksum. A bit of what pads a block means nothing."""
    path, make = FILES[kind]
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    changed = tmp_path / path.name
    changed.write_bytes(data)
    found = events_of(make(changed))
    told = but_the_end(found)
    assert told == all_of(kind)[: len(told)]
    assert found[1].torn or told == all_of(kind)
    assert all(0 <= torn.offset <= len(data) for torn in found[1].torn)


@pytest.mark.parametrize("kind", FILES)
@examples(25)
@given(where=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_is_taken_up_to_its_last_whole_record(kind: str, where: float, tmp_path: Path) -> None:
    path, make = FILES[kind]
    data = path.read_bytes()
    changed = tmp_path / path.name
    changed.write_bytes(data[: int(where * len(data))])
    found = events_of(make(changed))
    told = but_the_end(found)
    assert told == all_of(kind)[: len(told)]
    assert not any(torn.is_damage for torn in found[1].torn)


@pytest.mark.parametrize("kind", ["tensorboard", "wandb 0.31", "swanlab"])
def test_damage_in_the_middle_is_told_with_its_place_and_ends_with_1(kind: str, tmp_path: Path) -> None:
    path, _ = FILES[kind]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "source").mkdir()
    changed = tmp_path / "source" / path.name
    changed.write_bytes(data)
    done = import_all(changed, root=tmp_path / "root", code=1)
    assert f"{changed}: " in done.output and "does not fit at byte" in done.output


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The smallest one that holds the rows of the sample."""
    folder = tmp_path_factory.mktemp("database")
    whole, small = folder / "whole.db", folder / "small.db"
    whole.write_bytes(gzip.decompress((SAMPLES / "mlflow" / "mlflow.db.gz").read_bytes()))
    with closing(sqlite3.connect(small)) as opened:
        opened.execute("pragma page_size = 512")
        opened.execute("attach ? as whole", (str(whole),))
        for table in ("experiments", "runs", "metrics", "params", "tags"):
            opened.execute(f"create table {table} as select * from whole.{table}")
        opened.commit()
    return small.read_bytes()


@examples(25)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=30))
def test_a_damaged_database_is_an_error_of_one_line(
    database: bytes, tmp_path: Path, flips: list[tuple[float, int]]
) -> None:
    """SQLite has no checksums: what it still reads counts."""
    data = bytearray(database)
    for where, bit in flips:
        data[int(where * len(data))] ^= 1 << bit
    path = tmp_path / "mlflow.db"
    path.write_bytes(data)
    assert_no_traceback(path, tmp_path)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b"CREATE TABLE tags", b"CREATE TABLE\xa0tags"),
        (b"lifecycle_stage TEXT", b"lifecycle_stag\xe5 TEXT"),
        (b"run_uuid TEXT,\n  name", b"run_uuie TEXT,\n  name"),
        (b"experiment_id INT,\n  name", b"experiment_ie INT,\n  name"),
    ],
)
def test_a_damaged_schema_is_an_error_of_one_line(database: bytes, tmp_path: Path, was: bytes, now: bytes) -> None:
    assert database.count(was) in (1, 2)
    path = tmp_path / "mlflow.db"
    path.write_bytes(database.replace(was, now))
    assert_no_traceback(path, tmp_path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """trackio's, the smallest one that holds the rows of the sample."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("robots.db", "robots.db-wal"):
        (folder / name).write_bytes(gzip.decompress((SAMPLES / "trackio" / f"{name}.gz").read_bytes()))
    small = folder / "small.db"
    with closing(sqlite3.connect(small)) as opened:
        opened.execute("pragma page_size = 512")
        opened.execute("attach ? as whole", (str(folder / "robots.db"),))
        for table in ("metrics", "system_metrics", "alerts", "configs", "traces"):
            opened.execute(f"create table {table} as select * from whole.{table}")
        opened.commit()
    return small.read_bytes()


@examples(25)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=30))
def test_a_damaged_project_of_trackio_is_told(project: bytes, tmp_path: Path, flips: list[tuple[float, int]]) -> None:
    data = bytearray(project)
    for where, bit in flips:
        data[int(where * len(data))] ^= 1 << bit
    path = tmp_path / "robots.db"
    path.write_bytes(data)
    assert_no_traceback(path, tmp_path)


@examples(25)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), is_cut=st.booleans())
def test_a_damaged_fragment_of_trackio_invents_no_row(
    tmp_path_factory: pytest.TempPathFactory, where: float, bit: int, is_cut: bool
) -> None:
    """JSON has no checksums: a letter may become another one. But there are no more rows, and none after the place."""
    folder = tmp_path_factory.mktemp("damaged") / "inbox" / "writer"
    folder.mkdir(parents=True)
    data = bytearray(next(SAMPLES.glob("trackio/inbox/7d*/00000000.jsonl")).read_bytes())
    place = int(where * len(data))
    data[place] ^= 1 << bit
    (folder / "00000000.jsonl").write_bytes(data[:place] if is_cut else data)
    assert_no_traceback(folder, folder)
    records = [run for inbox in read([folder / "00000000.jsonl"]).values() for run in inbox.runs.values()]
    assert sum(len(run.records) for run in records) <= (data.count(b"\n", 0, place) if is_cut else 2)


@examples(25)
@given(flips=st.lists(st.tuples(st.integers(0, 999), st.integers(0, 400), st.integers(0, 7)), min_size=1, max_size=5))
@pytest.mark.parametrize("store", ["mlflow/mlruns", "dvclive", "clearml"])
def test_damaged_text_files_are_errors_of_one_line(
    store: str, tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int, int]]
) -> None:
    """Of text without checksums a wrong number can't be told from a right one; what is no point is."""
    folder = tmp_path_factory.mktemp("damaged")
    files = sorted(path for path in (SAMPLES / store).rglob("*") if path.is_file())
    contents = {path.relative_to(SAMPLES): bytearray(path.read_bytes()) for path in files}
    for which, where, bit in flips:
        data = contents[[*contents][which % len(contents)]]
        data[where % len(data)] ^= 1 << bit
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    assert_no_traceback(folder, folder)


def assert_no_traceback(source: Path, folder: Path) -> None:
    """All else that a command raises is told in one line too, but would be a fault of ours."""
    done = CliRunner().invoke(
        group, ["import", str(source), "--root", str(folder / "root"), "--processes", "1", "--dry-run"]
    )
    assert done.exception is None or isinstance(done.exception, (SystemExit, NothingToImport)), done.exc_info
    assert done.exit_code in (0, 1)


ARCHIVES = {
    kind: max((SAMPLES / kind).glob("*.zip"), key=lambda path: path.stat().st_size) for kind in ("comet", "clearml")
}


def all_in(path: Path) -> tuple[list[str], LeftOut]:
    """What there is in an archive, run by run; nothing where it is no archive that is read."""
    try:
        runs = find(path).runs
    except NothingToImport:
        return [], LeftOut()
    found, left = [], LeftOut()
    for part in (part for run in runs for part in run.parts if not isinstance(part, Told)):
        events, one = events_of(part)
        found += [repr(event) for event in events if isinstance(event, Event)]
        left.torn += one.torn
    return found, left


@pytest.mark.parametrize("kind", ARCHIVES)
@examples(20)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), is_cut=st.booleans())
def test_a_damaged_archive_invents_nothing(
    kind: str, where: float, bit: int, is_cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each member has a checksum, so it is whole, or nothing of it is taken."""
    folder = tmp_path_factory.mktemp("damaged")
    data = bytearray(ARCHIVES[kind].read_bytes())
    place = int(where * len(data))
    data[place] ^= 1 << bit
    path = folder / ARCHIVES[kind].name
    path.write_bytes(data[:place] if is_cut else data)
    assert_no_traceback(path, folder)
    try:
        found, left = all_in(path)
    except OSError:
        return
    told, whole = set(found), all_in(ARCHIVES[kind])[0]
    assert told <= set(whole)
    assert left.torn or found in ([], whole)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("tracker", ["comet", "clearml"])
@pytest.mark.parametrize("are_all", [True, False])
def test_archives_that_are_compressed_in_a_way_that_is_not_read_are_told_in_one_line(
    samples: Path, tmp_path: Path, tracker: str, way: int, are_all: bool
) -> None:
    """All of it, or all but what says which run it is."""
    archive = max((samples / tracker).glob("*.zip"), key=lambda path: path.stat().st_size)
    with zipfile.ZipFile(archive) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(archive, "w") as packed:
        for name, data in members.items():
            is_head = name in ("experiment.json", "task.json")
            packed.writestr(name, data, zipfile.ZIP_STORED if is_head and not are_all else way)
    done = import_all(archive, root=tmp_path / "root", code=1)
    told = [line for line in done.stderr.splitlines() if "can't be read (compressed in a way that is not read)" in line]
    assert len(told) == (1 if are_all or tracker == "comet" else 2)
    assert all(str(archive) in line for line in told) and not (are_all and (tmp_path / "root").exists())
