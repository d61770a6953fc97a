"""A run's tracks, in a real browser over the real API."""

import math
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored

from .conftest import Watched
from .looking import accessibility_findings, await_live

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

_HOSTILE = '<img src=x onerror="alert(1)">'
_ENTRIES = 1_000


@pytest.fixture(scope="module")
def walked(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The prefix of a run with two topics."""
    prefix = f"vera/robots/walked-{uuid.uuid4().hex[:6]}"
    experiment = Experiment(prefix, remote=pipeline.api, journal=str(tmp_path_factory.mktemp("walked")), echo=False)
    with experiment.run:
        times = [step / 50 for step in range(_ENTRIES)]
        experiment.tracks("robot/pose", description="of the base").append_many(
            _ts=times,
            x=[math.cos(time) for time in times],
            z=[math.nan if step == 500 else step / 7 for step in range(_ENTRIES)],
            q=[[0.0, math.sin(time)] for time in times],
            gait=["walk" for _ in times],
        )
        experiment.tracks(_HOSTILE).append(_ts=1_700_000_000.5, **{_HOSTILE: 2.5, "note": _HOSTILE})
        until_stored(experiment, tracks=["robot/pose", _HOSTILE])
    return prefix


def await_entries(page: Page, name: str, count: int) -> None:
    card = page.get_by_role("figure", name=name, exact=True)
    card.scroll_into_view_if_needed()
    expect(card).to_have_attribute("data-points", str(count))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_a_track_shows_its_fields_over_time(watched: Watched, walked: str, scheme: str, width: int) -> None:
    page = watched.open(f"run/{walked}?tab=tracks&topic=robot/pose", scheme=scheme, width=width)
    for field in ("x", "q[0]", "q[1]"):
        await_entries(page, f"robot, pose · {field}", _ENTRIES)
    await_entries(page, "robot, pose · z", _ENTRIES)
    expect(page.get_by_role("figure", name="robot, pose · z")).to_contain_text("× no number")
    expect(page.get_by_text("Fields that are no numbers: gait")).to_be_visible()
    expect(page.get_by_text("1\u202f000 entries, 0 s … 19.98 s")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert accessibility_findings(page) == []


def test_a_part_of_a_track_is_downloaded_and_stands_in_the_address(watched: Watched, walked: str) -> None:
    page = watched.open(f"run/{walked}?tab=tracks&topic=robot/pose&find=x")
    await_entries(page, "robot, pose · x", _ENTRIES)
    card = page.get_by_role("figure", name="robot, pose · x", exact=True)
    card.focus()
    page.keyboard.press("+")
    page.wait_for_url("**from=*")
    expect(page.get_by_text("The part that is shown, as")).to_be_visible()
    expect(card).not_to_have_attribute("data-points", str(_ENTRIES))
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON lines").click()
    shown = int(card.get_attribute("data-points") or 0)
    assert len(download.value.path().read_text().splitlines()) == shown < _ENTRIES
    with page.expect_download() as download:
        page.get_by_role("link", name="MCAP").click()
    assert download.value.suggested_filename == "robot_pose.mcap"
    assert download.value.path().read_bytes()[:5] == b"\x89MCAP"
    page.mouse.move(0, 0)
    other = watched.open(page.url.removeprefix(f"{watched.address}/"))
    await_entries(other, "robot, pose · x", shown)
    page.evaluate("document.activeElement.blur()")
    assert card.locator("canvas").screenshot() == other.locator(".card canvas").screenshot()


def test_entries_arrive_by_themselves_and_hostile_topics_stay_text(
    watched: Watched, walked: str, pipeline: Pipeline, tmp_path: Path
) -> None:
    page = watched.open(f"run/{walked}?tab=tracks&topic={quote(_HOSTILE)}")
    card = page.get_by_role("figure").first
    expect(card).to_have_attribute("data-points", "1")
    expect(card).to_contain_text(_HOSTILE)
    expect(page.get_by_text("Fields that are no numbers: note")).to_be_visible()
    assert page.locator("main img").count() == 0
    await_live(page)
    experiment = Experiment(walked, remote=pipeline.api, journal=str(tmp_path), echo=False)
    with experiment.run:
        experiment.tracks(_HOSTILE).append(_ts=1_700_000_001.5, **{_HOSTILE: 3.5})
        experiment.flush()
        expect(card).to_have_attribute("data-points", "2")
    expect(card).to_contain_text("3.5")
