"""A chart of packed columns is the chart of the rows, whatever they hold and however the file has changed meanwhile."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.answers.downsample import INDEX, ViewRequest, draw, pieces_of
from mldash.answers.pixel_columns import Span
from mldash.answers.shapes import MetricView
from mldash.answers.view_request import checked_request
from mldash.local import points
from mldash.local.points import PointLine
from mldash.local.reading.stream_rows import StreamRows
from mldash.local.row_reader import RowReader
from mldash.local.row_text import IsoTimes, seconds_of
from mldash.local.state import point_columns
from mldash.local.state.point_columns import PointColumns

PAGE = 256
TIME = IsoTimes().text(1_700_000_000.0)
EVENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "floats": lambda at: {"loss": math.sin(at) * at},
    "integers": lambda at: {"loss": at * 7 % 1_000},
    "mixed": lambda at: {"loss": at if at % 3 else at / 2},
    "sparse": lambda at: {"loss": at / 3} if at % 2 else {"other": at},
    "another field": lambda at: {"loss": 1.0, f"field {at // 700}": -at},
    "none": lambda at: {"loss": None},
    "text": lambda at: {"loss": "0.5" if at % 5 else 2.5},
    "true": lambda at: {"loss": at % 2 == 0},
    "nan": lambda at: {"loss": math.nan if at % 4 else at},
    "infinite": lambda at: {"loss": (math.inf, -math.inf, 0.25)[at % 3]},
    "large": lambda at: {"loss": 2**70 + at},
    "nested": lambda at: {"loss": at / 7, "a.b": [at], "data": {"loss": at}},
    "empty": lambda at: {},
}
STEPS = st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(1, 900)), min_size=1, max_size=5)
REQUESTS = st.builds(
    lambda fields, start, end, columns: checked_request(fields, INDEX, start, end, columns),
    st.sampled_from([None, ["loss"], ["other", "loss"]]),
    st.sampled_from([None, 0, 255, 256.5, 1_000]),
    st.sampled_from([None, 100, 512, 1_400]),
    st.sampled_from([1, 7, 100]),
)


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_columns, "PAGE_ROWS", PAGE)
        yield


def lines(kind: str, first: int, count: int) -> bytes:
    made = (points.ready(PointLine(at, EVENTS[kind](at), TIME)) for at in range(first, first + count))
    return b"".join(msgspec.json.encode(line) + b"\n" for line in made)


def of_rows(rows: StreamRows, request: ViewRequest) -> MetricView:
    """The same chart, made of rows as they are read."""
    first, end = request.indices
    end = rows.count if end is None else min(end, rows.count)
    span = Span(first, end - 1) if first < end else None
    return draw(request, lambda: pieces_of(rows.pages(first, end), INDEX, seconds_of), span)


def undrained(first: int, count: int) -> Sequence[dict[str, Any]]:
    return [{"index": at, "data": {"loss": at / 9}, "createdAt": TIME} for at in range(first, first + count)]


def same(one: MetricView, other: MetricView) -> bool:
    """Types count: 1 and 1.0 are two values. The order of fields does not: it depends on which pages were read."""
    return repr(_in_order(one)) == repr(_in_order(other))


def _in_order(view: MetricView) -> dict[str, Any]:
    return {**view, "fields": dict(sorted(view["fields"].items()))}


@settings(max_examples=60, deadline=None)
@given(STEPS, st.lists(REQUESTS, min_size=1, max_size=3), st.integers(0, 40), st.booleans())
def test_while_the_file_grows_each_chart_is_that_of_its_rows(
    steps: list[tuple[str, int]], requests: list[ViewRequest], behind: int, roomy: bool
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.jsonl"
        reader = RowReader(path, lambda row: seconds_of(row["createdAt"]))
        known, count = PointColumns(point_columns.MOST_BYTES if roomy else 6_000), 0
        for kind, more in steps:
            with path.open("ab") as file:
                file.write(lines(kind, count, more))
            count += more
            reader.refresh(None)
            rows = StreamRows(reader, undrained(count, behind), lambda row: seconds_of(row["createdAt"]))
            for request in requests:
                assert same(points.view(rows, request, known), of_rows(rows, request))


@pytest.mark.parametrize("how", ["replaced", "cut and written anew", "removed and made again"])
def test_a_file_that_is_another_one_is_read_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(lines("floats", 0, 3 * PAGE))
    reader, known = RowReader(path, lambda row: seconds_of(row["createdAt"])), PointColumns()
    request = checked_request(None, INDEX, None, None, 10)

    def chart() -> MetricView:
        reader.refresh(None)
        rows = StreamRows(reader, [], lambda row: seconds_of(row["createdAt"]))
        found = points.view(rows, request, known)
        assert same(found, of_rows(rows, request))
        return found

    before = chart()
    if how == "replaced":
        other = tmp_path / "other"
        other.write_bytes(lines("integers", 0, 4 * PAGE))
        other.replace(path)
    elif how == "cut and written anew":
        path.write_bytes(lines("integers", 0, 2 * PAGE))
    else:
        path.unlink()
        assert chart()["totalPoints"] == 0
        path.write_bytes(lines("integers", 0, 3 * PAGE))
    assert chart()["fields"] != before["fields"]


def test_a_second_chart_reads_no_full_page_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(lines("floats", 0, 3 * PAGE + 10))
    reader, known = RowReader(path, lambda row: seconds_of(row["createdAt"])), PointColumns()
    reader.refresh(None)
    rows = StreamRows(reader, [], lambda row: seconds_of(row["createdAt"]))
    read: list[tuple[int, int]] = []
    data = RowReader.data

    def noted(self: RowReader, first: int, stop: int) -> bytes:
        read.append((first, stop))
        return data(self, first, stop)

    monkeypatch.setattr(RowReader, "data", noted)
    request = checked_request(["loss"], INDEX, None, None, 10)
    first = points.view(rows, request, known)
    assert len(read) == 4
    read.clear()
    assert same(points.view(rows, request, known), first)
    assert read == [(3 * PAGE, 3 * PAGE + 10)]
