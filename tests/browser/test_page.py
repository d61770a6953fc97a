"""The page around every view: what it costs to load, whom it serves, and what it says where there is nothing."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import Watched
from .looking import accessibility_findings, await_live, filtered, table
from .training import Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

MOST_BYTES, MOST_REQUESTS = 150_000, 60


def test_the_first_page_is_small_and_comes_in_three_rounds(watched: Watched, trained: Trained) -> None:
    """The page; all its modules and styles, named by it, at once; the data."""
    page = watched.open(filtered(trained.scope))
    expect(table(page)).to_be_visible()
    await_live(page)
    entries = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
          .map(({ name, transferSize, initiatorType }) => ({ name, transferSize, initiatorType }))"""
    )
    assert sum(one["transferSize"] for one in entries) <= MOST_BYTES
    assert len(watched.requests) <= MOST_REQUESTS
    named = set(re.findall(r'href="([^"]+\.js)"', page.content()))
    loaded = {one["name"].removeprefix(f"{watched.address}/") for one in entries if one["name"].endswith(".js")}
    assert loaded == named


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_table_and_the_sheet_of_keys(watched: Watched, trained: Trained, scheme: str) -> None:
    page = watched.open(
        filtered(trained.scope) + f"&base={trained.prefixes[3]}&pin={trained.prefixes[5]}", scheme=scheme
    )
    expect(table(page).get_by_text("baseline").first).to_be_visible()
    assert accessibility_findings(page) == []
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_label("Part of a name")).to_be_visible()
    assert accessibility_findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert accessibility_findings(page) == []


def test_a_theme_that_was_chosen_is_kept_by_the_browser(watched: Watched, trained: Trained) -> None:
    page = watched.open(scheme="light")
    page.get_by_role("button", name="Dark colours").click()
    again = watched.in_context(page.context, "")
    expect(again.locator("html")).to_have_attribute("data-theme", "dark")
    again.keyboard.press("d")
    expect(again.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize("width", [380, 1280, 2560])
def test_no_width_makes_the_page_scroll_sideways(watched: Watched, trained: Trained, width: int) -> None:
    """The table does, within itself."""
    page = watched.open(filtered(trained.scope), width=width)
    expect(table(page)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(".grid .row").first.is_visible()


def test_a_filter_that_nothing_passes_says_so_and_offers_the_way_back(watched: Watched, trained: Trained) -> None:
    page = watched.open('?q=name = "nobody"')
    page.get_by_role("button", name="Show all runs").click()
    expect(table(page)).to_be_visible()


def test_without_rights_the_page_says_what_is_missing_and_offers_to_sign_in(watched: Watched) -> None:
    """As the API answers a browser that has not signed in."""
    watched.expected.append("401")
    page = watched.open("healthz")
    problem = '{"type": "not-signed-in", "title": "Not signed in", "status": 401, "detail": "this API wants a token"}'
    page.route(
        "**/v1/**", lambda route: route.fulfill(status=401, content_type="application/problem+json", body=problem)
    )
    page.goto(f"{watched.address}/?q=archived")
    expect(page.get_by_role("heading", name="Sign in to see this")).to_be_visible()
    link = page.get_by_role("link", name="Sign in")
    assert link.get_attribute("href") == f"{watched.address}/sign-in?next=%2F%3Fq%3Darchived"
