"""Seqs of finished sessions are left out of .state/acknowledged, and nothing is ever shown or stored twice."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from mldash import Experiment
from mldash.events.identity import new_session_id, parse_prefix
from mldash.events.schema import Record, Rows
from mldash.local.folder import Folder, experiment_folder
from mldash.local.reading.reader import LocalReader
from mldash.local.records import parts_of, records_of
from mldash.local.sink import LocalSink
from mldash.local.state import acknowledged
from mldash.local.state.acknowledged import LEASES, Acknowledged, FileEnd

PREFIX = parse_prefix("owner/project/run")
STREAMS = ("a", "b")
STREAMS_OF_A_RUN = 5


def record(session: bytes, name: str, seq: int, value: int) -> Record:
    return Record(
        prefix=PREFIX.text,
        kind="metrics",
        name=name,
        session=session,
        first_seq=seq,
        logged_at=1.0,
        blocks=[Rows(["x"], [1.0], [[value]])],
    )


class AsOfVersion010(msgspec.Struct, frozen=True, array_like=True):
    """A record as version 0.1.0 reads it."""

    files: dict[str, FileEnd]
    seqs: list[tuple[bytes, str, str | None, int]]
    fence: int = 0
    fenced: dict[str, int] = {}


class Sessions(RuleBasedStateMachine):
    """A journal is a list of records and a checkpoint; files, sinks and readers are the real ones.

    Whoever drains is killed before the checkpoint, after it, or between saying that the session is finished and
    deleting its journal. A reader looks at the journals at one moment and at the files at a later one. A journal that
    was deleted turns up again, whole, as in a copy that is added to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.folder = experiment_folder(str(self.root), PREFIX.text)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(acknowledged, "REWRITE_BYTES", 0)
        self.patch.setattr(acknowledged, "REWRITE_TIMES", 2)
        self.patch.setattr(acknowledged, "FINISHED_KEPT_S", 0)
        self.sinks = [LocalSink(self.folder, PREFIX) for _ in range(2)]
        self.journals: dict[bytes, list[Record]] = {}
        self.checkpoints: dict[bytes, int] = {}
        self.finished: set[bytes] = set()
        self.deleted: dict[bytes, list[Record]] = {}
        self.logged: dict[str, list[int]] = {name: [] for name in STREAMS}
        self.count = 0
        self.look: tuple[list[Record], dict[str, list[int]]] | None = None
        self.reader = LocalReader(self.folder, PREFIX, undrained=self.waiting)

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.root)

    def waiting(self) -> list[Record]:
        if self.look is not None:
            return self.look[0]
        return [one for session, records in self.journals.items() for one in records[self.checkpoints[session] :]]

    @rule(names=st.lists(st.sampled_from(STREAMS), min_size=1, max_size=4), pick=st.integers(0, 5))
    def log(self, names: list[str], pick: int) -> None:
        open_ones = sorted(self.journals.keys() - self.finished)
        session = open_ones[pick] if pick < len(open_ones) else self.count.to_bytes(16)
        records = self.journals.setdefault(session, [])
        self.checkpoints.setdefault(session, 0)
        for name in names:
            records.append(record(session, name, sum(one.name == name for one in records), self.count))
            self.logged[name].append(self.count)
            self.count += 1

    @precondition(lambda self: self.journals)
    @rule(
        data=st.data(),
        who=st.integers(0, 1),
        keeps_checkpoint=st.booleans(),
        end=st.sampled_from(["goes on", "is finished", "is deleted"]),
    )
    def drain(self, data: Any, who: int, keeps_checkpoint: bool, end: str) -> None:
        session = data.draw(st.sampled_from(sorted(self.journals)))
        records, place = self.journals[session], self.checkpoints[session]
        to = len(records) if end != "goes on" else data.draw(st.integers(place, len(records)))
        self.sinks[who].deliver(records[place:to])
        if keeps_checkpoint:
            self.checkpoints[session] = to
        if end != "goes on":
            self.sinks[who].finish(session)
            self.finished.add(session)
        if end == "is deleted":
            self.deleted[session] = self.journals.pop(session)

    @precondition(lambda self: self.deleted)
    @rule(data=st.data())
    def a_deleted_journal_turns_up(self, data: Any) -> None:
        session = data.draw(st.sampled_from(sorted(self.deleted)))
        self.journals[session], self.checkpoints[session] = self.deleted.pop(session), 0

    @rule(who=st.integers(0, 1))
    def a_process_begins_anew(self, who: int) -> None:
        self.sinks[who] = LocalSink(self.folder, PREFIX)

    @rule()
    def a_reader_looks_at_the_journals(self) -> None:
        self.look = None
        self.look = self.waiting(), {name: list(values) for name, values in self.logged.items()}

    @precondition(lambda self: self.look is not None)
    @rule()
    def that_reader_looks_at_the_files(self) -> None:
        assert self.look is not None
        for name, values in self.look[1].items():
            found = self.read(LocalReader(self.folder, PREFIX, undrained=self.waiting), name)
            assert len(found) == len(set(found))
            assert set(values) <= set(found) <= set(self.logged[name])
        self.look = None

    @invariant()
    def each_event_is_shown_once(self) -> None:
        if self.look is None:
            for name, values in self.logged.items():
                assert sorted(self.read(self.reader, name)) == values

    @staticmethod
    def read(reader: LocalReader, name: str) -> list[int]:
        return [point["data"]["x"] for point in reader.metric_points(name, 0, 10_000)["data"]]


