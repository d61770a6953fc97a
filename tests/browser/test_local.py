"""`mldash view` in a real browser: local files, no server of the stack; and the same picture as the API's of the same
points."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored
from tests.viewing import Viewing, viewing

from .conftest import Watched
from .looking import accessibility_findings, await_live, await_names, table

pytestmark = [pytest.mark.xdist_group("browser")]

POINTS = 400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(3):
        with Experiment(f"vera/vision/run-{number}", root=str(tmp_path / ".dash"), echo=False).run as run:
            run.params.set(optimizer={"lr": 10.0**-number})
            run.metrics("train").log_many(loss=[1 / (step + 1 + number) for step in range(POINTS)])
            run.log("<b>done</b>", level="warn")
            for at in range(20):
                run.tracks("robot/position").append(x=float(at), y=at * at / 20, _ts=float(at))
    return tmp_path / ".dash"


@pytest.fixture
def served(root: Path) -> Iterator[Viewing]:
    with viewing(root) as found:
        yield found


@pytest.fixture
def watched_local(browser: Browser, served: Viewing) -> Iterator[Watched]:
    made = Watched(browser, served.address)
    yield made
    made.close()
    assert made.wrong == []


def entered(watched: Watched, served: Viewing, path: str = "") -> Page:
    """By the printed address, and on to another."""
    page = watched.open(f"?token={served.token}")
    expect(table(page)).to_be_visible()
    assert served.token not in page.url
    if path:
        page.goto(f"{watched.address}/{path}")
    return page


def await_points(page: Page, name: str, count: int) -> None:
    card = page.get_by_role("figure", name=name, exact=True)
    card.scroll_into_view_if_needed()
    expect(card).to_have_attribute("data-points", str(count))
    expect(card).to_have_attribute("data-stale", "false")


def test_local_runs_are_found_drawn_and_read(watched_local: Watched, served: Viewing) -> None:
    """From the printed address to a run's charts, parameters and log."""
    page = entered(watched_local, served)
    await_names(page, ["run-2", "run-1", "run-0"])
    assert accessibility_findings(page) == []
    page.get_by_role("combobox", name="Filter runs").fill("params.optimizer.lr < 1")
    page.keyboard.press("Enter")
    await_names(page, ["run-2", "run-1"])
    expect(page.locator(".status, [role=status]").filter(has_text="2 runs")).to_be_visible()
    page.goto(f"{served.address}/run/vera/vision/run-0")
    await_points(page, "train, loss", POINTS)
    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".tree .value").first).to_have_text("1")
    page.get_by_role("link", name="Log").click()
    expect(page.get_by_role("log")).to_contain_text("<b>done</b>")
    page.get_by_role("link", name="Tracks").click()
    await_points(page, "robot, position · x", 20)
    await_points(page, "Path of robot/position", 20)
    expect(page.locator(".files")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.get_by_role("dialog", name="Saved views")).to_contain_text("changes nothing: no view is saved here")
    assert accessibility_findings(page) == []
    for path, words in (("access", "Nobody signs in here"), ("status", "There is no pipeline here")):
        page.goto(f"{served.address}/{path}")
        expect(page.get_by_role("heading", name=words)).to_be_visible()
    runs = "run=vera/vision/run-0&run=vera/vision/run-1"
    page.goto(f"{served.address}/charts?{runs}&run=vera/vision/run-2")
    await_points(page, "train, loss", 3 * POINTS)
    page.goto(f"{served.address}/compare?{runs}")
    expect(page.get_by_role("rowheader", name="lr", exact=True)).to_be_visible()


def test_points_of_a_local_run_arrive_while_it_trains(watched_local: Watched, served: Viewing, root: Path) -> None:
    with Experiment("vera/live/run", root=str(root), echo=False).run as run:
        run.metrics("train").log(loss=1.0)
        run.flush()
        page = entered(watched_local, served, "run/vera/live/run")
        await_points(page, "train, loss", 1)
        await_live(page)
        for step in range(20):
            run.metrics("train").log(loss=1 / (step + 2))
        run.metrics("eval").log(accuracy=0.5)
        await_points(page, "train, loss", 21)
        await_points(page, "eval, accuracy", 1)
        expect(page.locator(".title")).to_contain_text("running")
    expect(page.locator(".title")).to_contain_text("completed")


def test_a_page_whose_server_has_ended_says_so_and_goes_on_with_none(watched_local: Watched, served: Viewing) -> None:
    page = entered(watched_local, served, "run/vera/vision/run-0")
    await_points(page, "train, loss", POINTS)
    await_live(page)
    watched_local.expected += ["Failed to load resource", "net::ERR"]
    assert served.end()[0] == 0
    expect(page.locator(".pulse")).to_have_attribute("data-state", "lost")
    expect(page.get_by_role("figure", name="train, loss")).to_be_visible()


@pytest.mark.integration
def test_lists_and_arrow_draw_the_same_pixels(
    watched: Watched, watched_local: Watched, served: Viewing, pipeline: Pipeline, root: Path, tmp_path: Path
) -> None:
    """The API answers columns as Arrow, a folder as JSON: of the same points, NaN and infinities among them."""
    prefix = "vera/pixels/run"
    loss = [2.0 * math.exp(-step / 400) + 0.2 * math.sin(step) for step in range(3_000)]
    loss[700:800] = [math.nan] * 100
    loss[1_500], loss[2_000], loss[2_500] = math.inf, -math.inf, math.nan
    remote = {"remote": pipeline.api, "journal": str(tmp_path / "journal")}
    for place in (remote, {"root": str(root)}):
        with Experiment(prefix, echo=False, **place).run as run:
            run.metrics("train").log_many(loss=loss)
            if "remote" in place:
                until_stored(run, ["train"])
    pages = [watched.open(f"run/{prefix}"), entered(watched_local, served, f"run/{prefix}")]
    pictures = []
    for page in pages:
        await_points(page, "train, loss", len(loss))
        await_live(page)
        expect(page.get_by_role("figure", name="train, loss")).to_contain_text("× no number")
        pictures.append(page.locator(".card").screenshot())
    assert pictures[0] == pictures[1]
    kinds = [any("metrics/grid" in url for url in one.requests) for one in (watched, watched_local)]
    assert kinds == [True, True]
