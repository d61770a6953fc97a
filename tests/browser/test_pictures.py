"""The pictures of the README are of this page: `WRITE_PICTURES=1` with this test makes them anew."""

import os
import struct
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from .conftest import Watched
from .looking import await_live, await_names, filtered
from .training import RUNS, STEPS, Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

_ROOT: Final = Path(__file__).parents[2]
_PICTURES: Final = _ROOT / "docs" / "pictures"
_SIZE: Final = (1280, 720)


def test_the_readme_shows_the_page_as_it_is(watched: Watched, trained: Trained) -> None:
    """The same views can be drawn today, and the pictures that the README names are of their size."""
    table = watched.open(
        filtered(trained.scope) + "&col=status&col=duration&col=params.optimizer.name&col=params.optimizer.lr"
        "&col=metrics.eval.accuracy.last&col=metrics.train.loss.min&col=metrics.train.loss.last",
        height=_SIZE[1],
    )
    await_names(table, ["run-00", "run-01"])
    await_live(table)
    chosen = "&".join(f"run={prefix}" for prefix in trained.prefixes[:6])
    charts = watched.open(f"charts?{chosen}&smooth=10", height=_SIZE[1], scheme="dark")
    loss = charts.get_by_role("figure", name="train, loss", exact=True)
    loss.scroll_into_view_if_needed()
    expect(loss).to_have_attribute("data-points", str(min(6, RUNS) * STEPS))
    expect(charts.locator('[data-stale="true"]')).to_have_count(0)
    charts.mouse.move(0, 0)
    taken = {"runs.png": table.screenshot(), "charts.png": charts.screenshot()}
    if os.environ.get("WRITE_PICTURES"):
        _PICTURES.mkdir(exist_ok=True)
        for name, content in taken.items():
            (_PICTURES / name).write_bytes(content)
    readme = (_ROOT / "README.md").read_text()
    for name, content in taken.items():
        assert f"docs/pictures/{name}" in readme
        assert _size_of((_PICTURES / name).read_bytes()) == _size_of(content) == _SIZE


def _size_of(png: bytes) -> tuple[int, int]:
    """Width and height, from the header (PNG, 11.2.2)."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height
