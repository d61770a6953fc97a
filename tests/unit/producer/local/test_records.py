"""What local files hold becomes records again: the same events, each under the name that it was logged with."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.answers.shapes import iso_time
from mldash.events.identity import parse_prefix
from mldash.events.schema import Block, Describe, End, Record, Rows, RunEvents, Start
from mldash.local.folder import Folder, experiment_folder
from mldash.local.records import held_records, parts_of, records_of
from mldash.local.row_index import DamagedRow
from mldash.local.sink import LocalSink
from mldash.local.state.acknowledged import Acknowledged, FileEnd
from mldash.local.state.sources import sources_of
from tests.unit.producer.same import same
from tests.unit.producer.strategies import fields as drawn_fields

PREFIX = parse_prefix("owner/project/run")
SESSIONS = [bytes([number]) * 16 for number in range(3)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return experiment_folder(str(tmp_path), PREFIX.text)


def record(kind: Any, name: str | None, session: bytes, first_seq: int, *blocks: Block) -> Record:
    return Record(
        prefix=PREFIX.text,
        kind=kind,
        name=name,
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=[*blocks],
    )


def rows(*events: tuple[float, dict[str, Any]]) -> list[Block]:
    return [Rows([*values], [time], [[*values.values()]]) for time, values in events]


def points(session: bytes, first_seq: int, count: int, name: str | None = "m") -> Record:
    events = [(1.0, {"who": session[0], "seq": seq}) for seq in range(first_seq, first_seq + count)]
    return record("metrics", name, session, first_seq, *rows(*events))


def events_in(folder: Folder, read: dict[str, FileEnd] | None = None) -> dict[Any, list[tuple[bytes, int, float, Any]]]:
    """(session, seq, time, values) of each stream's events, in the order of the records."""
    found: dict[Any, list[tuple[bytes, int, float, Any]]] = {}
    for part in parts_of(folder, read or {}):
        for one, _, _ in records_of(folder, PREFIX, part):
            seq = one.first_seq
            for block in one.blocks:
                assert isinstance(block, (Rows, RunEvents))
                if isinstance(block, RunEvents):
                    times, values = [event.time for event in block.events], list[Any](block.events)
                else:
                    times = block.times
                    values = [dict(zip(block.fields, row, strict=True)) for row in block.rows]
                for time, value in zip(times, values, strict=True):
                    found.setdefault((one.kind, one.name), []).append((one.session, seq, time, value))
                    seq += 1
    return found


def test_every_kind_of_event_comes_back_with_its_time_and_its_values(folder: Folder) -> None:
    session = SESSIONS[0]
    start, about = Start(1.5, host="h", pid=7), Describe(2.0, description="d", tags=["t"], metadata={"b": b"\0"})
    end = End(9.0, "COMPLETED")
    sink = LocalSink(folder, PREFIX)
    sink.deliver([record("runs", "", session, 0, RunEvents([start, about]))])
    sink.deliver(
        [
            record(
                "metrics", "m", session, 0, *rows((3.25, {"x": math.nan, "_ts": 1}), (3.5, {"b": b"\1", "$": None}))
            ),
            record("metrics", None, session, 0, *rows((4.0, {"epoch": 1}))),
            record("tracks", "robot/pose", session, 0, *rows((0.1, {"q": [1, 2.0]}), (-5.0, {}))),
            record("params", "", session, 0, *rows((5.0, {"a.b": 1}))),
            record("logs", "", session, 0, *rows((6.0, {"level": "warn", "message": "hi", "metadata": {"k": 1.0}}))),
            record("runs", "", session, 2, RunEvents([end])),
        ]
    )
    found = events_in(folder)
    expected = {
        ("runs", ""): [(0, 1.5, start), (1, 2.0, about), (2, 9.0, end)],
        ("params", ""): [(0, 5.0, {"a.b": 1})],
        ("logs", ""): [(0, 6.0, {"level": "warn", "message": "hi", "metadata": {"k": 1.0}})],
        ("metrics", None): [(0, 4.0, {"epoch": 1})],
        ("metrics", "m"): [(0, 3.25, {"x": math.nan, "_ts": 1}), (1, 3.5, {"b": b"\1", "$": None})],
        ("tracks", "robot/pose"): [(0, 0.1, {"q": [1, 2.0]}), (1, -5.0, {})],
    }
    assert found.keys() == expected.keys()
    for stream, events in expected.items():
        assert same([list(one[1:]) for one in found[stream]], [list(one) for one in events]), stream
        assert {one[0] for one in found[stream]} == {session}


