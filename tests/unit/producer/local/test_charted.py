"""Points of a metric for charts: what was kept of them is what is there, however the file grows."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash.events.identity import parse_prefix
from mldash.local.folder import experiment_folder
from mldash.local.reading.charted import ChartedPoints
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.stream_rows import PAGE_ROWS, StreamRows
from mldash.local.reading.undrained import undrained_records
from mldash.local.row_text import seconds_of

PREFIX = "vera/vision/run"


def kept(charted: ChartedPoints, rows: StreamRows, x: str, first: int, end: int) -> Iterator[tuple[int, Any, Any, Any]]:
    """Index, x, loss and note of each point; None: it has none."""
    for indices, (places, columns) in charted.pieces(rows, x, first, end):
        for at, index in enumerate(indices):
            loss, note = (columns[name][at] if name in columns else None for name in ("loss", "note"))
            yield index, places[at], _number(loss), _number(note)


def plain(rows: StreamRows, x: str, first: int, end: int) -> Iterator[tuple[int, Any, Any, Any]]:
    for row in rows.rows(first, end):
        data, time = row["data"], seconds_of(row["createdAt"])
        place = {"index": row["index"], "time": data.get("_ts", time)}.get(x, data.get(x))
        yield row["index"], place, _number(data.get("loss")), _number(data.get("note"))


def _number(value: Any) -> Any:
    return value if type(value) in (int, float) else None


@pytest.mark.parametrize("x", ["index", "time", "loss"])
def test_what_is_kept_is_what_the_rows_say_while_the_file_grows(tmp_path: Path, x: str) -> None:
    """Across the ends of pages; some points have a time of their own, one another kind of value."""
    chance, charted = random.Random(7), ChartedPoints()
    folder = experiment_folder(str(tmp_path), PREFIX)
    reader = LocalReader(folder, parse_prefix(PREFIX), undrained=partial(undrained_records, folder))
    for count in (100, PAGE_ROWS, 3, 2 * PAGE_ROWS + 5):
        with Experiment(PREFIX, root=str(tmp_path), echo=False).run as run:
            metric = run.metrics("train")
            metric.log(note="text", loss=1)
            metric.log(note=1, _ts=5.0)
            metric.log_many(loss=[chance.random() for _ in range(count)])
        rows = reader.metric_rows("train")
        for _ in range(4):
            first = chance.randrange(rows.count)
            end = min(rows.count, first + chance.choice([1, 50, PAGE_ROWS + 1, rows.count]))
            assert list(kept(charted, rows, x, first, end)) == list(plain(rows, x, first, end))
    assert charted.held_bytes > 0
