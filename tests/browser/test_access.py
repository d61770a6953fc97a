"""Tokens, links and rights, in real browsers over an API that asks who calls."""

import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.components import Pipeline

from .conftest import Watched
from .guarded import Guarded, guarded_api, sign_in
from .looking import accessibility_findings, await_names, filtered
from .training import STEPS, Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def guarded(pipeline: Pipeline) -> Iterator[Guarded]:
    with guarded_api(pipeline) as found:
        yield found


@pytest.fixture
def visited(browser: Browser, guarded: Guarded) -> Iterator[Watched]:
    """As `watched`, over the API that asks who calls."""
    made = Watched(browser, guarded.address)
    yield made
    made.close()
    assert made.wrong == []


def enter(visited: Watched, token: str, path: str, scheme: str = "light", width: int = 1280) -> Page:
    """As a person comes who is not signed in."""
    visited.expected.append("401")  # the page asks who one is, and is told: nobody yet
    page = visited.open(f"sign-in?next={quote(f'/{path}')}", scheme=scheme, width=width)
    sign_in(page, token)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_token_is_made_shown_once_and_revoked(
    visited: Watched, guarded: Guarded, trained: Trained, scheme: str
) -> None:
    """It signs another browser in, until it is revoked. Whom it is for is hostile, and stays text."""
    subject = f"{HOSTILE} {uuid.uuid4().hex[:6]}"
    page = enter(visited, guarded.token("ada", "admin", "vera"), "access", scheme, 380)
    form = page.get_by_role("form", name="A new token")
    form.get_by_label("for", exact=True).fill(subject)
    form.get_by_label("on", exact=True).fill("vera/vision")
    form.get_by_role("button").click()
    text = page.get_by_label(f"The token of {subject}.", exact=True).get_by_role("textbox").input_value()
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    assert accessibility_findings(page) == []
    row = page.get_by_role("row").filter(has_text=subject).filter(has_text="read vera/vision")
    expect(row).to_contain_text("never")
    assert page.locator("img").count() == 0
    other = enter(visited, text, filtered(trained.scope), scheme)
    await_names(other, ["run-00", "run-01"])
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    page.reload()
    expect(page.get_by_role("row").filter(has_text=subject).filter(has_text="revoked")).to_be_visible()
    assert text not in page.content()
    expect(page.get_by_role("region", name="Table of changes")).to_contain_text("revoke a token")
    other.reload()
    expect(other.get_by_role("heading", name="Sign in to see this")).to_be_visible()


def test_a_link_to_a_run_opens_its_page_to_whoever_has_it_until_it_is_ended(
    visited: Watched, guarded: Guarded, trained: Trained
) -> None:
    prefix = trained.prefixes[1]
    page = enter(visited, guarded.token("ada", "admin", "vera"), f"run/{prefix}")
    page.get_by_role("button", name="share").click()
    form = page.get_by_role("form", name="A new link")
    form.get_by_label("note").fill(HOSTILE)
    form.get_by_role("button").click()
    link = page.get_by_label("The link.", exact=True).get_by_role("textbox").input_value()
    assert accessibility_findings(page) == []
    visited.expected += ["401", "403"]  # who one is; and what a link does not open
    guest = visited.open(link.removeprefix(f"{visited.address}/"))
    guest.wait_for_url(f"**/run/{prefix}")
    loss = guest.get_by_role("figure", name="train, loss", exact=True)
    expect(loss).to_have_attribute("data-points", str(STEPS))
    guest.get_by_role("link", name="Overview").click()
    expect(guest.locator(".markdown")).to_contain_text("<script>alert(1)</script>")
    expect(guest.get_by_role("heading", name="Notes")).to_be_visible()
    guest.goto(f"{visited.address}/")
    expect(guest.get_by_role("heading", name="You may not see this")).to_be_visible()
    expect(guest.get_by_text(f"opens experiment {prefix}")).to_be_visible()
    page.goto(f"{visited.address}/access")
    row = page.get_by_role("row").filter(has_text=prefix).filter(has_text=HOSTILE)
    row.get_by_role("button", name="End").click()
    expect(row).to_contain_text("revoked")
    guest.goto(f"{visited.address}/run/{prefix}")
    expect(guest.get_by_role("heading", name="Sign in to see this")).to_be_visible()


def test_who_lacks_a_right_is_told_which_and_whom_to_ask(visited: Watched, guarded: Guarded, trained: Trained) -> None:
    """To share, to save, to change, to see the state of the servers."""
    visited.expected.append("403")
    prefix = trained.prefixes[2]
    page = enter(visited, guarded.token("rob", "read", "vera/vision"), f"run/{prefix}")
    page.get_by_role("button", name="share").click()
    page.get_by_role("form", name="A new link").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text(f"the right to administer {prefix}")
    expect(page.get_by_role("alert")).to_contain_text("Ask an admin of")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.get_by_label("Save this view as").fill("mine")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("It needs the right to write vera/vision")
    page.goto(f"{visited.address}/access")
    expect(page.get_by_text("You are admin of nothing")).to_contain_text("vera/vision, or of vera, or of everything")
    expect(page.get_by_role("list", name="Your rights")).to_have_text("read vera/vision")
    page.goto(f"{visited.address}/status")
    expect(page.get_by_text("It needs the right to read everything")).to_be_visible()
    assert accessibility_findings(page) == []


def test_who_signs_out_sees_nothing_any_more_and_comes_back_to_where_they_were(
    visited: Watched, guarded: Guarded, trained: Trained
) -> None:
    token = guarded.token("ada", "read", "vera")
    page = enter(visited, token, filtered(trained.scope))
    await_names(page, ["run-00"])
    page.get_by_role("button", name="Access and status").click()
    expect(page.get_by_text("Signed in: ada")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="ML-Dash")).to_be_visible()
    sign_in(page, token)
    await_names(page, ["run-00"])
