"""What a card is saved as, in a real browser over the real API."""

import csv
import io
import math
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored

from .conftest import Watched
from .looking import accessibility_findings
from .training import STEPS, Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

_SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Page, kind: str) -> tuple[str, bytes]:
    """The file's suggested name, and what is in it, of the card that has the focus; by keys alone."""
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="PNG")).to_be_focused()
    for _ in range(["PNG", "SVG", "CSV"].index(kind)):
        page.keyboard.press("Tab")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="PNG")).to_have_count(0)
    page.get_by_role("figure").first.focus()
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_a_card_is_saved_as_pictures_and_values_by_keys(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    """Whatever its names hold: they are text."""
    hostile = '=<img src=x onerror="alert(1)">&'
    prefix = f"vera/vision/saved/{hostile.replace('/', '')}"
    experiment = Experiment(prefix, remote=pipeline.api, journal=str(tmp_path), echo=False)
    with experiment.run:
        experiment.metrics(hostile).log_many(loss=[1.5, math.nan, -2.25, math.inf, 3.0, 0.1 + 0.2])
        until_stored(experiment, [hostile])
    page = watched.open(f"charts?run={prefix.replace('&', '%26')}&smooth=2")
    card = page.get_by_role("figure").first
    expect(card).to_have_attribute("data-points", "6")
    card.focus()
    page.keyboard.press("s")
    assert accessibility_findings(page) == []
    page.keyboard.press("Escape")
    card.focus()
    name, png = saved(page, "PNG")
    assert name == "_img_src_x_onerror_alert_1_-loss.png"
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24])[0] == 1520
    _, svg = saved(page, "SVG")
    drawn = ElementTree.fromstring(svg)
    texts = ["".join(one.itertext()) for one in drawn.iter(f"{_SVG}text")]
    assert any(text.startswith(prefix) for text in texts)
    assert any("half-life h = 2" in text for text in texts)
    assert not list(drawn.iter(f"{_SVG}img"))
    name, content = saved(page, "CSV")
    heads, *rows = csv.reader(io.StringIO(content.decode()))
    assert name.endswith(".csv")
    assert heads[-1].startswith("smoothed, half-life h = 2: s(x) = ")
    named = [dict(zip(heads, row, strict=True)) for row in rows]
    assert {(row["run"], row["metric"], row["field"]) for row in named} == {(prefix, "'" + hostile, "loss")}
    assert [row["mean"] for row in named] == ["1.5", "", "-2.25", "Infinity", "3", "0.30000000000000004"]
    assert [row["missing"] for row in named] == ["0", "1", "0", "0", "0", "0"]
    assert float(named[2][heads[-1]]) == pytest.approx((1.5 * 0.5 - 2.25) / 1.5, rel=1e-12)


def test_a_card_of_many_runs_is_saved_at_380_pixels(watched: Watched, trained: Trained) -> None:
    chosen = "&".join(f"run={prefix}" for prefix in trained.prefixes)
    page = watched.open(f"charts?{chosen}&find=train loss", width=380, scheme="dark")
    card = page.get_by_role("figure", name="train, loss", exact=True)
    expect(card).to_have_attribute("data-points", str(len(trained.prefixes) * STEPS))
    card.get_by_role("button", name="Save loss").click()
    expect(page.get_by_role("button", name="CSV")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    heads, *rows = csv.reader(io.StringIO(download.value.path().read_text()))
    assert {"first", "least", "greatest", "last", "count", "missing"} < set(heads)
    points = sum(int(row[heads.index("count")]) + int(row[heads.index("missing")]) for row in rows)
    assert points == len(trained.prefixes) * STEPS
