"""Parameters against results, in a real browser over the real API."""

import pytest
from playwright.sync_api import expect

from .conftest import Watched
from .looking import accessibility_findings
from .training import RUNS, Trained

# A unit of the picture is a pixel, so that its texts are as large as others.
_IS_AS_WIDE = """() => {
  const picture = document.querySelector(".plane .picture");
  return Math.abs(picture.viewBox.baseVal.width - picture.clientWidth) <= 1;
}"""

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_runs_are_drawn_by_what_was_chosen_and_the_address_carries_it(
    watched: Watched, trained: Trained, scheme: str, width: int
) -> None:
    """By two a scatter, by three parallel coordinates; read by keys alone."""
    chosen = "&".join(f"run={prefix}" for prefix in trained.prefixes)
    page = watched.open(f"charts?{chosen}&find=accuracy", scheme=scheme, width=width)
    page.get_by_role("button", name="Params against results").click()
    page.get_by_label("Part of an axis' name").fill("optimizer.lr")
    page.get_by_role("checkbox", name="params.optimizer.lr").check()
    expect(page.get_by_text("One more axis is needed.")).to_be_visible()
    page.get_by_label("Part of an axis' name").fill("accuracy")
    page.get_by_role("checkbox", name="metrics.eval.accuracy.last").check()
    figure = page.get_by_role("figure", name="optimizer.lr against eval/accuracy · last")
    expect(figure).to_have_attribute("data-runs", str(RUNS))
    expect(figure.locator("circle")).to_have_count(RUNS)
    expect(figure).to_contain_text("12 runs")
    page.wait_for_function(_IS_AS_WIDE)
    assert accessibility_findings(page) == []
    page.get_by_label("Part of an axis' name").fill("name")
    page.get_by_role("checkbox", name="params.optimizer.name").check()
    page.keyboard.press("Escape")
    figure = page.get_by_role("figure", name="optimizer.lr, eval/accuracy · last, optimizer.name")
    expect(figure.locator(".of-run path")).to_have_count(RUNS)
    figure.focus()
    page.keyboard.press("Home")
    expect(figure.locator(".legend")).to_contain_text("optimizer.lr 0.0001")
    page.keyboard.press("End")
    expect(figure.locator(".legend")).to_contain_text("optimizer.lr 0.003")
    page.keyboard.press("t")
    expect(page.get_by_role("region", name="Values of the runs").get_by_role("row")).to_have_count(RUNS + 1)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert accessibility_findings(page) == []
    page.keyboard.press("t")
    other = watched.open(page.url.removeprefix(f"{watched.address}/"), scheme=scheme, width=width)
    again = other.get_by_role("figure", name="optimizer.lr, eval/accuracy · last, optimizer.name")
    paths = "(figure) => [...figure.querySelectorAll('.of-run path')].map((path) => path.getAttribute('d'))"
    expect(again.locator(".of-run path")).to_have_count(RUNS)
    first = figure.locator(".of-run path").first.get_attribute("d") or ""
    expect(again.locator(".of-run path").first).to_have_attribute("d", first)
    assert figure.evaluate(paths) == again.evaluate(paths)


def test_what_was_logged_stays_text_and_an_axis_that_is_not_there_is_told(watched: Watched, trained: Trained) -> None:
    chosen = "&".join(f"run={prefix}" for prefix in trained.prefixes[:2])
    page = watched.open(f"charts?{chosen}&axis=<img src=x onerror=alert(1)>&axis=params.optimizer.lr")
    expect(page.get_by_text("These runs have fewer than two of these axes.")).to_be_visible()
    page.get_by_role("button", name="Params against results").click()
    expect(page.get_by_role("checkbox", name="<img src=x onerror=alert(1)>")).to_be_checked()
    assert page.locator("main img").count() == 0
    page.get_by_role("button", name="none", exact=True).click()
    expect(page.get_by_text("fewer than two of these axes")).to_have_count(0)
    assert "axis=" not in page.url
