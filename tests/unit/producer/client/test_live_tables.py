"""A table of runs, and pending events, that `client.live` listens to: what is asked for, and what is told."""

from pathlib import Path
from typing import Any

import pytest

from mldash.client.client import Client
from mldash.client.live.asked import asked_live
from mldash.client.live.events import Pending, Points, TableRows, events_of
from mldash.client.live.wire import sent_of

ROWS = TableRows(
    rows=[{"prefix": "a/b", "id": "00", "values": {"status": "RUNNING"}}],
    gone=["a/c"],
    order=None,
    whole=False,
    count=3,
    as_of="2026-01-01T00:00:00.000000Z",
)


def test_a_table_is_asked_for_by_the_parameters_of_a_search() -> None:
    asked = asked_live(columns=("status", "params.lr"), filter="params.lr > 0", sort="-updated", limit=7)
    table = {"fields": ("status", "params.lr"), "filter": "params.lr > 0", "sort": "-updated", "limit": 7}
    assert {name: asked.query()[name] for name in table} == table
    assert asked.document()["table"] == table
    assert asked_live(columns="status").document()["table"] == {"fields": ("status",)}
    assert "table" not in asked_live("a/b").document() and "fields" not in asked_live("a/b").query()


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "params.lr > 0"},
        {"sort": "updated"},
        {"limit": 3},
        {"columns": "status", "limit": 0},
        {"columns": "no field"},
        {"columns": "status", "filter": "("},
        {"columns": "status", "sort": "-no field"},
    ],
)
def test_what_is_no_table_is_refused_before_anything_is_asked(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        asked_live("a/b", **asked)


def test_rows_are_read_as_they_are_sent() -> None:
    name, data = sent_of(ROWS)
    assert name == "rows" and events_of(name, data) == [ROWS]


def test_pending_events_and_the_names_of_stored_ones_are_read_as_they_are_sent() -> None:
    assert asked_live("a/b", pending=True).query()["pending"] == "true"
    assert asked_live("a/b", pending=True).document()["pending"] is True
    named = {"prefix": "a/b", "kind": "metrics", "name": None, "session": "00", "firstSeq": 3, "count": 1}
    told = Pending(
        added=[{**named, "events": [{"seq": 3, "time": "2026-01-01T00:00:00.000000Z", "data": {"x": 1}}]}],
        gone=[named],
        whole=True,
        on=True,
        reason=None,
        full=False,
    )
    name, data = sent_of(told)
    assert name == "pending" and events_of(name, data) == [told]
    sources = [{"firstIndex": 0, "count": 0, "session": "00", "firstSeq": 3}]
    block = {"prefix": "a/b", "name": "x", "firstIndex": 0, "points": []}
    (points,) = events_of("points", [{**block, "sources": sources}])
    assert isinstance(points, Points) and points.sources == sources
    (points,) = events_of("points", [block])
    assert isinstance(points, Points) and points.sources == []


def test_local_folders_tell_neither_rows_nor_pending_events_and_say_so(tmp_path: Path) -> None:
    client = Client(str(tmp_path))
    with pytest.raises(ValueError, match="by an API"):
        client.live(columns="status")
    with pytest.raises(ValueError, match="by an API"):
        client.live("a/b", pending=True)
    with client.live("a/b") as live, pytest.raises(ValueError, match="by an API"):
        live.change(columns="status")
