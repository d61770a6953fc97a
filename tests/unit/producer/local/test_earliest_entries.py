"""The earliest entries of a track: all that belongs to them, and no more of the file than they need."""

import random
from functools import partial
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.events.identity import parse_prefix
from mldash.local.folder import experiment_folder
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.undrained import undrained_records
from mldash.local.row_index import BLOCK_ROWS, DamagedRow

PREFIX = "vera/vision/run"
TOPIC = "arm"


def reader_of(root: Path) -> LocalReader:
    folder = experiment_folder(str(root), PREFIX)
    return LocalReader(folder, parse_prefix(PREFIX), undrained=partial(undrained_records, folder))


def test_the_earliest_are_the_first_of_all_in_whatever_order_they_came(tmp_path: Path) -> None:
    """Times that go back, and times that several blocks share, whose fields are merged."""
    chance = random.Random(3)
    with Experiment(PREFIX, root=str(tmp_path), echo=False).run as run:
        for at in range(4 * BLOCK_ROWS):
            time = float(at // 2 + chance.choice([0, 0, -50, 400]))
            run.tracks(TOPIC).append(**{chance.choice("xyz"): at}, _ts=time)
    reader = reader_of(tmp_path)
    for start, end in ((None, None), (10.0, None), (100.5, 300.0), (20.0, 10.0)):
        whole = reader.track_entries(TOPIC, start, end)["entries"]
        for limit in (1, 2, 7, BLOCK_ROWS, len(whole) + 1):
            found = reader.earliest_entries(TOPIC, start, end, None, limit)
            assert (found["entries"], found["count"]) == (whole[:limit], min(limit, len(whole)))


def test_what_lies_behind_the_earliest_is_not_read(tmp_path: Path) -> None:
    """The last block is no text any more: who asks for all is told so, who asks for the earliest does not meet it."""
    with Experiment(PREFIX, root=str(tmp_path), echo=False).run as run:
        for at in range(4 * BLOCK_ROWS):
            run.tracks(TOPIC).append(x=at, _ts=float(at))
    reader = reader_of(tmp_path)
    assert reader.track_entries(TOPIC)["count"] == 4 * BLOCK_ROWS
    path = experiment_folder(str(tmp_path), PREFIX).path / "tracks" / TOPIC / "data.jsonl"
    with path.open("r+b") as file:
        file.seek(-10, 2)
        file.write(b"?" * 9)
    assert reader.earliest_entries(TOPIC, None, None, None, BLOCK_ROWS + 1)["count"] == BLOCK_ROWS + 1
    with pytest.raises(DamagedRow):
        reader.track_entries(TOPIC)
