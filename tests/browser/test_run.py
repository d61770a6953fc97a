"""A run, and charts of many, in a real browser over the real API."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from mldash import Experiment
from tests.components import Pipeline, free_port

from .conftest import Watched
from .looking import accessibility_findings, await_live, drawn_in
from .training import LONG, RUNS, STEPS, Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


def await_points(page: Page, name: str, count: int) -> None:
    """Until the card, brought into view, is drawn of so many."""
    card = page.get_by_role("figure", name=name, exact=True)
    card.scroll_into_view_if_needed()
    expect(card).to_have_attribute("data-points", str(count))
    expect(card).to_have_attribute("data-stale", "false")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_runs_charts_tell_of_how_many_points_they_are_made(watched: Watched, trained: Trained, scheme: str) -> None:
    """And mark what is no number."""
    page = watched.open(f"run/{trained.with_nan}", scheme=scheme)
    await_points(page, "train, loss", STEPS)
    expect(page.get_by_role("figure", name="train, loss")).to_contain_text("× no number")
    expect(page.get_by_role("figure", name="train, lr")).not_to_contain_text("× no number")
    assert accessibility_findings(page) == []
    page.get_by_role("link", name="Overview").click()
    page.get_by_label("Find parameters").fill("lr")
    expect(page.locator(".tree .value").first).to_have_text("0.0003")
    expect(page.locator(".markdown")).to_contain_text("<script>alert(1)</script>")
    assert accessibility_findings(page) == []


def test_zooming_fetches_finer_data_and_the_address_shows_it_in_another_browser(
    watched: Watched, trained: Trained
) -> None:
    page = watched.open(f"run/{trained.long}")
    await_points(page, "train, loss", LONG)
    assert "in" in (page.locator(".card .told").first.text_content() or "")
    area = page.locator(".card .u-over").first
    box = area.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.40, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.405, box["y"] + 60, steps=2)
    page.mouse.move(box["x"] + box["width"] * 0.42, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=*")
    expect(page.get_by_role("figure", name="train, loss")).to_have_attribute("data-stale", "false")
    drawn = int(page.get_by_role("figure", name="train, loss").get_attribute("data-points") or 0)
    assert 100 < drawn < LONG / 20
    page.mouse.move(0, 0)
    await_live(page)
    other = watched.open(page.url.removeprefix(f"{watched.address}/"))
    await_points(other, "train, loss", drawn)
    await_live(other)
    # The head of the page says how long ago the run began.
    assert drawn_in(page.locator(".card")) == drawn_in(other.locator(".card"))
    page.get_by_role("button", name="Whole run").click()
    await_points(page, "train, loss", LONG)


def test_points_arrive_by_themselves_and_new_metrics_get_their_card(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    prefix = "vera/vision/live/run"
    with Experiment(prefix, remote=pipeline.api, journal=str(tmp_path), echo=False).run as run:
        run.metrics("train").log(loss=1.0)
        run.flush()
        page = watched.open(f"run/{prefix}")
        await_points(page, "train, loss", 1)
        await_live(page)
        for step in range(20):
            run.metrics("train").log(loss=1 / (step + 2))
        run.metrics("eval").log(accuracy=0.5)
        run.flush()
        await_points(page, "train, loss", 21)
        await_points(page, "eval, accuracy", 1)
        expect(page.locator(".title")).to_contain_text("running")
    expect(page.locator(".title")).to_contain_text("completed")


def test_a_chart_is_read_by_keys_alone(watched: Watched, trained: Trained) -> None:
    page = watched.open(f"run/{trained.prefixes[0]}?find=accuracy")
    await_points(page, "eval, accuracy", STEPS // 20)
    page.get_by_role("figure", name="eval, accuracy").focus()
    page.keyboard.press("Home")
    expect(page.locator(".legend").first).to_contain_text("x = 0")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".legend").first).to_contain_text("x = 1")
    page.keyboard.press("t")
    expect(page.get_by_role("region", name="Values of accuracy").get_by_role("row")).to_have_count(1 + STEPS // 20)
    page.keyboard.press("t")
    page.keyboard.press("+")
    page.wait_for_url("**from=*")
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Whole run")).to_have_count(0)


def test_many_runs_share_one_chart_at_every_width(watched: Watched, trained: Trained) -> None:
    """Each through its extremes; no canvas stays of cards that left the view."""
    chosen = "&".join(f"run={prefix}" for prefix in trained.prefixes)
    page = watched.open(f"charts?{chosen}&log=1&smooth=20", width=380)
    await_points(page, "train, loss", RUNS * STEPS)
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    expect(page.locator(".formula")).to_contain_text("never change the smoothed past")
    page.locator(".scroll").evaluate("(main) => main.scrollTo(0, 1e6)")
    expect(page.get_by_role("figure", name="train, step")).to_have_attribute("data-stale", "false")
    assert page.locator(".scroll canvas").count() < 5


def test_the_log_is_filtered_followed_and_stays_text(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    prefix, hostile = "vera/vision/told/run", "<b onclick=alert(1)>bold</b>"
    with Experiment(prefix, remote=pipeline.api, journal=str(tmp_path), echo=False).run as run:
        for number in range(300):
            run.log(f"line {number} {hostile}", level="warn" if number % 100 == 0 else "info")
        run.flush()
        page = watched.open(f"run/{prefix}?tab=logs")
        expect(page.get_by_text("300 lines")).to_be_visible()
        expect(page.get_by_role("log")).to_contain_text(f"line 299 {hostile}")
        assert page.locator(".line").count() < 120
        await_live(page)
        run.log("the newest", level="error")
        run.flush()
        expect(page.get_by_text("the newest")).to_be_in_viewport()
        assert accessibility_findings(page) == []
        page.get_by_role("button", name="warn").click()
        expect(page.get_by_text("3 lines")).to_be_visible()
        expect(page.locator(".line .message")).to_have_text([f"line {at} {hostile}" for at in (0, 100, 200)])


def test_a_run_that_is_not_here_says_so(watched: Watched, trained: Trained) -> None:
    watched.expected.append("404")
    page = watched.open("run/vera/vision/nobody")
    expect(page.get_by_role("heading", name="Not here")).to_be_visible()


@contextmanager
def api_on(port: int, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """An API of this test's own; it may be killed."""
    environment = {**os.environ, **variables, "MLDASH_API_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "mldash", "api"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_page_goes_on_after_the_api_was_killed(
    watched: Watched, pipeline: Pipeline, trained: Trained, tmp_path: Path
) -> None:
    """What came meanwhile is there, once."""
    watched.expected.append("net::ERR_")
    prefix, port = "vera/vision/killed/run", free_port()
    watched.address = f"http://127.0.0.1:{port}"
    with Experiment(prefix, remote=pipeline.api, journal=str(tmp_path), echo=False).run as run:
        run.metrics("train").log(loss=1.0)
        run.flush()
        with api_on(port, pipeline.variables) as first:
            page = open_when_it_answers(watched, f"run/{prefix}")
            await_points(page, "train, loss", 1)
            await_live(page)
            first.send_signal(signal.SIGKILL)
            expect(page.locator(".pulse")).to_have_attribute("data-state", "lost")
            run.metrics("train").log(loss=0.5)
            run.flush()
        with api_on(port, pipeline.variables):
            await_points(page, "train, loss", 2)
            await_live(page)
            page.close()


def open_when_it_answers(watched: Watched, path: str) -> Page:
    until = time.monotonic() + 120
    while True:
        try:
            httpx.get(f"{watched.address}/readyz", trust_env=False)
            return watched.open(path)
        except httpx.TransportError:
            assert time.monotonic() < until
            time.sleep(0.1)
