"""Files of an export are whole or not there, and take no other file's place."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mldash import Experiment
from mldash.client.client import Client
from mldash.client.errors import FileInTheWay
from mldash.client.exports.asked import AskedExport, Stream
from mldash.client.exports.files import NewFiles
from mldash.client.exports.pieces import stream_pieces
from mldash.client.exports.writing import to_folder, to_place

PREFIX = "alice/robots/walk"
POINTS = 30_000


class Told:
    def __init__(self, on_advance: Callable[[], None] = lambda: None) -> None:
        self.files = list[tuple[str, int, int]]()
        self._on_advance = on_advance

    def begin(self, name: str, file: int, files: int) -> None:
        self.files.append((name, file, files))

    def advance(self, count: int) -> None:
        self._on_advance()


@pytest.fixture
def client(tmp_path: Path) -> Client:
    with Experiment(PREFIX, root=str(tmp_path / ".dash"), echo=False).run as experiment:
        experiment.metrics("Loss").log_many(loss=[0.5] * POINTS)
        experiment.metrics("acc").log(acc=1.0)
    return Client(root=tmp_path / ".dash")


def test_ctrl_c_in_the_middle_leaves_whole_files_alone(client: Client, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def interrupt() -> None:
        assert [path.name[0] for path in out.rglob("*") if path.is_file()] == ["."], "hidden until it is whole"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_folder(client, [PREFIX], AskedExport(format="csv", metrics=None), out, Told(interrupt), replace=False)
    assert not [path for path in out.rglob("*") if path.is_file()]
    told = Told()
    to_folder(client, [PREFIX], AskedExport(format="csv", metrics=None), out, told, replace=False)
    assert told.files == [("Loss.csv", 1, 2), ("acc.csv", 2, 2)]


def test_pieces_come_while_the_stream_is_read(client: Client) -> None:
    """None of them grows with the stream."""
    run, asked = client.run(PREFIX), AskedExport(format="jsonl", metrics=["Loss"])
    pieces = list(stream_pieces(client, run, Stream("metrics", "Loss"), asked))
    assert len(pieces) > 3 and max(map(len, pieces)) < sum(map(len, pieces)) / 2
    assert b"".join(pieces).count(b"\n") == POINTS


def test_what_is_there_is_replaced_only_where_it_is_meant(client: Client, tmp_path: Path) -> None:
    target, asked = tmp_path / "acc.csv", AskedExport(format="csv", metrics=["acc"])
    target.write_text("of somebody")
    with pytest.raises(FileInTheWay) as held:
        to_place(client, PREFIX, asked, target, Told(), replace=False)
    assert held.value.may_be_replaced and target.read_text() == "of somebody"
    to_place(client, PREFIX, asked, target, Told(), replace=True)
    assert target.read_text().startswith("index,")
    folder, pipe = tmp_path / "folder.csv", tmp_path / "pipe.csv"
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (folder, pipe):
        with pytest.raises(FileInTheWay) as held:
            to_place(client, PREFIX, asked, path, Told(), replace=True)
        assert not held.value.may_be_replaced


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    with pytest.raises(FileInTheWay), NewFiles(replace=False).open(target) as file:
        file.write(b"ours")
        target.write_text("theirs")
    assert target.read_text() == "theirs" and list(tmp_path.iterdir()) == [target]


def test_two_files_of_one_export_never_take_each_others_place(tmp_path: Path) -> None:
    """As where the file system takes Loss and loss for one name."""
    files = NewFiles(replace=True)
    with files.open(tmp_path / "Loss.csv") as file:
        file.write(b"first")
    with pytest.raises(FileInTheWay) as held, files.open(tmp_path / "Loss.csv"):
        pass
    assert not held.value.may_be_replaced and (tmp_path / "Loss.csv").read_bytes() == b"first"


def test_groups_of_rows_are_many_points_whatever_is_read_at_once(client: Client) -> None:
    """And in each all of them, in order."""
    run, asked = client.run(PREFIX), AskedExport(format="parquet", metrics=["Loss"])
    data = b"".join(stream_pieces(client, run, Stream("metrics", "Loss"), asked))
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups == 1 and file.read().column("index").to_pylist() == list(range(POINTS))
    streamed = msgspec.structs.replace(asked, format="arrow")
    reader = pa.ipc.open_stream(b"".join(stream_pieces(client, run, Stream("metrics", "Loss"), streamed)))
    assert len(list(reader)) > 3
