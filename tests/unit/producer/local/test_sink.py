"""Records of the journal → files: once, in order, whatever is killed in between."""

import json
import math
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.shapes import iso_time
from mldash.events.identity import parse_prefix
from mldash.events.merging import FoldedParams
from mldash.events.schema import Block, Column, Columns, Describe, End, Error, Record, Rows, RunEvents, Start
from mldash.local.folder import Folder, experiment_folder
from mldash.local.reading.reader import LocalReader
from mldash.local.row_text import IsoTimes
from mldash.local.sink import LocalSink
from tests.unit.producer.same import same
from tests.unit.producer.strategies import fields as drawn_fields

PREFIX = parse_prefix("owner/project/run")
SESSION = bytes(range(16))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return experiment_folder(str(tmp_path), PREFIX.text)


def record(kind: Any, name: str | None, first_seq: int, *blocks: Block, session: bytes = SESSION) -> Record:
    return Record(
        prefix=PREFIX.text,
        kind=kind,
        name=name,
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=list(blocks),
    )


def points(first_seq: int, count: int, *, name: str | None = "m", session: bytes = SESSION) -> Record:
    rows = [[seq] for seq in range(first_seq, first_seq + count)]
    return record("metrics", name, first_seq, Rows(["x"], [1.0] * count, rows), session=session)


def reader(folder: Folder) -> LocalReader:
    return LocalReader(folder, PREFIX)


def xs(folder: Folder, name: str | None = "m") -> list[Any]:
    page = reader(folder).metric_points(name, 0, 1_000_000)
    assert [point["index"] for point in page["data"]] == list(range(page["total"]))
    return [point["data"]["x"] for point in page["data"]]


def test_files_are_those_that_the_contract_names(folder: Folder) -> None:
    sink = LocalSink(folder, PREFIX)
    said = Describe(2.0, description="d", readme="r", tags=["t"], metadata={"a": 1})
    sink.deliver([record("runs", "", 0, RunEvents([Start(1.5, host="h", pid=7), said]))])
    sink.deliver(
        [
            points(0, 2),
            points(0, 1, name=None),
            record("params", "", 0, Rows(["a.b"], [3.0], [[1]]), Rows(["c"], [4.0], [[None]])),
            record("tracks", "robot/position", 0, Rows(["q"], [9.0, 8.0], [[1.0], [2.0]])),
            record("logs", "", 0, Rows(["level", "message", "metadata"], [5.0], [["warn", "hi", {"k": 1}]])),
        ]
    )
    sink.close()

    def read(name: str) -> Any:
        return json.loads((folder.path / name).read_text())

    def lines(name: str) -> list[Any]:
        return [json.loads(line) for line in (folder.path / name).read_text().splitlines()]

    assert lines("metrics/m/data.jsonl") == [
        {"index": 0, "data": {"x": 0}, "createdAt": iso_time(1.0)},
        {"index": 1, "data": {"x": 1}, "createdAt": iso_time(1.0)},
    ]
    assert list(read("metrics/m/metadata.json")) == [
        "metricId",
        "name",
        "description",
        "tags",
        "metadata",
        "totalDataPoints",
        "nextIndex",
        "createdAt",
        "updatedAt",
    ]
    assert read("metrics/m/metadata.json")["nextIndex"] == 2
    assert read("metrics/None/metadata.json")["name"] is None
    assert lines("tracks/robot/position/data.jsonl") == [{"timestamp": 9.0, "q": 1.0}, {"timestamp": 8.0, "q": 2.0}]
    track = read("tracks/robot/position/metadata.json")
    assert (track["topic"], track["columns"], track["totalEntries"]) == ("robot/position", ["q"], 2)
    assert (track["firstTimestamp"], track["lastTimestamp"]) == (8.0, 9.0)
    assert lines("logs/logs.jsonl") == [
        {"sequenceNumber": 0, "timestamp": iso_time(5.0), "level": "warn", "message": "hi", "metadata": {"k": 1}}
    ]
    assert read("parameters.json") == {
        "version": 2,
        "data": {"a.b": 1, "c": None},
        "createdAt": iso_time(3.0),
        "updatedAt": iso_time(4.0),
    }
    experiment = read("experiment.json")
    assert list(experiment) == [
        "name",
        "project",
        "owner",
        "prefix",
        "description",
        "readme",
        "tags",
        "metadata",
        "status",
        "created_at",
        "updated_at",
    ]
    assert (experiment["name"], experiment["owner"], experiment["description"]) == ("run", "owner", "d")


def test_folders_of_metrics_and_logs_exist_from_the_start(folder: Folder) -> None:
    LocalSink(folder, PREFIX).deliver([record("runs", "", 0, RunEvents([Start(1.0)]))])
    assert (folder.path / "metrics").is_dir()
    assert (folder.path / "logs").is_dir()


