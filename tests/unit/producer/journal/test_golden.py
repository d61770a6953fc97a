"""The bytes of a session's folder: what is written today is what was committed, and what was committed is read.

tests/unit/golden/journal_v1/ has three folders: `logged`, as a run leaves it that was killed before anything was sent;
`refused`, of which a part is acknowledged and an event is held; `network`, of a file system without locks, whose files
another process has taken.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mldash.callbacks import Callbacks
from mldash.events.schema import Column, Describe, End, Error, Record, Rows, Start
from mldash.events.topics import TopicAddress
from mldash.journal import lease, ownership, writers
from mldash.journal.append import Journal
from mldash.journal.checkpoint import Base, Checkpoint, Place, StreamSeq
from mldash.journal.held import HeldEvents
from mldash.journal.lease import Holder, Lease
from mldash.journal.ownership import Pulse, end_of, fix_end, read_pulse
from mldash.journal.plain_segment import PlainSegment
from mldash.journal.reading.scan import StoredSource
from mldash.journal.session_folder import Head, SessionFolder, open_session_folder
from mldash.journal.sessions import try_lock
from mldash.process.processes import Process

from .journals import append_row, events_in, records_in

GOLDEN = Path(__file__).parents[2] / "golden/journal_v1"
SESSION = bytes(range(16))
PROCESS = Process("5f0c6a4e-boot pid:[4026531836]", 42, "123456")
NOW = 1_700_000_000.25
START = Start(1.0, host="h", pid=42, rank=3, world_size=8, user="u", context={"git": {"dirty": True}})
DESCRIBE = Describe(2.0, kind="metrics", name=None, description="d", tags=["a"], metadata={"k": [1, None]})
END = End(9.0, "FAILED", Error("ValueError", "no", "Traceback …"))
COLUMNS = {
    "x": Column("int64", bytes(range(16))),
    "loss": Column("float64", bytes(16)),
    "half": Column("float32", b"\0\0\0\x3f\0\0\x80\x3f"),
    "good": Column("bool", b"\1\0"),
    "tag": Column("values", b"\x92\xa1a\xc0"),
}
HELD = Record(
    prefix="owner/project/run",
    kind="metrics",
    name="train",
    session=SESSION,
    first_seq=5,
    logged_at=NOW,
    blocks=[Rows(["text"], [6.0], [["a" * 20]])],
)
EXPECTED: dict[tuple[str, str | None], list[tuple[float, dict[str, Any]]]] = {
    ("runs", ""): [(1.0, {"event": START}), (2.0, {"event": DESCRIBE}), (9.0, {"event": END})],
    ("params", ""): [(2.5, {"depth": 4, "empty": {}})],
    ("metrics", "train"): [
        (3.0, {"loss": 0.25, "text": "größe", "bytes": b"\0\xff", "big": 2**64 - 1, "none": None, "list": [1, 1.0]}),
        (3.5, {"loss": -0.0, "step": 2**63 - 1, "good": True}),
        (4.0, {"loss": float("inf"), "step": -1, "good": False}),
        (5.0, {"text": "y" * 8000}),
    ],
    ("metrics", None): [
        (0.0, {"x": 506097522914230528, "loss": 0.0, "half": 0.5, "good": True, "tag": "a"}),
        (1.0, {"x": 1084818905618843912, "loss": 0.0, "half": 1.0, "good": False, "tag": None}),
    ],
    ("tracks", "robot/position"): [(12.5, {"pose": [1.0, 2.0, 3.0]})],
    ("logs", ""): [(7.0, {"level": "warn", "message": "größe", "metadata": {"k": 1}})],
}


@pytest.fixture(autouse=True)
def the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock, the process and the tokens, which are different otherwise."""
    monkeypatch.setattr(writers, "_now", lambda: NOW)
    monkeypatch.setattr(ownership, "this_process", lambda: PROCESS)
    monkeypatch.setattr(lease, "this_process", lambda: PROCESS)
    monkeypatch.setattr(lease.os, "urandom", lambda count: b"\xab" * count)


def make_head() -> Head:
    return Head(
        prefix="owner/project/run", session=SESSION.hex(), mode="remote", host="h", pid=42, rank=3, started=1.5,
        remote="http://127.0.0.1:8000",
    )  # fmt: skip


def log(root: Path, **settings: object) -> Journal:
    """Every kind of frame, over two segments."""
    journal = Journal(
        root, make_head, on_open=lambda journal: None, callbacks=Callbacks(), limit_bytes=1 << 20, segment_bytes=4096,
        **settings,  # type: ignore[arg-type]
    )  # fmt: skip
    runs, train = journal.stream("runs"), journal.stream("metrics", "train")
    runs.append_run_event(START)
    runs.append_run_event(DESCRIBE)
    journal.stream("params").append(2.5, {"depth": 4, "empty": {}})
    train.append(*EXPECTED["metrics", "train"][0])
    rows = journal.rows(train, "dq?", ("loss", "step", "good"))
    assert rows is not None
    append_row(rows, 3.5, (-0.0, 2**63 - 1, True))
    append_row(rows, 4.0, (float("inf"), -1, False))
    journal.stream("metrics", None).append_columns(b"\0" * 14 + b"\xf0\x3f", 2, COLUMNS)
    train.append(5.0, {"text": "y" * 8000})  # no room for it in the first segment
    journal.stream("tracks", "robot/position").append(12.5, {"pose": [1.0, 2.0, 3.0]})
    journal.stream("logs").append(*EXPECTED["logs", ""][0])
    runs.append_run_event(END)
    return journal


