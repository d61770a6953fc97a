"""A run taken at once is what its frames are one by one."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mldash.events.limits import RECORD_EVENTS, RECORD_TARGET_BYTES
from mldash.events.schema import Columns
from mldash.journal.layout import MOST_LAYOUTS
from mldash.journal.reading.scan import LiveSource, StoredSource

from .journals import append_row, events_in, new_journal, records_in

Numbers = some.one_of(
    some.floats(),
    some.integers(0, 2**63 - 1),
    some.integers(0, 300),
    some.integers(-(2**63), 2**63 - 1),
    some.booleans(),
    some.none(),
    some.text(max_size=3),
)


@given(
    pieces=some.lists(
        some.tuples(
            some.dictionaries(some.sampled_from(["a", "b", "long" * 20, "π"]), Numbers, max_size=4),
            some.integers(1, 30),
            some.integers(0, 2),
        ),
        max_size=12,
    )
)
def test_any_sequence_of_events_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, pieces: Any) -> None:
    """Types too: 1, 1.0 and True are three values; NaN and -0.0 survive."""
    journal = new_journal(tmp_path_factory.mktemp("journal"), segment_bytes=1 << 14)
    streams = [journal.stream("metrics", None), journal.stream("tracks", "a"), journal.stream("metrics", "")]
    written: dict[Any, list[Any]] = {(stream.kind, stream.name): [] for stream in streams}
    time = 0.0
    for fields, repeat, which in pieces:
        for _ in range(repeat):
            time += 0.5
            streams[which].append(time, fields)
            written[streams[which].kind, streams[which].name].append((time, fields))
    if journal.folder is None:
        return
    for decoded in (True, False):
        found = events_in(LiveSource(journal), decoded=decoded)
        for stream, events in written.items():
            assert repr(found.get(stream, [])) == repr(events)
    journal.close()
    journal.forget(remove=True)


ROW_VALUES = {"d": some.floats(), "q": some.integers(-(2**63), 2**63 - 1), "?": some.booleans()}


@given(
    layouts=some.lists(some.text("dq?", min_size=1, max_size=4), min_size=1, max_size=3),
    pieces=some.lists(some.tuples(some.integers(0, 2), some.integers(1, 30), some.booleans()), max_size=12),
    numbers=some.data(),
)
def test_packed_rows_come_back_exactly_among_other_events(
    tmp_path_factory: pytest.TempPathFactory, layouts: list[str], pieces: Any, numbers: Any
) -> None:
    """Over segments, with rows of other layouts and plain events of the same stream between them."""
    journal = new_journal(tmp_path_factory.mktemp("journal"), segment_bytes=1 << 13)
    stream = journal.stream("metrics", "a")
    written: list[Any] = []
    time = 0.0
    for which, repeat, is_plain in pieces:
        types = layouts[which % len(layouts)]
        fields = tuple(f"f{at}" for at in range(len(types)))
        rows = stream.rows(types, fields)
        assert rows is not None
        for _ in range(repeat):
            time += 0.5
            values = [numbers.draw(ROW_VALUES[code]) for code in types]
            if is_plain:
                stream.append(time, dict(zip(fields, values, strict=True)))
            else:
                append_row(rows, time, values)
            written.append((time, dict(zip(fields, values, strict=True))))
    if journal.folder is None:
        return
    for decoded in (True, False):
        found = events_in(LiveSource(journal), decoded=decoded).get(("metrics", "a"), [])
        assert repr(found) == repr(written)
    journal.close()
    assert repr(events_in(StoredSource(journal.folder)).get(("metrics", "a"), [])) == repr(written)
    journal.forget(remove=True)


def test_a_journal_takes_no_layouts_without_end(tmp_path: Path) -> None:
    stream = new_journal(tmp_path).stream("metrics", "a")
    made = [stream.rows("d", (f"field{at}",)) for at in range(MOST_LAYOUTS + 1)]
    assert made[-1] is None and None not in made[:-1]
    assert stream.rows("d", ("field0",)) is made[0]


def test_equal_fields_of_numbers_become_columns(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    for i in range(300):
        stream.append(i / 2, {"loss": math.sin(i), "step": 70_000 + i, "ok": i % 3 == 0})
    (record,) = records_in(LiveSource(journal), decoded=False)
    assert [type(block) for block in record.blocks] == [Columns]
    assert [column.type for column in record.blocks[0].columns] == ["float64", "int64", "bool"]  # type: ignore[union-attr]
    assert record.logged_at == 0.0


def test_a_tracks_record_says_when_it_was_logged_beside_the_entries_times(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("tracks", "robot")
    for i in range(100):
        stream.append(float(i), {"x": 1.0})
    stream.append(5.0, {"x": "text"})
    (record,) = records_in(LiveSource(journal))
    assert record.logged_at > 1e9
    assert events_in(LiveSource(journal))["tracks", "robot"] == [
        *((float(i), {"x": 1.0}) for i in range(100)),
        (5.0, {"x": "text"}),
    ]


@pytest.mark.parametrize("text", ["", "x" * 100])
def test_records_stay_within_their_limits(tmp_path: Path, text: str) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    for i in range(20_000):
        stream.append(float(i), {"i": i, "text": text} if text else {"loss": float(i)})
    records = records_in(LiveSource(journal))
    assert sum(record.count for record in records) == 20_000
    assert all(record.count <= RECORD_EVENTS for record in records)
    size = 100 + len(text)
    assert all(record.count * (size // 4) <= RECORD_TARGET_BYTES for record in records)
    assert len(records) < 30