def test_records_that_come_again_are_stored_once_however_they_are_cut(folder: Folder) -> None:
    sink = LocalSink(folder, PREFIX)
    sink.deliver([points(0, 10), points(10, 5)])
    sink.deliver([points(0, 10)])
    LocalSink(folder, PREFIX).deliver([points(7, 20), points(3, 4), points(27, 1)])
    assert xs(folder) == list(range(28))


@pytest.mark.parametrize("step", ["_append_rows", "_acknowledge", "_note_due", "_extend_indexes", "_write_due"])
@pytest.mark.parametrize("before", [True, False])
def test_a_kill_between_any_two_steps_loses_nothing_and_doubles_nothing(
    folder: Folder, step: str, before: bool
) -> None:
    """The process dies before or after a step; its successor is given the same records again."""
    for delivery in range(4):
        batch = [
            points(delivery * 200, 200),
            record("params", "", delivery, Rows(["p"], [1.0], [[delivery]])),
            record("tracks", "t", delivery, Rows(["q"], [float(delivery)], [[delivery]])),
        ]
        dying = LocalSink(folder, PREFIX)
        done = getattr(dying, step)

        def die(*arguments: Any, done: Any = done, **named: Any) -> None:
            if not before:
                done(*arguments, **named)
            raise KeyboardInterrupt

        setattr(dying, step, die)
        with pytest.raises(KeyboardInterrupt):
            dying.deliver(batch)
        LocalSink(folder, PREFIX).deliver(batch)
        assert xs(folder) == list(range((delivery + 1) * 200))
        assert reader(folder).params() == {"p": delivery}
        assert [entry["q"] for entry in reader(folder).track_entries("t")["entries"]] == list(range(delivery + 1))
    sink = LocalSink(folder, PREFIX)
    sink.deliver([points(800, 1)])
    sink.close()
    assert json.loads(folder.parameters.read_text())["version"] == 4


def test_a_full_disk_is_an_error_and_the_same_records_fit_later(folder: Folder) -> None:
    """A limit on the size of files stands for the disk; a child has it, for a limit can't be raised again."""
    LocalSink(folder, PREFIX).deliver([points(0, 10)])
    child = os.fork()
    if child == 0:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            LocalSink(folder, PREFIX).deliver([points(10, 500)])
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert xs(folder) == list(range(10))
    LocalSink(folder, PREFIX).deliver([points(10, 500)])
    assert xs(folder) == list(range(510))


def test_many_processes_append_to_one_experiment_some_are_killed_and_indices_stay_dense(folder: Folder) -> None:
    """Each child sends its session's points in small deliveries; the killed ones' sessions are sent again from 0."""
    sessions = [os.urandom(16) for _ in range(6)]

    def send(session: bytes) -> None:
        sink = LocalSink(folder, PREFIX)
        for first in range(0, 600, 20):
            sink.deliver([points(first, 20, session=session), points(first, 20, name=session.hex(), session=session)])

    children = []
    for session in sessions:
        child = os.fork()
        if child == 0:
            send(session)
            os._exit(0)
        children.append(child)
    dice = random.Random(7)
    for child in children[::2]:
        deadline = time.monotonic() + 20
        while not (folder.path / "metrics" / "m" / "data.jsonl").exists() and time.monotonic() < deadline:
            os.sched_yield()
        for _ in range(dice.randrange(20_000)):
            os.sched_yield()
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    for session in sessions[::2]:
        send(session)
    assert sorted(xs(folder)) == sorted(list(range(600)) * len(sessions))
    for session in sessions:
        assert xs(folder, session.hex()) == list(range(600))


def test_columns_are_stored_as_rows(folder: Folder) -> None:
    import array

    block = Columns(
        ["f", "i", "b", "v", "xyz"],
        2,
        array.array("d", [1.0, 2.0]).tobytes(),
        [
            Column("float64", array.array("d", [0.5, math.nan]).tobytes()),
            Column("int64", array.array("q", [1, -(2**63)]).tobytes()),
            Column("bool", b"\x00\x01"),
            Column("values", b"\x92\xa1a\xc0"),
            Column("float32", array.array("f", [1, 2, 3, 4, 5, 6]).tobytes(), (3,)),
        ],
    )
    LocalSink(folder, PREFIX).deliver([record("metrics", "m", 0, block)])
    LocalSink(folder, PREFIX).deliver([record("metrics", "m", 1, Rows(["f"], [3.0], [[1.0]]))])
    data = [point["data"] for point in reader(folder).metric_points("m", 0, 10)["data"]]
    assert same(
        data,
        [
            {"f": 0.5, "i": 1, "b": False, "v": "a", "xyz": [1.0, 2.0, 3.0]},
            {"f": math.nan, "i": -(2**63), "b": True, "v": None, "xyz": [4.0, 5.0, 6.0]},
        ],
    )


