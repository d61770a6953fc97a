"""What can be read of a journal whose process is gone, wherever it was cut."""

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mldash.journal.checkpoint import Base, Checkpoint, Place, write_base
from mldash.journal.reading.rounds import Gatherer
from mldash.journal.reading.scan import LiveSource, Scan, StoredSource, session_after_damage
from mldash.journal.session_folder import open_session_folder
from mldash.journal.sessions import find_sessions, try_lock

from .journals import PREFIX, events_in, new_journal, records_in


def test_a_journal_cut_at_any_byte_gives_every_event_before_the_cut(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=8192)
    stream = journal.stream("metrics", "train")
    ends = []
    for i in range(60):
        stream.append(float(i), {"loss": i / 3, "text": "y" * (i % 5)})
        ends.append(journal.end().offset)
    folder = journal.folder
    assert folder is not None
    path = folder.segment_path(0)
    whole = path.read_bytes()
    for cut in range(ends[-1] + 1):
        path.write_bytes(whole[:cut])
        found = events_in(StoredSource(folder)).get(("metrics", "train"), [])
        assert len(found) == sum(end <= cut for end in ends)
        path.write_bytes(whole[:cut] + bytes(4096))
        assert len(events_in(StoredSource(folder)).get(("metrics", "train"), [])) == len(found)


@given(data=some.data())
def test_a_cut_anywhere_and_garbage_behind_it_give_what_was_whole_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: some.DataObject
) -> None:
    """Of a journal of several segments: what lies before the cut keeps its seqs, what lies in later segments is read
    under a session of its own, and no event comes twice or changed."""
    root = tmp_path_factory.mktemp("journal")
    journal = new_journal(root, segment_bytes=4096)
    stream = journal.stream("metrics", "train")
    places = []
    for i in range(data.draw(some.integers(1, 300))):
        stream.append(float(i), {"i": i, "text": "y" * (i % 30)})
        places.append(journal.end())
    assert journal.folder is not None
    copy = shutil.copytree(journal.folder.path, root / "copy")  # what is mapped must not be cut
    journal.close()
    journal.forget(remove=True)
    folder = open_session_folder(copy)
    assert folder is not None
    number = data.draw(some.sampled_from(folder.segments()))
    path = folder.segment_path(number)
    whole = path.read_bytes()
    cut = data.draw(some.integers(0, len(whole)))
    garbage = data.draw(some.binary(max_size=300))
    path.write_bytes((whole[:cut] + garbage)[: len(whole)])
    records = records_in(StoredSource(folder))
    shutil.rmtree(copy)
    before = [i for i, end in enumerate(places) if end <= Place(number, cut)]
    behind = [i for i, end in enumerate(places) if end.segment > number]
    own = [int(time) for record in records if record.session == folder.head.session_id for time in _times(record)]
    other = [int(time) for record in records if record.session != folder.head.session_id for time in _times(record)]
    found = own + other
    assert found == sorted(set(found)), "none twice, all in order"
    assert own[: len(before)] == before
    assert set(before) | set(behind) <= set(found)
    for record in records:
        assert record.session != folder.head.session_id or record.first_seq == int(_times(record)[0])


def test_a_damaged_byte_never_gives_a_wrong_event(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=8192)
    stream = journal.stream("metrics", "train")
    for i in range(40):
        stream.append(float(i), {"loss": i / 3})
    right = events_in(LiveSource(journal))["metrics", "train"]
    folder, end = journal.folder, journal.end().offset
    assert folder is not None
    path = folder.segment_path(0)
    whole = path.read_bytes()
    for at in range(32, end):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        found = events_in(StoredSource(folder)).get(("metrics", "train"), [])
        assert found == right[: len(found)]
        assert len(found) < 40


def test_behind_a_damaged_place_events_go_on_under_a_session_of_their_own(tmp_path: Path) -> None:
    """Their seqs can not be known: under the old session they would be taken for others, and vanish."""
    journal = new_journal(tmp_path, segment_bytes=4096)
    stream = journal.stream("metrics", "train")
    for i in range(2_000):
        stream.append(float(i), {"i": i})
    folder = journal.folder
    assert folder is not None and len(journal.segments) > 3
    path = folder.segment_path(1)
    damaged = bytearray(path.read_bytes())
    damaged[2000] ^= 0xFF
    path.write_bytes(damaged)
    records = records_in(StoredSource(folder))
    sessions = [record.session for record in records]
    other = session_after_damage(folder.head.session_id, 2)
    assert {*sessions} == {folder.head.session_id, other}
    assert records[sessions.index(other)].first_seq == 0
    assert records_in(StoredSource(folder)) == records, "a second scan tells the same"