def test_ends_of_runs_come_last_of_all(folder: Folder) -> None:
    events = [Start(1.0), End(2.0, "COMPLETED"), Start(3.0)]
    LocalSink(folder, PREFIX).deliver(
        [record("runs", "", SESSIONS[0], 0, RunEvents([*events])), points(SESSIONS[0], 0, 1)]
    )
    order = [(part.kind, part.start.rows, part.end.rows) for part in parts_of(folder, {})]
    assert order == [("runs", 0, 1), ("metrics", 0, 1), ("runs", 1, 3)]


class Killed(BaseException):
    """The process ends here."""


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(SESSIONS), st.integers(1, 5), st.booleans(), st.booleans()), min_size=1, max_size=30
    )
)
def test_rows_keep_their_names_whoever_writes_in_turns_and_is_killed(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[bytes, int, bool, bool]]
) -> None:
    """Sessions append to one file in turns; some die before their rows are acknowledged, and send them again later."""
    folder = Folder(tmp_path_factory.mktemp("dash") / "owner" / "project" / "run")
    sinks = {session: LocalSink(folder, PREFIX) for session in SESSIONS}
    next_seq = dict.fromkeys(SESSIONS, 0)
    expected: list[tuple[bytes, int]] = []
    for session, count, dies, begins_anew in deliveries:
        if begins_anew:
            sinks[session] = LocalSink(folder, PREFIX)
        first = next_seq[session]
        if dies:
            _die_before_acknowledging(sinks[session], points(session, first, count))
            sinks[session] = LocalSink(folder, PREFIX)
            continue
        sinks[session].deliver([points(session, first, count)])
        next_seq[session] += count
        expected += [(session, seq) for seq in range(first, first + count)]
    found = events_in(folder).get(("metrics", "m"), [])
    assert [one[:2] for one in found] == expected
    assert [(bytes([one[3]["who"]]) * 16, one[3]["seq"]) for one in found] == expected


def _die_before_acknowledging(sink: LocalSink, one: Record) -> None:
    def die(*arguments: Any) -> None:
        raise Killed

    sink._acknowledge = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        sink.deliver([one])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([0.5, 1e9 + 0.123456]), drawn_fields), min_size=1, max_size=8))
def test_values_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[float, dict[str, Any]]]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("dash") / "owner" / "project" / "run")
    LocalSink(folder, PREFIX).deliver(
        [
            record("metrics", "m", SESSIONS[0], 0, *rows(*events)),
            record("params", "", SESSIONS[0], 0, *rows(*events)),
        ]
    )
    found = events_in(folder)
    for stream in (("metrics", "m"), ("params", "")):
        assert same([[time, values] for _, _, time, values in found[stream]], [list(event) for event in events])


def test_what_was_read_before_is_left_out_and_what_has_grown_since_is_read(folder: Folder) -> None:
    sink = LocalSink(folder, PREFIX)
    sink.deliver([points(SESSIONS[0], 0, 700)])
    read = {part.file: part.end for part in parts_of(folder, {})}
    assert parts_of(folder, read) == []
    sink.deliver([points(SESSIONS[0], 700, 3), points(SESSIONS[1], 0, 2)])
    assert [one[:2] for one in events_in(folder, read)["metrics", "m"]] == [
        *((SESSIONS[0], seq) for seq in range(700, 703)),
        *((SESSIONS[1], seq) for seq in range(2)),
    ]


def test_rows_that_are_not_acknowledged_are_not_read(folder: Folder) -> None:
    sink = LocalSink(folder, PREFIX)
    sink.deliver([points(SESSIONS[0], 0, 2)])
    _die_before_acknowledging(sink, points(SESSIONS[0], 2, 5))
    assert len(events_in(folder)["metrics", "m"]) == 2


def test_another_file_under_the_name_of_one_that_was_read_is_read_from_its_beginning(folder: Folder) -> None:
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[0], 0, 5)])
    file = folder.rows("metrics", "m")
    rows_and_bytes = [FileEnd(10**6, 10), FileEnd(7, 1)]
    for read in rows_and_bytes:
        assert len(events_in(folder, {file: read})["metrics", "m"]) == 5


def test_copies_of_a_folder_that_went_on_apart_share_the_names_of_what_they_share_and_no_others(folder: Folder) -> None:
    """Two hosts go on from one copied folder: both may be sent, and nothing is taken for something else."""
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[0], 0, 3)])
    copied = Folder(folder.path.with_name("copy"))
    shutil.copytree(folder.path, copied.path)
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[1], 0, 3)])
    LocalSink(copied, PREFIX).deliver([points(SESSIONS[2], 0, 3)])
    here, there = ([one[:2] for one in events_in(one)["metrics", "m"]] for one in (folder, copied))
    assert here[:3] == there[:3] == [(SESSIONS[0], seq) for seq in range(3)]
    assert not set(here[3:]) & set(there[3:])


