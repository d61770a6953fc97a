"""Views that people save for one another, in real browsers over the real API."""

import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Watched
from .looking import accessibility_findings, await_names, filtered, table
from .training import Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


def strip(page: Page) -> Locator:
    return page.get_by_role("region", name="Saved view")


def save_as(page: Page, name: str) -> None:
    """By keys alone."""
    page.keyboard.press("w")
    expect(page.get_by_role("dialog", name="Saved views")).to_be_visible()
    page.get_by_label("Save this view as").fill(name)
    page.keyboard.press("Enter")
    expect(strip(page)).to_contain_text(f"{name} of")


def open_saved(page: Page, name: str) -> None:
    page.get_by_role("button", name="Saved views").click()
    page.get_by_role("list", name="Saved views").get_by_role("button", name=name).first.click()
    expect(strip(page)).to_contain_text(f"{name} of")


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("columnheader", name=name, exact=True)


def test_changes_of_different_parts_merge_and_of_one_part_both_are_told(watched: Watched, trained: Trained) -> None:
    """Two people with one view. Its name is hostile, and stays text."""
    name = f"<img src=x onerror=alert(1)> {uuid.uuid4().hex[:6]}"
    watched.expected.append("412")
    one = watched.open(filtered(trained.scope))
    await_names(one, ["run-00", "run-01"])
    table(one).focus()
    save_as(one, name)
    expect(strip(one)).to_contain_text("of vera/vision")
    assert one.locator("img").count() == 0
    two = watched.open("")
    open_saved(two, name)
    await_names(two, ["run-00", "run-01"])

    column(one, "run").click()
    await_names(one, ["run-11", "run-10"])
    expect(strip(one)).to_contain_text("1 change not saved: order")
    assert accessibility_findings(one) == []
    strip(one).get_by_role("button", name="Save", exact=True).click()
    expect(strip(one)).to_contain_text("saved")
    two.get_by_role("checkbox", name=f"Select {trained.prefixes[1]}").check()
    strip(two).get_by_role("button", name="Save", exact=True).click()
    await_names(two, ["run-11", "run-10"])  # what the other saved came with the answer
    expect(two.get_by_role("checkbox", name=f"Select {trained.prefixes[1]}")).to_be_checked()
    expect(strip(two).get_by_role("button", name="Save", exact=True)).to_have_count(0)

    column(two, "run").click()
    await_names(two, ["run-00", "run-01"])
    strip(two).get_by_role("button", name="Save", exact=True).click()
    expect(strip(two)).to_contain_text("saved")
    column(one, "status").click()
    strip(one).get_by_role("button", name="Save", exact=True).click()
    told = one.get_by_role("dialog", name="Somebody else changed the same")
    expect(told.get_by_role("row", name="order prefix status")).to_be_visible()
    assert accessibility_findings(one) == []
    told.get_by_role("button", name="Take theirs").click()
    await_names(one, ["run-00", "run-01"])
    expect(one.get_by_role("checkbox", name=f"Select {trained.prefixes[1]}")).to_be_checked()
    expect(told).to_have_count(0)


def test_each_change_can_be_undone_and_a_deleted_view_be_had_back(watched: Watched, trained: Trained) -> None:
    name = f"undone {uuid.uuid4().hex[:6]}"
    page = watched.open(filtered(trained.scope))
    await_names(page, ["run-00"])
    table(page).focus()
    save_as(page, name)
    column(page, "run").click()
    strip(page).get_by_role("button", name="Save", exact=True).click()
    expect(strip(page)).to_contain_text("saved")
    strip(page).get_by_role("button", name="history and undo").click()
    history = page.get_by_role("dialog", name=f"History of {name}")
    history.get_by_role("button", name="Undo change 2").click()
    await_names(page, ["run-00", "run-01"])
    expect(history.get_by_role("listitem")).to_have_count(3)
    history.get_by_label("Name").fill(f"{name} anew")
    history.get_by_role("button", name="Rename").click()
    expect(strip(page)).to_contain_text(f"{name} anew")
    assert accessibility_findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.get_by_role("button", name=f"Delete {name} anew").click()
    expect(strip(page)).to_have_count(0)
    page.get_by_role("button", name="have it back").click()
    expect(strip(page)).to_contain_text(f"{name} anew")
    page.go_back()  # the address from before it was had back
    expect(strip(page)).to_have_count(0)


def test_an_address_that_is_older_than_its_saved_view_says_so_and_overwrites_nothing(
    watched: Watched, trained: Trained
) -> None:
    name = f"older {uuid.uuid4().hex[:6]}"
    page = watched.open(filtered(trained.scope))
    await_names(page, ["run-00"])
    table(page).focus()
    save_as(page, name)
    old = page.url.removeprefix(f"{watched.address}/")
    column(page, "run").click()
    strip(page).get_by_role("button", name="Save", exact=True).click()
    expect(strip(page)).to_contain_text("saved")
    other = watched.open(old)
    await_names(other, ["run-00", "run-01"])
    expect(strip(other)).to_contain_text("changed it since")
    expect(strip(other).get_by_role("button", name="Save", exact=True)).to_have_count(0)
    other.get_by_role("checkbox", name=f"Select {trained.prefixes[2]}").check()
    expect(strip(other)).to_contain_text("1 change not saved: runs")
    strip(other).get_by_role("button", name="Save", exact=True).click()
    await_names(other, ["run-11", "run-10"])
    expect(other.get_by_role("checkbox", name=f"Select {trained.prefixes[2]}")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pinned_charts_come_first_and_are_saved_at_380_pixels(watched: Watched, trained: Trained, scheme: str) -> None:
    page = watched.open(f"run/{trained.prefixes[0]}", width=380, scheme=scheme)
    loss = page.get_by_role("figure", name="train, loss", exact=True)
    loss.focus()
    page.keyboard.press("p")
    expect(page.get_by_role("heading", name="Pinned")).to_be_visible()
    first = page.get_by_role("figure").first
    expect(first).to_have_attribute("aria-label", "train, loss")
    expect(loss).to_have_count(1)
    first.focus()
    save_as(page, f"pinned {uuid.uuid4().hex[:6]}")
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    assert accessibility_findings(page) == []
    other = watched.open(page.url.removeprefix(f"{watched.address}/"), width=380, scheme=scheme)
    expect(other.get_by_role("figure").first).to_have_attribute("aria-label", "train, loss")
    expect(strip(other)).to_contain_text("saved")
