"""The page of `mldash snapshot`, opened from the disk: no server, no request, nothing on the console."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Locator, expect

from mldash import Experiment
from mldash.command_line import group

from .conftest import Watched
from .looking import accessibility_findings

pytestmark = [pytest.mark.xdist_group("browser")]

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The folder with the page of two runs."""
    for at in range(2):
        with Experiment(f"vera/vision/run-{at}", root=str(tmp_path / ".dash"), echo=False, readme=HOSTILE).run as run:
            run.params.set({"lr": 10.0**-at, "name": HOSTILE})
            loss = [1 / (step + 1 + at) for step in range(3_000)]
            loss[1_000:1_500] = [math.nan] * 500
            run.metrics("train").log_many(loss=loss)
            run.log(HOSTILE, level="warn")
    prefixes = ["vera/vision/run-0", "vera/vision/run-1"]
    arguments = ["snapshot", *prefixes, str(tmp_path / "out"), "--root", str(tmp_path / ".dash")]
    done = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return tmp_path / "out"


@pytest.fixture
def watched_disk(browser: Browser, written: Path) -> Iterator[Watched]:
    made = Watched(browser, written.as_uri())
    yield made
    made.close()
    assert made.wrong == []


def lines(chart: Locator) -> list[str]:
    """What is drawn now."""
    found: list[str] = chart.locator(".line").evaluate_all("(all) => all.map((one) => one.outerHTML)")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_from_the_disk_draws_its_charts_and_asks_for_nothing(watched_disk: Watched, scheme: str) -> None:
    page = watched_disk.open("index.html", scheme=scheme)
    expect(page).to_have_title("vera/vision/run-0 and 1 more · ML-Dash snapshot")
    drawn = page.get_by_label("train, loss, index 0 to 2999")
    expect(drawn.locator(".line")).to_have_count(2)
    expect(page.locator("figcaption")).to_contain_text("6000 points, 1000 without a number")
    assert accessibility_findings(page) == []
    whole = lines(drawn)
    drawn.focus()
    page.keyboard.press("+")
    zoomed = page.get_by_label("train, loss, index 749.8 to 2249")
    expect(zoomed).to_be_visible()
    assert lines(zoomed) != whole
    page.keyboard.press("0")
    expect(drawn).to_be_visible()
    assert lines(drawn) == whole
    page.get_by_label("Draw vera/vision/run-1").uncheck()
    expect(drawn.locator(".line")).to_have_count(1)
    page.get_by_text("vera/vision/run-0").last.click()
    opened = page.locator("details[open]")
    expect(opened).to_contain_text(f"[WARN] {HOSTILE}")
    expect(opened.locator("dd").filter(has_text=HOSTILE)).to_have_count(1)
    assert page.locator("img").count() == 0
    assert watched_disk.requests == [f"{watched_disk.address}/index.html"]


def test_a_drag_over_a_chart_zooms_into_it(watched_disk: Watched) -> None:
    page = watched_disk.open("index.html")
    drawn = page.get_by_label(re.compile("^train, loss, index"))
    box = drawn.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    expect(page.locator("output")).to_contain_text("vera/vision/run-0: ")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 60)
    expect(drawn.locator(".chosen")).to_have_count(1)
    page.mouse.up()
    expect(drawn).not_to_have_attribute("aria-label", "train, loss, index 0 to 2999")
    page.get_by_role("button", name="Show all: train, loss").click()
    expect(drawn).to_have_attribute("aria-label", "train, loss, index 0 to 2999")