@given(after=some.integers(0, 299), segment_bytes=some.sampled_from([4096, 8192, 1 << 20]))
def test_a_scan_from_any_checkpoint_gives_what_follows_with_its_seqs(
    tmp_path_factory: pytest.TempPathFactory, after: int, segment_bytes: int
) -> None:
    root = tmp_path_factory.mktemp("journal")
    journal = new_journal(root, segment_bytes=segment_bytes)
    streams = [journal.stream("metrics", name) for name in ("a", "b")]
    places = []
    for i in range(300):
        places.append(journal.end())
        streams[i % 3 == 0].append(float(i), {"i": i})
    records = records_in(LiveSource(journal), after=places[after])
    times = sorted(time for record in records for time in _times(record))
    assert times == [float(i) for i in range(after, 300)]
    for record in records:
        expected = [i for i in range(300) if (i % 3 == 0) == (record.name == "b")]
        first = _times(record)[0]
        assert expected[record.first_seq] == first
    journal.close()
    journal.forget(remove=True)


def test_released_segments_are_gone_and_the_count_goes_on_from_the_base(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=4096)
    stream = journal.stream("metrics", "train")
    gatherer = None
    for i in range(1_000):
        stream.append(float(i), {"i": i})
        if i == 800:
            gatherer = Gatherer(Scan(LiveSource(journal)), PREFIX)
            done = None
            while (found := gatherer.next_round()) is not None:
                done = found
            assert done is not None
            journal.release(done.base)
    folder = journal.folder
    assert folder is not None
    assert min(folder.segments()) > 0
    assert folder.segments() == sorted(journal.segments)
    assert stream.next_seq == 1_000
    records = records_in(StoredSource(folder))
    assert records[-1].first_seq + records[-1].count == 1_000
    assert {record.session for record in records} == {folder.head.session_id}


def test_without_its_base_a_journal_is_read_under_another_session(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=4096)
    stream = journal.stream("metrics", "train")
    for i in range(2_000):
        stream.append(float(i), {"i": i})
    journal.release(Base(2, []))
    folder = journal.folder
    assert folder is not None
    folder.base_path.write_bytes(b"torn")
    assert {record.session for record in records_in(StoredSource(folder))} == {
        session_after_damage(folder.head.session_id, 2)
    }


def test_a_checkpoint_torn_in_one_slot_falls_back_to_the_other(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    checkpoint = Checkpoint(path)
    for offset in (100, 200, 300):
        checkpoint.advance(Place(1, offset))
    checkpoint.advance(Place(0, 999))
    checkpoint.close()
    assert Checkpoint(path).place == Place(1, 300), "a checkpoint never goes back"
    for at in range(64):
        data = bytearray(path.read_bytes())
        data[at] ^= 0xFF
        torn = tmp_path / "torn"
        torn.write_bytes(data)
        assert Checkpoint(torn).place in (Place(1, 300), Place(1, 200))


def test_a_base_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "base"
    write_base(path, Base(1, []))
    write_base(path, Base(2, []))
    assert [file.name for file in tmp_path.iterdir()] == ["base"]


_LOGGER = """
import sys, os
from pathlib import Path
from tests.unit.producer.journal.journals import new_journal
journal = new_journal(Path(sys.argv[1]), segment_bytes=1 << 16)
streams = [journal.stream("metrics", "train"), journal.stream("metrics", "eval")]
i = 0
while True:
    streams[i % 7 == 0].append(float(i), {"i": i, "loss": i / 3})
    i += 1
    if i % 100 == 0:
        os.write(1, b"%d\\n" % i)
"""


@pytest.mark.parametrize("round_", range(5))
def test_after_sigkill_every_event_whose_log_had_returned_is_there_in_order(tmp_path: Path, round_: int) -> None:
    with subprocess.Popen([sys.executable, "-c", _LOGGER, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(random.Random(round_).randrange(1, 400))]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().splitlines(keepends=True)
    returned = int([line for line in told if line.endswith(b"\n")][-1])
    (folder,) = find_sessions(tmp_path)
    assert try_lock(folder), "its process is gone, and its lock with it"
    found = events_in(StoredSource(folder))
    folder.unlock()
    written = sorted(fields["i"] for events in found.values() for _, fields in events)
    assert written == list(range(len(written)))
    assert len(written) >= returned
    for number, name in enumerate(("train", "eval")):
        assert [fields["i"] for _, fields in found["metrics", name]] == [i for i in written if (i % 7 == 0) == number]


def _times(record: object) -> list[float]:
    from .journals import events_of

    return [time for time, _ in events_of(record)]  # type: ignore[arg-type]
