"""The table of runs, in a real browser over the real API."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from mldash import Experiment
from tests.components import Pipeline

from .conftest import Watched
from .looking import await_live, await_names, filtered, names_in, table
from .training import RUNS, Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


def test_a_filter_is_completed_from_what_was_logged_and_its_errors_stand_at_their_character(
    watched: Watched, trained: Trained
) -> None:
    watched.expected.append("400")
    page = watched.open(filtered(trained.scope))
    expect(page.get_by_text(f"{RUNS} runs", exact=True)).to_be_visible()
    search = page.get_by_role("combobox", name="Filter runs")
    search.fill(f'prefix starts with "{trained.scope}/" and params.opt')
    page.get_by_role("option", name="params.optimizer.lr").click()
    search.press_sequentially("<< 1")
    expect(page.locator(".wrong mark")).to_have_text("<")
    expect(page.locator(".wrong")).to_contain_text("a number")
    assert names_in(page)[0] == "run-00"  # what was there stays there
    search.fill(f'prefix starts with "{trained.scope}/" and params.optimizer.lr < 2e-4')
    expect(page.get_by_text("3 runs", exact=True)).to_be_visible()
    expect(page.locator(".grid .name b")).to_have_text(["run-00", "run-04", "run-08"])


def test_the_address_is_the_view_in_another_browser_too(watched: Watched, trained: Trained) -> None:
    """Pixel for pixel; back and forward go through what was shown."""
    page = watched.open(filtered(trained.scope) + "&col=status&col=params.optimizer.lr&col=metrics.train.loss.min")
    await_names(page, ["run-00", "run-01"])
    page.get_by_role("columnheader", name="run", exact=True).click()
    await_names(page, ["run-11", "run-10", "run-09"])
    page.get_by_role("checkbox", name=f"Select {trained.prefixes[4]}").check()
    await_live(page)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    other = watched.open(page.url.removeprefix(f"{watched.address}/"))
    await_names(other, ["run-11", "run-10", "run-09"])
    await_live(other)
    assert page.screenshot() == other.screenshot()
    page.go_back()
    await_names(page, ["run-00", "run-01", "run-02"])
    page.go_forward()
    await_names(page, ["run-11", "run-10"])


def test_the_table_is_worked_by_keys_alone(watched: Watched, trained: Trained) -> None:
    page = watched.open(filtered(trained.scope))
    await_names(page, ["run-00"])
    table(page).focus()
    for key in ("ArrowDown", " ", "ArrowDown", " ", "p", "b"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Charts of 2 runs")).to_be_visible()
    expect(page.locator("[data-pinned]")).to_contain_text("run-02")
    expect(page.locator(".delta").first).to_be_visible()
    page.keyboard.press("End")
    active = page.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
    expect(page.locator(f"[id='{active}']")).to_be_in_viewport()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/run/{trained.prefixes[2]}")


def test_only_cells_in_view_exist(watched: Watched, trained: Trained) -> None:
    page = watched.open("?sort=prefix&" + "&".join(f"col=params.p{number}" for number in range(400)))
    expect(table(page)).to_be_visible()
    assert page.locator(".grid .cell").count() < 1_500
    table(page).evaluate("(grid) => grid.scrollTo(1e6, 0)")
    expect(page.get_by_role("columnheader", name="p399")).to_be_in_viewport()
    assert page.locator(".grid .cell").count() < 1_500


def test_groups_tell_mean_and_spread_and_lead_to_their_runs(watched: Watched, trained: Trained) -> None:
    page = watched.open(
        filtered(trained.scope) + "&group=params.optimizer.name&group=params.seed&col=metrics.train.lr.max"
    )
    row = page.get_by_role("row").filter(has_text="adam")
    expect(row.get_by_role("cell").first).to_have_text("4")
    expect(row).to_contain_text("±")
    row.get_by_role("button").click()
    await_names(page, ["run-00", "run-03", "run-06", "run-09"])  # the order is still that of the address


def test_live_values_come_in_place_and_new_runs_wait_to_be_shown(
    watched: Watched, trained: Trained, pipeline: Pipeline, tmp_path: Path
) -> None:
    """Neither moves what the person looks at."""
    scope = "vera/vision/growing"
    logged = {"remote": pipeline.api, "echo": False}
    with Experiment(f"{scope}/one", journal=str(tmp_path / "1"), **logged).run as first:
        first.metrics("train").log(loss=2.0)
        first.flush()
        page = watched.open(filtered(scope) + "&col=status&col=metrics.train.loss.last")
        await_names(page, ["one"])
        expect(table(page)).to_contain_text("running")
        await_live(page)
        first.metrics("train").log(loss=0.125)
        first.flush()
        expect(table(page)).to_contain_text("0.125")
        with Experiment(f"{scope}/earlier", journal=str(tmp_path / "2"), **logged).run as second:
            second.params.set(x=1)
        show = page.get_by_role("button", name="1 new: show")
        expect(show).to_be_visible()
        assert names_in(page) == ["one"]
        show.click()
        await_names(page, ["earlier", "one"])
    expect(table(page).get_by_text("completed")).to_have_count(2)


def test_hostile_names_params_and_tags_stay_text(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    hostile = '<img src=x onerror="alert(1)">'
    scope = "vera/vision/hostile"
    with Experiment(
        f"{scope}/{hostile.replace('/', '')}", remote=pipeline.api, journal=str(tmp_path), tags=[hostile], echo=False
    ).run as run:
        run.params.set(**{hostile: hostile})
        run.metrics(hostile).log(**{hostile: 1.0})
    column = quote(f"params.{json.dumps(hostile)}")
    page = watched.open(filtered(scope) + f"&col=tags&col={column}")
    expect(table(page).locator(".tag")).to_have_text(hostile)
    assert page.locator("main img").count() == 0
