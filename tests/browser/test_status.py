"""The state of the API and its servers, in a real browser over the real ones."""

import pytest
from playwright.sync_api import expect

from .conftest import Watched
from .looking import accessibility_findings

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_the_state_of_servers_and_api_is_told(watched: Watched, scheme: str, width: int) -> None:
    page = watched.open("status", scheme=scheme, width=width)
    for server in ("MongoDB", "S3", "Kafka"):
        expect(page.get_by_role("row", name=f"{server} answers")).to_be_visible()
    expect(page.get_by_text("behind what is stored")).to_be_visible()
    expect(page.get_by_text("mldash dead-letters list")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert accessibility_findings(page) == []


def test_a_server_that_is_away_is_told_with_the_reason_which_stays_text(watched: Watched) -> None:
    """As the API answers then."""
    page = watched.open("healthz")
    told = (
        '[{"name": "MongoDB", "ok": true, "why": null, "since": 1700000000},'
        ' {"name": "Kafka", "ok": false, "why": "<img src=x onerror=alert(1)>", "since": 1700000000}]'
    )
    page.route("**/dependencies", lambda route: route.fulfill(status=200, content_type="application/json", body=told))
    page.goto(f"{watched.address}/status")
    row = page.get_by_role("row", name="Kafka is away")
    expect(row).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0