def test_a_name_too_long_for_a_folder_is_read_back_from_its_metadata(folder: Folder) -> None:
    sink = LocalSink(folder, PREFIX)
    name = "n/" * 400
    sink.deliver([points(0, 3, name=name)])
    sink.close()
    assert [one["name"] for one in reader(folder).metrics()] == [name]
    assert xs(folder, name) == [0, 1, 2]


@pytest.mark.parametrize("harm", ["missing", "torn", "empty"])
def test_missing_or_torn_json_files_restart_no_index_and_break_no_read(folder: Folder, harm: str) -> None:
    sink = LocalSink(folder, PREFIX)
    sink.deliver(
        [
            points(0, 5),
            record("params", "", 0, Rows(["a"], [1.0], [[1]])),
            record("runs", "", 0, RunEvents([Start(1.0)])),
        ]
    )
    sink.close()
    for path in folder.path.rglob("*.json"):
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(b"" if harm == "empty" else path.read_bytes()[:-20])
    assert xs(folder) == list(range(5))
    assert reader(folder).params() == {"a": 1}
    again = LocalSink(folder, PREFIX)
    again.deliver([points(5, 5), record("params", "", 1, Rows(["b"], [1.0], [[2]]))])
    again.close()
    assert xs(folder) == list(range(10))
    assert json.loads(folder.parameters.read_text())["data"] == {"a": 1, "b": 2}
    assert json.loads((folder.path / "metrics/m/metadata.json").read_text())["nextIndex"] == 10


def test_files_that_came_without_their_state_are_taken_over_whole(folder: Folder) -> None:
    """Only the files that the contract names are copied, one of them with a torn last line; the run goes on."""
    sink = LocalSink(folder, PREFIX)
    about = Describe(1.0, kind="metrics", name="m", description="kept")
    sink.deliver(
        [
            points(0, 5),
            record("params", "", 0, Rows(["a"], [1.0], [[1]])),
            record("runs", "", 0, RunEvents([Start(1.0), Describe(1.0, description="the run"), about])),
        ]
    )
    sink.close()
    for path in sorted(folder.state.iterdir()):
        path.unlink()
    with (folder.path / "metrics/m/data.jsonl").open("ab") as file:
        file.write(b'{"index": 5, "da')
    assert xs(folder) == list(range(5))
    assert reader(folder).params() == {"a": 1}
    again = LocalSink(folder, PREFIX)
    session = os.urandom(16)
    again.deliver([points(0, 5, session=session), record("params", "", 0, Rows(["b"], [2.0], [[2]]), session=session)])
    again.close()
    assert xs(folder) == [*range(5), *range(5)]
    assert reader(folder).params() == {"a": 1, "b": 2}
    assert json.loads(folder.experiment.read_text())["description"] == "the run"
    found = reader(folder).metric_statistics("m")
    assert found is not None
    assert found["description"] == "kept"


def test_the_status_follows_from_the_sessions(folder: Folder) -> None:
    """A session lives while its process holds the lock of its journal's folder."""
    import fcntl

    sink = LocalSink(folder, PREFIX)
    assert reader(folder).experiment() is None
    sink.deliver([record("runs", "", 0, RunEvents([Start(1.0, host="here", pid=3, rank=1, context={"a": 1})]))])
    lock = folder.journal / SESSION.hex() / "lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert (reader(folder).experiment() or {})["status"] == "RUNNING"
    assert (reader(folder).experiment() or {})["status"] == "LOST"
    failed = End(3.0, "FAILED", Error("ValueError", "no", "trace"))
    sink.deliver([record("runs", "", 1, RunEvents([failed]))])
    assert (reader(folder).experiment() or {})["status"] == "FAILED"
    (session,) = reader(folder).sessions()
    assert (session["host"], session["rank"], session["status"], session["endedAt"]) == (
        "here",
        1,
        "FAILED",
        iso_time(3.0),
    )
    assert session["error"] == {"type": "ValueError", "message": "no", "traceback": "trace"}
    assert session["context"] == {"a": 1}
    sink.deliver([record("runs", "", 0, RunEvents([Start(5.0), End(6.0, "COMPLETED")]), session=bytes(16))])
    assert (reader(folder).experiment() or {})["status"] == "COMPLETED"
    assert json.loads(folder.experiment.read_text())["status"] == "COMPLETED"


def test_what_is_said_later_counts_part_by_part(folder: Folder) -> None:
    sink = LocalSink(folder, PREFIX)
    sink.deliver([record("runs", "", 0, RunEvents([Start(1.0), Describe(5.0, description="new", tags=["a"])]))])
    other = bytes(16)
    sink.deliver([record("runs", "", 0, RunEvents([Describe(4.0, description="old", readme="r")]), session=other)])
    answer = reader(folder).experiment()
    assert answer is not None
    assert (answer["description"], answer["readme"], answer["tags"]) == ("new", "r", ["a"])


