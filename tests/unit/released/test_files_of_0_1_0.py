"""What version 0.1.0 left on disks and on topics is read as it was meant (tests/released/v0_1_0)."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import mldash
from mldash import Experiment
from mldash.events.encoding import UndecodableRecord, decode_record
from mldash.events.schema import Claim, Columns, Describe, End, Heartbeat, Record, RunEvents, Signals, Start
from mldash.events.stored import decode_stored
from mldash.journal.reading.scan import StoredSource
from mldash.journal.sessions import find_sessions
from tests.released.samples import StoredRecord, records, unpack
from tests.released.v0_1_0 import content
from tests.unit.producer.journal.journals import records_in
from tests.unit.producer.same import same


def test_a_local_folder_of_0_1_0_reads_as_it_was_written(tmp_path: Path) -> None:
    """Every kind of call, read back through the SDK."""
    root = unpack("dash", tmp_path)
    there = Experiment("released/done/run", root=root)
    assert reads(there, content.everything())
    assert there.run.status == "COMPLETED"


def test_what_a_killed_run_of_0_1_0_had_not_drained_reads_behind_its_files(tmp_path: Path) -> None:
    """300 points lie in its journal only: read where they are, and once more when a new run has drained them."""
    root = unpack("dash", tmp_path)
    expected = content.everything(trained=25 + content.UNDRAINED)
    files = root / "released/killed/run/metrics/train/data.jsonl"
    assert len(files.read_bytes().splitlines()) == 25
    assert reads(Experiment("released/killed/run", root=root), expected)
    with Experiment("released/killed/run", root=root, echo=False).run as again:
        again.metrics("train").log(**content.train_points(1, 25 + content.UNDRAINED)[0])
    assert len(files.read_bytes().splitlines()) == 26 + content.UNDRAINED
    assert reads(Experiment("released/killed/run", root=root), content.everything(trained=26 + content.UNDRAINED))


@pytest.mark.parametrize("name", ["offline", "network"])
def test_an_offline_journal_of_0_1_0_answers_reads(tmp_path: Path, name: str) -> None:
    journal = unpack("journal", tmp_path) / name
    there = Experiment(f"released/{name}/run", mode="offline", journal=journal)
    assert reads(there, content.everything())
    assert there.run.status == "COMPLETED"


def test_a_dead_journal_of_0_1_0_gives_each_event_with_its_seq(tmp_path: Path) -> None:
    """Of a remote run that met no server: all that it logged, and whose it is."""
    [session] = find_sessions(unpack("journal", tmp_path) / "killed")
    assert (session.head.prefix, session.head.mode, session.head.topics) == ("released/vanished/run", "remote", None)
    assert_all_there(events_of(records_in(StoredSource(session))))


def test_records_of_0_1_0_in_either_encoding_say_the_same() -> None:
    """The same calls were sent as MessagePack and as JSON: events and blocks are alike but for times."""
    packed, as_json = events_of(decoded("released/packed/run")), events_of(decoded("released/json/run"))
    assert same(content.ordered(packed), content.ordered(as_json))
    assert_all_there(packed)


def test_records_of_0_1_0_hold_every_kind_of_run_event_and_signal() -> None:
    for prefix in ("released/packed/run", "released/json/run"):
        blocks = [block for record in decoded(prefix) for block in record.blocks]
        said = Counter(type(event) for block in blocks if isinstance(block, RunEvents) for event in block.events)
        said += Counter(type(one) for block in blocks if isinstance(block, Signals) for one in block.signals)
        assert said.keys() == {Start, Describe, End, Heartbeat, Claim}, said
        assert any(isinstance(block, Columns) for block in blocks)


def test_dead_letters_and_statements_of_0_1_0_are_read() -> None:
    letters = [one for one in records() if one.topic == "dead-letters"]
    reasons = [dict(one.headers)["dead-letter-reason"].decode() for one in letters]
    assert len(letters) == 2 and any("newer" in reason for reason in reasons), reasons
    originals = {(f"released.{one.topic}", one.partition, one.offset): one for one in records()}
    for letter in letters:
        at = dict(letter.headers)
        place = (at["dead-letter-topic"].decode(), int(at["dead-letter-partition"]), int(at["dead-letter-offset"]))
        assert originals[place].value == letter.value and originals[place].key == letter.key
        with pytest.raises(UndecodableRecord):
            decode_record(letter.value, [one for one in letter.headers if not one[0].startswith("dead-letter")])
    statements = [decode_stored(one.value or b"") for one in records() if one.topic == "stored"]
    assert len(statements) == len({(one.topic, one.partition) for one in statements}) > 5
    ends = Counter[tuple[str, int]]()
    for one in records():
        ends[f"released.{one.topic}", one.partition] = one.offset + 1
    assert all(one.offset >= ends[one.topic, one.partition] for one in statements)


def decoded(prefix: str) -> list[Record]:
    found: list[Record] = []
    for one in records():
        record = _record(one)
        if record is not None and record.prefix == prefix:
            found.append(record)
    return found


def events_of(found: Sequence[Record]) -> dict[tuple[str, str | None], list[dict[str, Any]]]:
    """The fields of each stream's events, their seqs dense from 0."""
    streams: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for record in found:
        if record.kind != "runs":
            events = streams.setdefault((record.kind, record.name), [])
            assert record.first_seq == len(events)
            events += [dict(event.data) for event in mldash.events_of(record)]
    return streams


def assert_all_there(events: dict[tuple[str, str | None], list[dict[str, Any]]]) -> None:
    expected = content.everything()
    metrics = {name: found for (kind, name), found in events.items() if kind == "metrics"}
    assert same(content.ordered(metrics), content.ordered(expected["metrics"]))
    assert [line["message"] for line in events["logs", ""]] == [line["message"] for line in expected["logs"]]
    assert len(events["tracks", "many"]) == content.MANY and len(events["tracks", "robot/position"]) == 4
    assert len(events["params", ""]) == 2


def reads(there: Experiment, expected: dict[str, Any]) -> bool:
    """Whether a read gives what was written."""
    return same(content.ordered(content.read_all(there)), content.ordered(expected))


def _record(one: StoredRecord) -> Record | None:
    if one.topic in ("dead-letters", "stored"):
        return None
    try:
        return decode_record(one.value, one.headers)
    except UndecodableRecord:
        return None