def refuse(root: Path) -> SessionFolder:
    """The first segment is acknowledged but for one event, which is held."""
    journal = log(root)
    folder = journal.folder
    assert folder is not None
    folder.fix_topics({"metrics": TopicAddress("mldash.metrics", 12)}, "application/msgpack")
    checkpoint = Checkpoint(folder.checkpoint_path)
    for place in (Place(0, 500), Place(1, 32), Place(1, 64)):
        checkpoint.advance(place)
    checkpoint.close()
    HeldEvents(folder).add([HELD, HELD])
    journal.release(Base(1, [StreamSeq(0, "runs", "", 2), StreamSeq(1, "metrics", "train", 3)]))
    return folder


def be_taken(root: Path) -> SessionFolder:
    """The folder of a process that was silent for too long; beside it, under the name `taken`, what the link says."""
    journal = log(root, make_segment=PlainSegment, dead_after_s=600.0)
    folder = journal.folder
    assert folder is not None
    old = Lease(folder.path / "lease")
    assert old.try_take()
    old.path.rename(folder.path / "held-lease")
    assert old.try_take()
    seen = lease._look(old.path)
    assert seen is not None
    old._break(seen)
    (folder.path / "held-lease").rename(old.path)
    fix_end(folder.path, journal.end())
    (folder.path / "taken").write_text(str((root / f".taken-{SESSION.hex()}").readlink()))
    assert folder.ownership is not None
    folder.ownership.let_go()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def stored(name: str, root: Path) -> SessionFolder:
    """The committed folder, to be read."""
    folder = open_session_folder(shutil.copytree(GOLDEN / name, root / SESSION.hex()))
    assert folder is not None
    return folder


def test_a_run_writes_the_bytes_of_version_one(tmp_path: Path) -> None:
    """session.json, lock, base, checkpoint, and every kind of frame in two mapped segments."""
    folder = log(tmp_path).folder
    assert folder is not None
    assert files(folder.path) == files(GOLDEN / "logged")


def test_what_is_acknowledged_and_what_is_held_have_the_bytes_of_version_one(tmp_path: Path) -> None:
    """session.json in format 2 and with its topics, both slots of the checkpoint, a base with streams, held frames."""
    assert files(refuse(tmp_path).path) == files(GOLDEN / "refused")


def test_a_session_without_locks_has_the_bytes_of_version_one(tmp_path: Path) -> None:
    """Heartbeat, lease, a broken one, the end that was fixed, and plain segments."""
    assert files(be_taken(tmp_path).path) == files(GOLDEN / "network")


def test_the_committed_journal_is_read_event_for_event(tmp_path: Path) -> None:
    folder = stored("logged", tmp_path)
    assert folder.head == make_head()
    assert repr(events_in(StoredSource(folder))) == repr(in_order(EXPECTED, events_in(StoredSource(folder))))
    assert {record.session for record in records_in(StoredSource(folder))} == {SESSION}
    assert folder.checkpoint() == Place(0, 32)


def test_the_committed_rest_of_a_journal_goes_on_with_its_seqs_and_its_held_events(tmp_path: Path) -> None:
    folder = stored("refused", tmp_path)
    assert (folder.head.format, folder.head.topics) == (2, {"metrics": TopicAddress("mldash.metrics", 12)})
    assert folder.checkpoint() == Place(1, 64)
    seqs = {(record.kind, record.name): record.first_seq for record in records_in(StoredSource(folder))}
    assert seqs == {("metrics", "train"): 3, ("tracks", "robot/position"): 0, ("logs", ""): 0, ("runs", ""): 2}
    assert [record for _, record in HeldEvents(folder).records()] == [HELD, HELD]


def test_the_committed_files_without_locks_say_who_wrote_them_and_where_they_end(tmp_path: Path) -> None:
    folder = stored("network", tmp_path)
    assert read_pulse(folder.path) == Pulse(PROCESS, 600.0)
    holder = msgspec.json.decode((folder.path / "lease").read_bytes(), type=Holder)
    assert holder == Holder(PROCESS, "ab" * 8)
    assert len(Lease(folder.path / "lease").marks()) == 1
    (tmp_path / f".taken-{SESSION.hex()}").symlink_to((folder.path / "taken").read_text())
    end = end_of(folder.path)
    assert end is not None and folder.end() == end
    assert end.segment == 1
    (folder.path / "lease").unlink()
    assert try_lock(folder), "it has an end, so it is another's"
    folder.unlock()
    assert repr(events_in(StoredSource(folder))) == repr(in_order(EXPECTED, events_in(StoredSource(folder))))


def in_order(expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> dict[Any, Any]:
    """`expected` with its keys in the order of `found`: a repr tells 1, 1.0, True and the zeros apart, and orders."""
    assert expected.keys() == found.keys()
    return {key: expected[key] for key in found}
