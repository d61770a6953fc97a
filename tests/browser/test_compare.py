"""Runs side by side, in a real browser over the real API."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored

from .conftest import Watched
from .looking import accessibility_findings, await_names, filtered
from .training import Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


def compared(prefixes: list[str], more: str = "") -> str:
    return "compare?" + "&".join(f"run={prefix}" for prefix in prefixes) + more


def cells(page: Page, name: str) -> Any:
    """Of the row with this name."""
    head = page.get_by_role("rowheader", name=name, exact=True)
    return page.get_by_role("row").filter(has=head).get_by_role("gridcell")


def active(page: Page) -> Any:
    """The cell that keys are at."""
    found = page.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
    return page.locator(f"[id='{found}']")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_selected_runs_lie_side_by_side_where_they_differ(watched: Watched, trained: Trained, scheme: str) -> None:
    page = watched.open(filtered(trained.scope), scheme=scheme)
    await_names(page, ["run-00"])
    page.get_by_role("grid", name="Runs").focus()
    for key in (" ", "ArrowDown", " ", "b", "v"):
        page.keyboard.press(key)
    page.wait_for_url("**/compare?**")
    expect(cells(page, "name")).to_have_text(["adam", "sgd"])
    expect(page.get_by_role("columnheader", name="run-01 baseline")).to_be_visible()
    assert page.get_by_role("rowheader", name="width", exact=True).count() == 0  # all have 256
    expect(cells(page, "lr").first.locator(".delta")).to_have_count(0)  # of a parameter nobody knows what is better
    expect(cells(page, "loss best").first.locator(".delta")).to_be_visible()
    assert accessibility_findings(page) == []
    page.get_by_label("differences only").uncheck()
    expect(cells(page, "width")).to_have_text(["256", "256"])
    page.get_by_label("runs as rows").check()
    expect(page.get_by_role("columnheader", name="width")).to_be_visible()
    assert accessibility_findings(page) == []
    page.go_back()
    expect(cells(page, "width")).to_have_text(["256", "256"])


def test_what_runs_hold_keeps_its_digits_and_stays_text(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    hostile, scope = '<img src=x onerror="alert(1)">', "vera/vision/apart"
    held: list[dict[str, Any]] = [
        {"depth": 1, "seed": 9007199254740993, hostile: hostile, "rate": math.nan, "=cmd": "=1+1", "say": "1"},
        {"depth": 1.0, "seed": 9007199254740992, hostile: "plain", "rate": 0.1, "say": 1},
    ]
    prefixes = [f"{scope}/{number}" for number in range(len(held))]
    for prefix, params in zip(prefixes, held, strict=True):
        experiment = Experiment(prefix, remote=pipeline.api, journal=str(tmp_path / prefix[-1]), echo=False)
        with experiment.run:
            experiment.params.set(**params)
            experiment.metrics("train").log(loss=math.inf if prefix == prefixes[0] else 0.5)
            until_stored(experiment, ["train"])
    page = watched.open(compared([*prefixes, "vera/vision/apart/nobody"]))
    expect(page.get_by_text("1 run not here: vera/vision/apart/nobody")).to_be_visible()
    expect(cells(page, "depth")).to_have_text(["1", "1.0"])
    expect(cells(page, "seed")).to_have_text(["9007199254740993", "9007199254740992"])
    expect(cells(page, "rate")).to_have_text(["NaN", "0.1"])
    expect(cells(page, "say")).to_have_text(['"1"', "1"])
    expect(cells(page, "=cmd")).to_have_text(["=1+1", "–"])
    expect(cells(page, "loss last")).to_have_text(["∞", "0.5"])
    expect(page.get_by_text(hostile, exact=True)).to_have_count(2)
    assert page.locator("main img").count() == 0
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(saved.value.path().read_text())))
    assert rows[0] == ["kind", "name", "statistic", *prefixes]
    assert ["params", "seed", "", "9007199254740993", "9007199254740992"] in rows
    assert ["metrics", "train/loss", "last", "Infinity", "0.5"] in rows
    assert ["params", "'=cmd", "", "'=1+1", ""] in rows


def test_the_comparison_is_searched_closed_and_moved_in_by_keys_and_stands_in_the_address(
    watched: Watched, trained: Trained
) -> None:
    page = watched.open(compared(trained.prefixes[:3]), width=380)
    sheet = page.get_by_role("treegrid", name="Runs side by side")
    expect(sheet).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    sheet.focus()
    page.keyboard.press("Home")
    while "model" not in (active(page).text_content() or ""):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**closed=params.model")
    expect(page.get_by_role("row", expanded=False)).to_contain_text("model")
    expect(page.get_by_role("rowheader", name="depth", exact=True)).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("optimizer lion")
    expect(page.get_by_text("3 runs, 1 difference found")).to_be_visible()
    other = watched.open(page.url.removeprefix(f"{watched.address}/"), width=380)
    expect(cells(other, "name")).to_have_text(["adam", "sgd", "lion"])
    page.evaluate("document.activeElement.blur()")
    assert page.locator(".sheet").screenshot() == other.locator(".sheet").screenshot()
    other.get_by_role("treegrid", name="Runs side by side").focus()
    for key in ("End", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "Enter"):
        other.keyboard.press(key)
    other.wait_for_url(f"**/run/{trained.prefixes[2]}")


def test_where_two_runs_part_is_marked_beside_the_parameters_that_differ(watched: Watched, trained: Trained) -> None:
    two = [trained.prefixes[0], trained.prefixes[2]]
    page = watched.open("charts?find=eval&" + "&".join(f"run={prefix}" for prefix in [*two, trained.prefixes[1]]))
    accuracy = page.get_by_role("figure", name="eval, accuracy", exact=True)
    expect(accuracy).to_have_attribute("data-stale", "false")
    bare = accuracy.locator("canvas").screenshot()
    page.get_by_role("button", name="Where did they part?").click()
    page.get_by_label("The other run").select_option(two[1])
    expect(accuracy).to_contain_text("they part at x = 1: from there on run-02 is above")
    expect(page.get_by_role("figure", name="eval, step", exact=True)).to_contain_text("they never part")
    differing = page.get_by_role("region", name="Parameters in which they differ")
    expect(differing.get_by_role("row", name="optimizer.lr 0.0001 0.001")).to_be_visible()
    page.mouse.move(0, 0)
    assert accuracy.locator("canvas").screenshot() != bare
    assert accessibility_findings(page) == []
    other = watched.open(page.url.removeprefix(f"{watched.address}/"))
    expect(other.get_by_role("figure", name="eval, accuracy", exact=True)).to_contain_text("they part at x = 1")
    other.locator(".options select").first.select_option("time")
    expect(other.get_by_role("figure", name="eval, accuracy", exact=True)).to_contain_text("no common x")


def test_only_the_cells_of_a_large_comparison_that_are_in_view_exist(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    prefix = "vera/vision/wide/run"
    experiment = Experiment(prefix, remote=pipeline.api, journal=str(tmp_path), echo=False)
    with experiment.run:
        experiment.params.set(**{f"group{number % 7}": {} for number in range(7)})
        experiment.params.set(many={f"p{number:04d}": number for number in range(3_000)})
        experiment.metrics("train").log(loss=1.0)
        until_stored(experiment, ["train"])
    page = watched.open(compared([*trained.prefixes, prefix]))
    expect(page.get_by_role("treegrid")).to_be_visible()
    assert page.locator(".sheet .cell").count() < 800
    page.get_by_label("runs as rows").check()
    expect(page.get_by_role("grid", name="Runs side by side")).to_be_visible()
    assert page.locator(".sheet .cell").count() < 800
    page.locator(".sheet").evaluate("(grid) => grid.scrollTo(1e7, 0)")
    expect(page.get_by_role("columnheader").last).to_be_in_viewport()
    assert page.locator(".sheet .cell").count() < 800