def foreign_folder(path: Path) -> Folder:
    """As another program writes it: no histories, no sources."""
    folder = experiment_folder(str(path), PREFIX.text)
    metric, track = folder.path / "metrics" / "loss", folder.path / "tracks" / "pose"
    metric.mkdir(parents=True)
    track.mkdir(parents=True)
    lines = [{"index": at, "data": {"x": at}, "createdAt": iso_time(100.0 + at)} for at in range(3)]
    (metric / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (metric / "metadata.json").write_text(json.dumps({"name": "loss", "description": "of training"}))
    (track / "data.jsonl").write_text('{"timestamp": 1, "q": 2}\n')
    (track / "metadata.json").write_text(json.dumps({"topic": "pose", "createdAt": iso_time(50.0)}))
    folder.parameters.write_text(json.dumps({"version": 1, "data": {"lr": 0.1}}))
    folder.experiment.write_text(json.dumps({"prefix": PREFIX.text, "description": "d", "tags": ["t"]}))
    return folder


def names_in(folder: Folder) -> set[tuple[bytes, str, str | None, int]]:
    found = {
        (session, kind, name, seq)
        for (kind, name), events in events_in(folder).items()
        for session, seq, _, _ in events
    }
    for one in held_records(folder, PREFIX):
        found |= {(one.session, one.kind, one.name, one.first_seq + at) for at in range(one.count)}
    return found


def test_files_of_another_program_are_read_whole_and_nothing_is_written_there(tmp_path: Path) -> None:
    folder = foreign_folder(tmp_path)
    before = sorted(folder.path.rglob("*"))
    found = events_in(folder)
    assert [one[2:] for one in found["metrics", "loss"]] == [(100.0 + at, {"x": at}) for at in range(3)]
    assert [one[2:] for one in found["tracks", "pose"]] == [(1.0, {"q": 2})]
    held = {one.kind: one for one in held_records(folder, PREFIX)}
    (params,) = held["params"].blocks
    assert isinstance(params, Rows) and (params.fields, params.rows) == (["lr"], [[0.1]])
    (said,) = held["runs"].blocks
    assert isinstance(said, RunEvents)
    assert [(one.kind, one.name, one.description) for one in said.events if isinstance(one, Describe)] == [
        (None, None, "d"),
        ("metrics", "loss", "of training"),
    ]
    assert sorted(folder.path.rglob("*")) == before


def test_files_of_another_program_keep_their_names_when_a_run_of_ours_goes_on_there(tmp_path: Path) -> None:
    folder = foreign_folder(tmp_path)
    before = names_in(folder)
    assert len(before) == 3 + 1 + 1 + 2
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[0], 0, 2, name="loss")])
    new = {(SESSIONS[0], "metrics", "loss", seq) for seq in range(2)}
    assert names_in(folder) == before | new


def test_tracks_that_begin_alike_on_two_hosts_have_two_names(tmp_path: Path) -> None:
    names = []
    for host in ("a", "b"):
        folder = foreign_folder(tmp_path / host)
        (folder.path / "tracks" / "pose" / "metadata.json").write_text(json.dumps({"topic": "pose", "createdAt": host}))
        names.append(events_in(folder)["tracks", "pose"][0][0])
    assert names[0] != names[1]


def test_a_line_that_is_no_row_is_an_error_that_names_the_file(folder: Folder) -> None:
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[0], 0, 3)])
    path = folder.path / folder.rows("metrics", "m")
    path.write_bytes(path.read_bytes().replace(b'"createdAt"', b'"creatdeAt"', 1))
    with pytest.raises(DamagedRow, match=r"m/data.jsonl.*createdAt"):
        events_in(folder)


def test_the_bytes_of_the_sources_are_those_of_the_format(folder: Folder) -> None:
    """Read with the page at the head of sources.py beside it."""
    sink = LocalSink(folder, PREFIX)
    sink.deliver([points(SESSIONS[1], 0, 2), points(SESSIONS[1], 2, 1)])
    sink.deliver([points(SESSIONS[2], 5, 1)])
    sink.deliver([points(SESSIONS[1], 3, 1)])
    written = sources_of(folder.path / folder.rows("metrics", "m")).read_bytes()
    assert written == (Path(__file__).parents[2] / "golden" / "row_sources_v1.bin").read_bytes()


def test_lost_sources_leave_names_that_do_not_change(folder: Folder) -> None:
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[0], 0, 3)])
    sources_of(folder.path / folder.rows("metrics", "m")).unlink()
    before = [one[:2] for one in events_in(folder)["metrics", "m"]]
    LocalSink(folder, PREFIX).deliver([points(SESSIONS[0], 3, 2)])
    after = [one[:2] for one in events_in(folder)["metrics", "m"]]
    assert after == [*before, (SESSIONS[0], 3), (SESSIONS[0], 4)]
    acknowledged = Acknowledged(folder.state)
    acknowledged.refresh()
    assert acknowledged.next_seq(SESSIONS[0], "metrics", "m") == 5
