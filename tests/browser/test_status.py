"""The state of the API and its servers, in a real browser over the real ones."""

import json

import pytest
from playwright.sync_api import Route, expect

from .conftest import Watched
from .looking import accessibility_findings

HOSTILE = "<img src=x onerror=alert(1)>"
pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_the_state_of_servers_and_api_is_told(watched: Watched, scheme: str, width: int) -> None:
    page = watched.open("status", scheme=scheme, width=width)
    for server in ("MongoDB", "S3", "Kafka"):
        expect(page.get_by_role("row", name=f"{server} answers")).to_be_visible()
    expect(page.get_by_text("behind what is stored")).to_be_visible()
    expect(page.get_by_text("mldash dead-letters list")).to_be_visible()
    partitions = page.get_by_role("region", name="Table of partitions")
    expect(partitions.get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
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


def test_what_waits_is_told_by_partition_and_reason_and_stays_text(watched: Watched) -> None:
    """As the API answers then: rates by two looks."""
    page = watched.open("healthz")
    page.clock.install()
    turns = {0}

    def answer(route: Route) -> None:
        turn = max(turns)
        lag = {"topic": "mldash.metrics", "partition": 0, "committed": 100 + 50 * turn, "end": 1_100 + 20 * turn}
        letter = {"place": "0/17", "time": 1.7e9, "reason": HOSTILE, "topic": "mldash.metrics", "partition": 0}
        letter |= {"offset": 9, "experiment": "vera/<b>x</b>/run", "kind": "metrics", "bytes": 3}
        reasons = [{"reason": HOSTILE, "count": 2, "newest": 1.7e9}]
        letters = {"count": 2, "isAll": False, "reasons": reasons, "newest": [letter]}
        told = {"at": 1.7e9 + 10 * turn, "group": "workers", "letters": letters}
        told["partitions"] = [{**lag, "waiting": lag["end"] - lag["committed"]}]
        route.fulfill(status=200, content_type="application/json", body=json.dumps(told))

    page.route("**/v1/status/waiting**", answer)
    page.goto(f"{watched.address}/status")
    row = page.get_by_role("region", name="Table of partitions").get_by_role("row").nth(1)
    expect(row).to_contain_text("mldash.metrics/0")
    expect(row).to_contain_text("…")
    turns.add(1)
    page.clock.fast_forward(10_000)
    expect(row.get_by_role("cell")).to_have_text(["970", "2", "5", "150", "1\u202f120"])
    expect(page.get_by_text("At least 2 records could not be stored")).to_be_visible()
    expect(page.get_by_role("region", name="Table of reasons")).to_contain_text(HOSTILE)
    letters = page.get_by_role("region", name="Table of dead letters")
    expect(letters).to_contain_text("metrics of vera/<b>x</b>/run")
    assert page.locator("main img, main td b").count() == 0
    assert accessibility_findings(page) == []


def test_while_kafka_hangs_the_page_does_not_ask_again(watched: Watched) -> None:
    page = watched.open("healthz")
    page.clock.install()
    letters = {"count": 0, "isAll": True, "reasons": [], "newest": []}
    told = {"at": 1.7e9, "group": "workers", "letters": letters, "partitions": []}
    asked = list[Route]()

    def hold_the_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.fulfill(json=told)

    page.route("**/v1/status/waiting**", hold_the_first)
    page.goto(f"{watched.address}/status")
    expect(page.get_by_text("Asking Kafka …")).to_be_visible()
    for _ in range(3):
        page.clock.fast_forward(10_000)
    page.evaluate("fetch('healthz')")
    assert len(asked) == 1
    asked[0].fulfill(json=told)
    expect(page.get_by_text("No record was set aside and waits.")).to_be_visible()


def test_where_kafka_tells_the_api_nothing_the_rest_is_there(watched: Watched) -> None:
    watched.expected.append("503")
    page = watched.open("healthz")
    told = (
        '{"type": "server-away", "title": "A server does not answer", "status": 503, "detail": "Kafka refuses: READ"}'
    )
    page.route(
        "**/v1/status/waiting**",
        lambda route: route.fulfill(status=503, content_type="application/problem+json", body=told),
    )
    page.goto(f"{watched.address}/status")
    expect(page.get_by_role("alert")).to_have_text("Kafka does not tell the API: Kafka refuses: READ")
    expect(page.get_by_role("row", name="MongoDB answers")).to_be_visible()
