"""A file that grows by lines: what is acknowledged reads, what is beyond is cut, and the index is never trusted."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.local import row_index, row_reader
from mldash.local.row_file import RowFile
from mldash.local.row_index import BLOCK_ROWS, DamagedRow, decode_rows, index_of, whole_lines
from mldash.local.row_reader import RowReader
from mldash.local.row_text import pieces_of
from mldash.local.state.acknowledged import FileEnd

GOLDEN = Path(__file__).parents[2] / "golden"


def time_of(row: dict[str, Any]) -> float:
    return float(row["t"])


class Writer:
    """A row file and its acknowledged end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = FileEnd()

    def append(self, count: int, *, indexed: bool = True) -> None:
        file = RowFile(self.path, time_of)  # a new one each time, as another process has
        first = self.end.rows
        rows = [(float(row), {"t": float(row), "n": row}) for row in range(first, first + count)]
        pieces = list(pieces_of(first, rows))
        before, self.end = self.end, file.append(self.end, pieces)
        if indexed:
            file.extend_index(before, self.end, pieces)

    def reader(self) -> RowReader:
        reader = RowReader(self.path, time_of)
        reader.refresh(self.end)
        return reader


def numbers(reader: RowReader, first: int = 0, stop: int = 1 << 40) -> list[int]:
    return [row["n"] for row in reader.rows(first, stop)]


def test_rows_read_from_any_place_to_any_other(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    for count in (1, 255, 300, 7, 1000):
        writer.append(count)
    reader = writer.reader()
    assert reader.end.rows == 1563
    for first, stop in ((0, 1), (255, 257), (256, 512), (1000, 1563), (1562, 9999), (1563, 1600), (5, 5), (7, 3)):
        assert numbers(reader, first, stop) == list(range(first, min(stop, 1563)))


def test_a_reader_takes_in_what_is_appended_while_it_reads(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    reader = RowReader(writer.path, time_of)
    reader.refresh(writer.end)
    assert numbers(reader) == []
    for count in (10, 300, 1, 700, 256):
        writer.append(count)
        reader.refresh(writer.end)
        assert numbers(reader) == list(range(writer.end.rows))


def test_what_lies_beyond_the_acknowledged_end_is_read_by_nobody_and_cut(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(300)
    with writer.path.open("ab") as file:
        file.write(b'{"t": 300.0, "n": "never acknowledged"}\n{"t": 301')
    assert numbers(writer.reader()) == list(range(300))
    writer.append(10)
    assert numbers(writer.reader()) == list(range(310))
    assert writer.path.stat().st_size == writer.end.bytes


def test_a_file_without_an_acknowledgement_counts_to_its_last_whole_line(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(300)
    with writer.path.open("ab") as file:
        file.write(b'{"t": 300.0, "n": ')
    assert whole_lines(writer.path) == writer.end
    reader = RowReader(writer.path, time_of)
    reader.refresh(None)
    assert numbers(reader) == list(range(300))


def test_the_index_says_where_blocks_lie_and_which_times_they_hold(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(100)
    writer.append(1000)
    reader = writer.reader()
    assert [block.rows for block in reader.blocks] == [256, 256, 256, 256, 76]
    assert [(block.first, block.last, block.distinct) for block in reader.blocks][1] == (256.0, 511.0, 256)
    assert [block.first_row for block in reader.overlapping(300.0, 600.0)] == [256, 512]
    assert index_of(writer.path).stat().st_size == 8 + 4 * 48


def test_the_bytes_of_an_index_of_version_one(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(600)
    assert index_of(writer.path).read_bytes() == (GOLDEN / "row_index_v1.bin").read_bytes()


@pytest.mark.parametrize("harm", ["missing", "empty", "cut", "torn", "foreign", "longer", "wrong"])
def test_a_missing_or_stale_index_is_made_again_and_harms_no_read(tmp_path: Path, harm: str) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(1000)
    index = index_of(writer.path)
    good = index.read_bytes()
    if harm == "missing":
        index.unlink()
    else:
        index.write_bytes(
            {
                "empty": b"",
                "cut": good[: 8 + 48],
                "torn": good[:-5],
                "foreign": b"SOMETHING ELSE" * 40,
                "longer": good + good[8:],
                "wrong": good[:8] + bytes(len(good) - 8),
            }[harm]
        )
    assert numbers(writer.reader()) == list(range(1000))
    writer.append(1000)
    assert numbers(writer.reader(), 990, 1600) == list(range(990, 1600))
    again = Writer(tmp_path / "again.jsonl")
    again.append(2000)
    assert index.read_bytes() == index_of(again.path).read_bytes()


def test_a_read_in_the_middle_of_a_long_file_decodes_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the index, also one that was made again after it was lost; only without any is the file gone through."""
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(100_000)
    writer.append(100_000)
    decoded = 0

    def counted(path: Path, data: bytes) -> list[dict[str, Any]]:
        nonlocal decoded
        rows = decode_rows(path, data)
        decoded += len(rows)
        return rows

    for module in (row_index, row_reader):
        monkeypatch.setattr(module, "decode_rows", counted)
    assert numbers(writer.reader(), 123_450, 123_460) == list(range(123_450, 123_460))
    assert decoded <= 2 * BLOCK_ROWS
    index_of(writer.path).unlink()
    assert numbers(writer.reader(), 123_450, 123_460) == list(range(123_450, 123_460))
    assert decoded > 100_000
    writer.append(BLOCK_ROWS)
    decoded = 0
    assert numbers(writer.reader(), 123_450, 123_460) == list(range(123_450, 123_460))
    assert decoded <= 2 * BLOCK_ROWS


def test_data_that_were_replaced_under_the_index_are_read_as_they_are(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "data.jsonl")
    writer.append(1000)
    lines = [json.dumps({"t": 0.0, "n": -row, "longer": "x" * (row % 7)}) for row in range(1000)]
    writer.path.write_text("\n".join(lines) + "\n")
    reader = RowReader(writer.path, time_of)
    reader.refresh(None)
    assert numbers(reader) == [-row for row in range(1000)]


def test_a_line_that_is_no_json_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"t": 1.0, "n": 0}\nnot json\n')
    reader = RowReader(path, time_of)
    with pytest.raises(DamagedRow, match=r"data\.jsonl"):
        reader.refresh(None)


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    reader = RowReader(tmp_path / "nowhere" / "data.jsonl", time_of)
    reader.refresh(None)
    assert reader.end == FileEnd()
    assert reader.rows(0, 10) == []


@given(st.lists(st.tuples(st.integers(1, 600), st.booleans(), st.booleans()), max_size=8), st.randoms())
def test_rows_are_those_that_were_acknowledged_whatever_was_killed_in_between(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]], dice: random.Random
) -> None:
    """Appends by many processes; some die before they write the index, some leave rows that were not acknowledged."""
    writer = Writer(tmp_path_factory.mktemp("rows") / "data.jsonl")
    lasting = RowReader(writer.path, time_of)
    for count, indexed, torn in steps:
        writer.append(count, indexed=indexed)
        if torn:
            with writer.path.open("ab") as file:
                file.write(b'{"t": 0.0, "n": -1}\n' * dice.randrange(300) + b'{"t"')
        lasting.refresh(writer.end)
        first = dice.randrange(writer.end.rows)
        stop = first + dice.randrange(2 * BLOCK_ROWS)
        assert numbers(lasting, first, stop) == list(range(first, min(stop, writer.end.rows)))
    assert numbers(writer.reader()) == list(range(writer.end.rows))
