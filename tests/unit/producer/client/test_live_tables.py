"""A table of runs that `client.live` listens to: what is asked for, and what is told of it."""

from pathlib import Path
from typing import Any

import pytest

from mldash.client.client import Client
from mldash.client.live.asked import asked_live
from mldash.client.live.events import TableRows, events_of
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


def test_local_folders_tell_no_rows_and_say_so(tmp_path: Path) -> None:
    client = Client(str(tmp_path))
    with pytest.raises(ValueError, match="by an API"):
        client.live(columns="status")
    with client.live("a/b") as live, pytest.raises(ValueError, match="by an API"):
        live.change(columns="status")
