"""The path of a track in space, in a real browser over the real API."""

import math
import uuid
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored

from .conftest import Watched, launch
from .looking import accessibility_findings

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

_TOPIC: Final = "arm/tip"
_ENTRIES: Final = 300
_LONG: Final = 30_000
_LOOKS: Final = 300
_COVERED = """(figure) => {
  // In one task with the drawing: what WebGL has drawn is gone from its buffer afterwards.
  figure.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
  const lines = figure.querySelectorAll(".scene canvas")[1];
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [lines.width, lines.height];
  const ctx = copy.getContext("2d");
  ctx.drawImage(lines, 0, 0);
  return ctx.getImageData(0, 0, copy.width, copy.height).data.filter((value, at) => at % 4 === 3 && value > 0).length;
}"""
"""Turns the path by a step of its keys; the number of pixels that its line covers then."""


@pytest.fixture(scope="module")
def scope(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of two runs of an arm: its tip goes round in a screw, once without a position; the first has a long track too."""
    found = f"vera/arms/moved-{uuid.uuid4().hex[:6]}"
    times = [step / 25 for step in range(_ENTRIES)]
    for number in (1, 2):
        journal = str(tmp_path_factory.mktemp("moved"))
        experiment = Experiment(f"{found}/run-{number}", remote=pipeline.api, journal=journal, echo=False)
        with experiment.run:
            experiment.tracks(_TOPIC).append_many(
                _ts=times,
                p=[
                    [number * math.cos(time), math.sin(time), math.nan if time == 6 else time / 4 / number]
                    for time in times
                ],
                quat=[[0.0, 0.0, math.sin(time / 2), math.cos(time / 2)] for time in times],
                speed=[time * number for time in times],
            )
            if number == 1:
                long = range(_LONG)
                experiment.tracks("arm/long").append_many(_ts=list(long), x=[0.5] * _LONG, y=list(long), z=list(long))
            until_stored(experiment, tracks=[_TOPIC, *(["arm/long"] if number == 1 else [])])
    return found


@pytest.fixture
def without_webgl(pipeline: Pipeline) -> Iterator[Watched]:
    other: Browser = launch("--disable-3d-apis")
    made = Watched(other, pipeline.api)
    yield made
    made.close()
    other.close()
    assert made.wrong == []


def path_in(page: Page, count: int = _ENTRIES, drawn: str = "webgl", topic: str = _TOPIC) -> Locator:
    """Once it is drawn of so many entries."""
    figure = page.get_by_role("figure", name=f"Path of {topic}")
    expect(figure).to_have_attribute("data-points", str(count))
    expect(figure).to_have_attribute("data-stale", "false")
    expect(figure.locator(".scene")).to_have_attribute("data-drawn", drawn)
    return figure


def address(scope: str, choices: str = "") -> str:
    return f"run/{scope}/run-1?tab=tracks&topic={_TOPIC}{choices}"


def await_same_picture(one: Locator, other: Locator) -> bytes:
    """A picture is drawn a frame after what stands beside it in words."""
    for _ in range(_LOOKS):
        picture = one.locator(".scene").screenshot()
        if other.locator(".scene").screenshot() == picture:
            return picture
        one.page.wait_for_timeout(100)
    raise AssertionError("they are two pictures")


def await_covered(figure: Locator, least: int) -> None:
    """Until its line covers so many pixels. Turns it."""
    for _ in range(_LOOKS):
        covered = figure.evaluate(_COVERED)
        if covered > least:
            return
        figure.page.wait_for_timeout(100)
    raise AssertionError(f"the line covers {covered} pixels")


def shown_by(page: Page, watched: Watched) -> str:
    """The address as it is now: Playwright hears of a change later."""
    found: str = page.evaluate("location.href")
    return found.removeprefix(f"{watched.address}/")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_a_path_is_drawn_of_three_fields_and_turned_by_keys(
    watched: Watched, scope: str, scheme: str, width: int
) -> None:
    page = watched.open(address(scope), scheme=scheme, width=width)
    figure = path_in(page)
    expect(figure).to_contain_text("p[0], p[1], p[2]")
    expect(figure.locator(".told")).to_have_text(f"{_ENTRIES} entries, 1 without a position")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert accessibility_findings(page) == []
    assert any("/ogl/" in url for url in watched.requests)
    assert "ogl" not in "".join(page.locator("link[rel=modulepreload]").evaluate_all("all => all.map(one => one.href)"))
    expect(figure.locator(".poses")).to_contain_text("p[0] 0.8217, p[1] −0.5699, p[2] 2.99")
    figure.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**eye=*")
    await_covered(figure, 500)
    other = watched.open(shown_by(page, watched), scheme=scheme, width=width)
    turned = await_same_picture(figure, path_in(other))
    page.keyboard.press("0")
    page.wait_for_function("() => !location.search.includes('eye=')")
    assert figure.locator(".scene").screenshot() != turned


def test_a_slider_moves_the_moment_of_path_and_charts_and_stands_in_the_address(watched: Watched, scope: str) -> None:
    page = watched.open(address(scope))
    figure = path_in(page)
    chart = page.get_by_role("figure", name="arm, tip · speed", exact=True)
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_attribute("data-points", str(_ENTRIES))
    slider = figure.get_by_role("slider", name="Time")
    slider.focus()
    page.keyboard.press("Home")
    expect(figure.locator(".poses")).to_contain_text("p[0] 1, p[1] 0, p[2] 0")
    expect(chart.locator(".legend")).to_contain_text("x = 0")
    page.keyboard.press("ArrowRight")
    figure.focus()
    page.keyboard.press(".")
    page.wait_for_url("**at=0.16*")
    expect(slider).to_have_attribute("aria-valuetext", "0.16 s")
    expect(figure.locator(".poses")).to_contain_text("p[2] 0.04")
    expect(chart.locator(".legend")).to_contain_text("x = 0.16")
    other = watched.open(shown_by(page, watched))
    again = path_in(other)
    expect(again.get_by_role("slider", name="Time")).to_have_attribute("aria-valuetext", "0.16 s")
    same = other.get_by_role("figure", name="arm, tip · speed", exact=True)
    same.scroll_into_view_if_needed()
    expect(same.locator(".legend")).to_contain_text("x = 0.16")
    page.mouse.move(0, 0)
    await_same_picture(figure, again)
    chart.focus()
    page.keyboard.press("End")
    expect(figure.locator(".poses")).to_contain_text("p[2] 2.99")


def test_several_runs_are_drawn_together_and_coloured_by_a_field(watched: Watched, scope: str) -> None:
    page = watched.open(address(scope))
    whole = path_in(page).locator(".scene").screenshot()
    options = page.get_by_role("toolbar", name="Of the path")
    options.get_by_label("also").select_option("run-2")
    figure = path_in(page, 2 * _ENTRIES)
    options.get_by_label("colour").select_option("speed")
    options.get_by_label("fit axes").check()
    path_in(page, 2 * _ENTRIES)
    expect(figure.locator(".poses li")).to_have_count(2)
    expect(figure.locator(".poses")).to_contain_text("speed 23.92")
    expect(figure.locator(".scale")).to_have_text("speed023.92")
    assert accessibility_findings(page) == []
    assert figure.locator(".scene").screenshot() != whole
    page.get_by_role("button", name="run-2: draw no more").click()
    path_in(page)
    assert shown_by(page, watched).endswith("&tint=speed&fit=1")


def test_a_long_track_says_how_coarse_its_path_is(watched: Watched, scope: str) -> None:
    page = watched.open(f"run/{scope}/run-1?tab=tracks&topic=arm/long")
    figure = path_in(page, _LONG, topic="arm/long")
    expect(figure.locator(".told")).to_contain_text(
        "30\u202f000 entries, 2\u202f000 of them drawn: extremes of 1\u202f000"
    )
    await_covered(figure, 200)


def test_without_webgl_the_path_is_drawn_flat(without_webgl: Watched, scope: str) -> None:
    page = without_webgl.open(address(scope))
    figure = path_in(page, drawn="flat")
    expect(figure.locator(".told")).to_have_text(f"{_ENTRIES} entries, 1 without a position; flat, without WebGL")
    await_covered(figure, 500)
    assert not any("/ogl/" in url for url in without_webgl.requests)
