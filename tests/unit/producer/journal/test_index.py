"""Reads of a journal that is kept decode what they ask for: counted in rounds, whatever the clock says."""

from pathlib import Path
from typing import Any

from mldash.journal.append import Journal
from mldash.journal.reading.index import FolderIndex, JournalIndex
from mldash.journal.sessions import find_sessions
from mldash.local.reading.undrained_rows import Undrained

from .journals import append_row, new_journal

POINTS = 150_000


def filled(root: Path, points: int = POINTS) -> Journal:
    """Packed rows of one metric, a rare second one, and a few segments."""
    journal = new_journal(root, segment_bytes=1 << 20)
    train = journal.stream("metrics", "train")
    rows = journal.rows(train, "q", ("n",))
    assert rows is not None
    for number in range(points):
        append_row(rows, 1_000.0 + number, (number,))
        if number % 10_000 == 0:
            journal.stream("metrics", "rare").append(float(number), {"n": number, "text": "x"})
    return journal


def rows_of(index: JournalIndex, name: str, kind: str = "metrics") -> Undrained:
    return Undrained(kind, 0, [(one, 0) for one in index.events() if (one.kind, one.name) == (kind, name)])


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [row["data"]["n"] for row in rows]


def test_one_point_costs_one_round_however_long_the_journal_is(tmp_path: Path) -> None:
    filled(tmp_path)
    [folder] = find_sessions(tmp_path)
    index = JournalIndex(folder)
    rows = rows_of(index, "train")
    assert len(rows) == POINTS and index.decoded_rounds == 0 and len(index._rounds) >= 3
    for at in (0, POINTS // 2, POINTS - 1):
        before = index.decoded_rounds
        assert numbers(rows[at : at + 1]) == [at] and rows[at]["index"] == at
        assert index.decoded_rounds - before <= 1
    assert numbers(rows_of(index, "rare")[:]) == [*range(0, POINTS, 10_000)]


def test_all_points_in_order_cost_each_round_once(tmp_path: Path) -> None:
    """Page after page; and what is held of them is bounded."""
    filled(tmp_path)
    [folder] = find_sessions(tmp_path)
    index = JournalIndex(folder)
    rows = rows_of(index, "train")
    assert [row["data"]["n"] for row in rows] == [*range(POINTS)]
    assert index.decoded_rounds == len(index._rounds)
    assert len(index._held) <= 2


def test_a_journal_that_has_grown_is_walked_from_where_the_walk_ended(tmp_path: Path) -> None:
    """A read after each log(): every byte is walked once, small additions are one round, and each value is there."""
    journal = filled(tmp_path, 20_000)
    [folder] = find_sessions(tmp_path)
    index = JournalIndex(folder)
    assert len(rows_of(index, "train")) == 20_000
    walked, rounds = index.walked_bytes, len(index._rounds)
    train = journal.stream("metrics", "train")
    for number in range(20_000, 20_200):
        train.append(float(number), {"n": number})
        assert numbers(rows_of(index, "train")[number:]) == [number]
    assert index.walked_bytes - walked < 200 * 100
    assert len(index._rounds) <= rounds + 2
    assert numbers(rows_of(index, "train")[:]) == [*range(20_200)]


def test_a_stream_that_begins_in_the_middle_is_read_from_there(tmp_path: Path) -> None:
    """Each segment names its streams and layouts before their first event in it; the index keeps what a round needs."""
    journal = filled(tmp_path, 60_000)
    late = journal.stream("metrics", "late")
    rows = journal.rows(late, "d?", ("x", "ok"))
    assert rows is not None
    [folder] = find_sessions(tmp_path)
    index = JournalIndex(folder)
    assert len(rows_of(index, "late")) == 0
    for number in range(1_000):
        append_row(rows, float(number), (number / 2, number % 2 == 0))
        if number % 100 == 0:
            assert rows_of(index, "late")[number]["data"] == {"x": number / 2, "ok": number % 2 == 0}
    found = rows_of(index, "late")[:]
    assert [row["data"]["x"] for row in found] == [number / 2 for number in range(1_000)]


def test_a_session_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    journal = filled(tmp_path, 1_000)
    index = FolderIndex({})
    assert sum(one.count for one in index.events(find_sessions(tmp_path)) if one.name == "train") == 1_000
    journal.close()
    journal.forget(remove=True)
    assert [*index.events(find_sessions(tmp_path))] == [] and index.sessions == {}
