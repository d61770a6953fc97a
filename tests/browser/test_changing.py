"""Runs that are archived, tagged and noted by many at once, in real browsers over the real API."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored

from .conftest import Watched
from .looking import accessibility_findings, await_live, await_names, filtered, table
from .training import Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

HOSTILE = '<img src=x onerror="alert(1)">'


def logged(pipeline: Pipeline, folder: Path, scope: str, count: int) -> list[str]:
    """Prefixes of runs that are stored."""
    prefixes = [f"{scope}/run-{number}" for number in range(count)]
    for prefix in prefixes:
        experiment = Experiment(
            prefix, remote=pipeline.api, journal=str(folder / prefix[-1]), tags=["said"], echo=False
        )
        with experiment.run:
            experiment.params.set(x=1)
            until_stored(experiment)
    return prefixes


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Change runs")


def test_selected_runs_are_archived_and_tagged_after_a_count_and_had_back(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    """By keys as far as the dialog; somebody's later change is not undone. A tag is hostile, and stays text."""
    scope = "vera/vision/changing"
    logged(pipeline, tmp_path, scope, 3)
    page = watched.open(filtered(scope) + "&col=tags")
    await_names(page, ["run-0", "run-1", "run-2"])
    await_live(page)
    table(page).focus()
    for key in (" ", "ArrowDown", " ", "e"):
        page.keyboard.press(key)
    form = dialog(page)
    expect(form.get_by_label("the 2 selected runs")).to_be_checked()
    form.get_by_role("combobox", name="archive").select_option("yes")
    form.get_by_label("add tags").fill(f"{HOSTILE}, said")
    form.get_by_role("button", name="Count").click()
    expect(form.get_by_text(f"2 of 2 runs would change: {scope}/run-0, {scope}/run-1")).to_be_visible()
    assert accessibility_findings(page) == []
    form.get_by_role("button", name="Change 2 runs").click()
    expect(form.get_by_text("2 runs changed.")).to_be_visible()
    expect(table(page).get_by_text("archived", exact=True)).to_have_count(2)
    expect(table(page).get_by_text(HOSTILE, exact=True)).to_have_count(2)
    other = watched.open(filtered(scope) + "&col=tags")
    expect(other.get_by_role("grid", name="Runs").get_by_text(HOSTILE, exact=True)).to_have_count(2)

    other.get_by_role("button", name="Change").click()
    theirs = dialog(other)
    theirs.get_by_label("all 3 runs of the table").check()
    theirs.get_by_label("add tags").fill("later")
    theirs.get_by_role("button", name="Count").click()
    theirs.get_by_role("button", name="Change 3 runs").click()
    expect(theirs.get_by_text("3 runs changed.")).to_be_visible()
    form.get_by_role("button", name="Undo").click()
    expect(form.get_by_text("2 runs left as they are, for somebody changed them since")).to_be_visible()
    expect(form.get_by_text("2 runs as before.")).to_be_visible()
    expect(table(page).get_by_text("archived", exact=True)).to_have_count(0)
    theirs.get_by_role("button", name="Undo").click()
    expect(theirs.get_by_text("3 runs as before.")).to_be_visible()
    expect(table(page).get_by_text("later", exact=True)).to_have_count(0)
    expect(table(page).get_by_text(HOSTILE, exact=True)).to_have_count(2)
    assert page.locator("main img").count() == other.locator("main img").count() == 0


def test_what_is_archived_is_left_out_of_the_table_when_asked_for(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    scope = "vera/vision/archiving"
    logged(pipeline, tmp_path, scope, 2)
    page = watched.open(filtered(scope), width=380, scheme="dark")
    await_names(page, ["run-0", "run-1"])
    page.get_by_role("checkbox", name=f"Select {scope}/run-1").check()
    page.get_by_role("button", name="Change").click()
    form = dialog(page)
    form.get_by_role("combobox", name="archive").select_option("yes")
    form.get_by_role("button", name="Count").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    form.get_by_role("button", name="Change 1 run").click()
    expect(form.get_by_text("1 run changed.")).to_be_visible()
    assert accessibility_findings(page) == []
    form.get_by_role("button", name="Leave archived runs out").click()
    expect(table(page).locator(".name b")).to_have_text(["run-0"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_notes_are_markdown_that_another_browser_sees_and_nothing_in_them_is_markup(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path, scheme: str
) -> None:
    scope = f"vera/vision/noting-{scheme}"
    (prefix,) = logged(pipeline, tmp_path, scope, 1)
    text = (
        f"### A *finding*\n\n{HOSTILE}\n\n[web](https://example.org/x) [script](javascript:alert(1))"
        "\n\n![picture](https://example.org/p.png)\n\n<script>alert(2)</script>\n"
    )
    page = watched.open(f"run/{prefix}?tab=overview", scheme=scheme)
    page.get_by_role("button", name="Edit the notes").click()
    page.get_by_label("Notes, Markdown").fill(text)
    page.get_by_role("button", name="Save the notes").click()
    other = watched.open(f"run/{prefix}?tab=overview", scheme=scheme)
    for one in (page, other):
        notes = one.get_by_role("region", name="Notes")
        expect(notes.get_by_role("heading", name="A finding")).to_be_visible()
        expect(notes.locator("em")).to_have_text("finding")
        expect(notes.locator(".markdown")).to_contain_text(HOSTILE)
        expect(notes.locator(".markdown")).to_contain_text("<script>alert(2)</script>")
        assert notes.get_by_role("link").count() == 1
        assert notes.get_by_role("link").get_attribute("href") == "https://example.org/x"
        assert one.locator("main img, main script").count() == 0
        assert accessibility_findings(one) == []
    other.get_by_text("Who changed what of this run").click()
    other.get_by_role("button", name="Undo the change of notes").click()
    expect(other.get_by_text("Nobody has noted anything.")).to_be_visible()
    expect(page.get_by_text("Nobody has noted anything.")).to_be_visible()


def test_notes_that_somebody_changed_meanwhile_are_not_overwritten_unseen(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    (prefix,) = logged(pipeline, tmp_path, "vera/vision/noted", 1)
    one, two = (watched.open(f"run/{prefix}?tab=overview") for _ in range(2))
    for page, text in ((one, "from one"), (two, "from two")):
        page.get_by_role("button", name="Edit the notes").click()
        page.get_by_label("Notes, Markdown").fill(text)
    one.get_by_role("button", name="Save the notes").click()
    expect(one.get_by_role("button", name="Edit the notes")).to_be_visible()
    two.get_by_role("button", name="Save the notes").click()
    expect(two.get_by_role("alert")).to_contain_text("Somebody changed the notes meanwhile")
    expect(two.locator(".markdown").filter(has_text="from one")).to_be_visible()
    two.get_by_role("button", name="Save the notes").click()
    expect(two.locator(".markdown").filter(has_text="from two")).to_be_visible()