def test_each_event_is_shown_once_at_every_moment_whoever_is_killed() -> None:
    """Against a model, with rewrites of the file all the time."""
    run_state_machine_as_test(Sessions, settings=settings(max_examples=40, stateful_step_count=40, deadline=None))


def finish_runs(folder: Folder, count: int) -> list[bytes]:
    """Sessions of five streams that are drained, finished and gone, one after another."""
    sessions = [new_session_id() for _ in range(count)]
    for session in sessions:
        sink = LocalSink(folder, PREFIX)
        sink.deliver([record(session, f"m{number}", 0, number) for number in range(STREAMS_OF_A_RUN)])
        sink.finish(session)
    return sessions


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return experiment_folder(str(tmp_path), PREFIX.text)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a long time: the file is rewritten as soon as it can be."""
    monkeypatch.setattr(acknowledged, "REWRITE_BYTES", 0)
    monkeypatch.setattr(acknowledged, "REWRITE_TIMES", 2)
    monkeypatch.setattr(acknowledged, "FINISHED_KEPT_S", 0)


@pytest.mark.usefixtures("at_once")
def test_after_hundreds_of_runs_the_file_is_small(folder: Folder) -> None:
    """300 runs with five streams each: some 19 bytes a run are kept, where it was 160."""
    sessions = finish_runs(folder, 300)
    state = Acknowledged(folder.state)
    state.refresh()
    assert len(state.seqs) <= 300
    assert set(state.finished) == set(sessions)
    assert state.path.stat().st_size < 300 * 50


@pytest.mark.usefixtures("at_once")
def test_the_end_of_a_run_and_what_a_killed_one_left_finish_their_sessions(tmp_path: Path) -> None:
    """By Experiment; a folder that was copied while its run was open is that of a killed one."""
    first = Experiment(PREFIX.text, root=str(tmp_path / "dash"), echo=False)
    with first.run:
        first.metrics("m").log(x=0)
        first.flush()
        shutil.copytree(tmp_path / "dash", tmp_path / "copy")
    second = Experiment(PREFIX.text, root=str(tmp_path / "copy"), echo=False)
    with second.run:
        second.metrics("m").log(x=1)
    for root, count in (("dash", 1), ("copy", 2)):
        folder = experiment_folder(str(tmp_path / root), PREFIX.text)
        state = Acknowledged(folder.state)
        state.refresh()
        assert len(state.finished) == count
        assert not list(folder.journal.iterdir())
    assert [point["data"]["x"] for point in second.metrics("m").read()["data"]] == [0, 1]


@pytest.mark.usefixtures("at_once")
def test_a_copy_sends_each_row_under_its_own_name(folder: Folder, tmp_path: Path) -> None:
    """What `mldash sync` sends of a copy, when the seqs are long gone: session and seq of every row."""
    sessions = finish_runs(folder, 30)
    shutil.copytree(folder.path, tmp_path / "copy")
    copied = Folder(tmp_path / "copy")
    LocalSink(copied, PREFIX).deliver([record(sessions[0], "m0", 0, 0)])
    (part,) = [part for part in parts_of(copied, {}) if part.name == "m0"]
    named = [(one.record.session, one.record.first_seq) for one in records_of(copied, PREFIX, part)]
    assert named == [(session, 0) for session in sessions]


@pytest.mark.usefixtures("at_once")
def test_where_leases_count_no_seq_is_left_out(folder: Folder) -> None:
    """Who was paused may deliver again at any time."""
    folder.state.mkdir(parents=True)
    (folder.state / LEASES).touch()
    finish_runs(folder, 10)
    state = Acknowledged(folder.state)
    state.refresh()
    assert len(state.seqs) == 10 * STREAMS_OF_A_RUN
    assert not state.finished


def test_seqs_are_kept_for_an_hour_for_readers_of_version_0_1_0(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read the file that says more, and leave out by seqs what they have seen in a journal."""
    monkeypatch.setattr(acknowledged, "REWRITE_BYTES", 0)
    monkeypatch.setattr(acknowledged, "REWRITE_TIMES", 2)
    (session, *_) = finish_runs(folder, 10)
    state = Acknowledged(folder.state)
    state.refresh()
    assert len(state.seqs) == 10 * STREAMS_OF_A_RUN
    data = state.path.read_bytes()
    length = int.from_bytes(data[16:20], "little")  # of the first record, behind magic and generation
    old = msgspec.msgpack.decode(data[24 : 24 + length], type=AsOfVersion010)
    assert (session, "metrics", "m0", 1) in old.seqs