def test_a_reader_lays_what_is_not_yet_drained_over_the_files(folder: Folder) -> None:
    LocalSink(folder, PREFIX).deliver(
        [
            points(0, 300),
            record("tracks", "t", 0, Rows(["a"], [1.0, 2.0], [[1], [2]])),
            record("params", "", 0, Rows(["p"], [1.0], [[1]])),
        ]
    )
    waiting = [
        points(290, 20),
        points(0, 3, name="new"),
        record("tracks", "t", 1, Rows(["a"], [2.0], [[2]]), Rows(["b"], [2.0, 3.0], [[5], [6]])),
        record("params", "", 1, Rows(["p"], [2.0], [[2]])),
        record("logs", "", 0, Rows(["level", "message"], [1.0], [["info", "waiting"]])),
        record("runs", "", 0, RunEvents([Start(1.0)])),
    ]
    found = LocalReader(folder, PREFIX, undrained=lambda: waiting)
    page = found.metric_points("m", 295, 100)
    assert [(point["index"], point["data"]["x"]) for point in page["data"]] == [(x, x) for x in range(295, 310)]
    assert found.track_entries("t")["entries"] == [
        {"timestamp": 1.0, "a": 1},
        {"timestamp": 2.0, "a": 2, "b": 5},
        {"timestamp": 3.0, "b": 6},
    ]
    assert found.tracks()[0]["totalEntries"] == 3
    assert found.tracks()[0]["columns"] == ["a", "b"]
    assert found.params() == {"p": 2}
    assert [line["message"] for line in found.log_lines()] == ["waiting"]
    assert {one["name"]: one["totalDataPoints"] for one in found.metrics()} == {"m": 310, "new": 3}
    assert (found.metric_statistics("m") or {})["fields"]["x"]["max"] == 309
    assert (found.metric_statistics("m") or {})["fields"]["x"]["count"] == 310
    assert (found.experiment() or {})["status"] == "LOST"


def test_a_folder_that_can_only_be_read_is_read(folder: Folder) -> None:
    LocalSink(folder, PREFIX).deliver([points(0, 300), record("runs", "", 0, RunEvents([Start(1.0)]))])
    paths = [folder.path, *folder.path.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert xs(folder) == list(range(300))
        assert reader(folder).experiment() is not None
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


@given(st.lists(st.tuples(st.floats(-1e9, 4e9), drawn_fields), min_size=1, max_size=20))
def test_any_points_come_back_as_they_were_logged(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[float, dict[str, Any]]]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("any"))
    blocks: list[Block] = [Rows(list(fields), [time], [list(fields.values())]) for time, fields in events]
    LocalSink(folder, PREFIX).deliver([record("metrics", "m", 0, *blocks)])
    page = reader(folder).metric_points("m", 0, 100)
    assert same([point["data"] for point in page["data"]], [fields for _, fields in events])
    assert [point["createdAt"] for point in page["data"]] == [iso_time(time) for time, _ in events]


@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 2.5, 1e9]), drawn_fields), min_size=1, max_size=20))
def test_any_entries_come_back_merged_by_time(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[float, dict[str, Any]]]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("any"))
    events = [(time, {name: value for name, value in fields.items() if name != "timestamp"}) for time, fields in events]
    blocks: list[Block] = [Rows(list(fields), [time], [list(fields.values())]) for time, fields in events]
    LocalSink(folder, PREFIX).deliver([record("tracks", "t", 0, *blocks)])
    expected: dict[float, dict[str, Any]] = {}
    for time_, fields in events:
        expected.setdefault(time_, {"timestamp": time_}).update(fields)
    assert same(reader(folder).track_entries("t")["entries"], [expected[at] for at in sorted(expected)])
    assert reader(folder).tracks()[0]["totalEntries"] == len(expected)


@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "a.b", "a.b.c", "d", ""]), st.integers(), min_size=1), max_size=8)
)
def test_parameters_equal_the_fold_of_all_sets(
    tmp_path_factory: pytest.TempPathFactory, sets: list[dict[str, int]]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("any"))
    model = FoldedParams()
    for seq, values in enumerate(sets):
        event = Rows(list(values), [1.0], [list(values.values())])
        LocalSink(folder, PREFIX).deliver([record("params", "", seq, event)])
        model.set(values.items())
        assert same(reader(folder).params(), model.flat)


@given(st.lists(st.floats(-1e9, 4e9), min_size=1, max_size=30))
def test_times_as_text_are_those_of_the_other_modes(times: list[float]) -> None:
    iso = IsoTimes()
    near = [at + step for at in times for step in (0.0, 1e-6, 0.9999996, 1.0)]
    assert [iso.text(at) for at in near] == [iso_time(at) for at in near]
