"""Lines of groups, expressions and the scale of charts, in a real browser over the real API."""

import csv
import io
import math
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from mldash import Experiment
from tests.components import Pipeline
from tests.stored import until_stored

from .conftest import Watched
from .looking import accessibility_findings, await_live, drawn_in
from .training import LONG, RUNS, STEPS, Trained

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("browser")]

_HOSTILE = '<img src=x onerror="alert(1)">/=1+1'
_LOSSES = ([4.0, 2.0, 1.0, math.nan], [2.0, 1.0, 0.5, 8.0], [9.0, 6.0, 5.0, 3.0])


def card_of(page: Page, name: str, points: int) -> Locator:
    """The card, in view, drawn of so many points."""
    card = page.get_by_role("figure", name=name, exact=True)
    card.scroll_into_view_if_needed()
    expect(card).to_have_attribute("data-points", str(points))
    expect(card).to_have_attribute("data-stale", "false")
    return card


def rows_of(page: Page, title: str) -> list[dict[str, str]]:
    """What the card is saved as, by the heads without what is behind a comma in them."""
    page.get_by_role("button", name=f"Save {title}", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    heads, *rows = csv.reader(io.StringIO(download.value.path().read_text()))
    return [dict(zip([head.split(",")[0] for head in heads], row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def grouped(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three runs: two with the hostile optimizer, one without any; the index of runs knows it."""
    scope = f"vera/vision/groups-{uuid.uuid4().hex[:6]}"
    prefixes = [f"{scope}/run-{number}" for number in range(3)]
    for number, (prefix, losses) in enumerate(zip(prefixes, _LOSSES, strict=True)):
        journal = str(tmp_path_factory.mktemp("journal"))
        experiment = Experiment(prefix, remote=pipeline.api, journal=journal, echo=False)
        with experiment.run:
            if number < 2:
                experiment.params.set(optimizer=_HOSTILE)
            experiment.metrics("train").log_many(loss=losses)
            until_stored(experiment, ["train"])
    asked: dict[str, Any] = {"filter": f'prefix starts with "{scope}/"', "group": "params.optimizer"}
    until = time.monotonic() + 120
    with httpx.Client(base_url=pipeline.api, timeout=30, trust_env=False) as http:
        while {(one["value"], one["count"]) for one in http.get("/v1/experiments", params=asked).json()["groups"]} != {
            (_HOSTILE, 2),
            (None, 1),
        }:
            assert time.monotonic() < until, "the index does not know the runs"
            time.sleep(0.2)
    return prefixes


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_groups_are_lines_with_bands_and_the_address_carries_them(
    watched: Watched, grouped: list[str], scheme: str
) -> None:
    """Numbers in the file are those of the formula that stands in its head and on the page."""
    page = watched.open(f"charts?{'&'.join(f'run={prefix}' for prefix in grouped)}", scheme=scheme)
    card = card_of(page, "train, loss", 12)
    page.get_by_label("lines").select_option(label="mean, least to greatest")
    expect(card.locator(".legend")).to_contain_text("all runs (3 runs)")
    page.get_by_role("button", name="Groups by").click()
    page.get_by_label("Part of a name").fill("params.optimizer")
    page.get_by_role("checkbox", name="params.optimizer", exact=True).check()
    page.keyboard.press("Escape")
    label = f"optimizer = {_HOSTILE}"
    expect(card.locator(".legend")).to_contain_text(f"{label} (2 runs)")
    expect(card.locator(".legend")).to_contain_text("optimizer = – (1 run)")
    expect(card.locator(".told")).to_contain_text("× no number")
    expect(page.locator(".formula")).to_contain_text("from the least to the greatest number of all runs")
    assert page.locator("main img").count() == 0
    assert accessibility_findings(page) == []
    rows = [row for row in rows_of(page, "loss") if row["group"] == label]
    assert [row["line"] for row in rows] == ["3", "1.5", "0.75", "8"]
    assert [row["band from"] for row in rows] == ["2", "1", "0.5", "8"]
    assert [row["band to"] for row in rows] == ["4", "2", "1", "8"]
    assert [row["runs"] for row in rows] == ["2", "2", "2", "1"]
    with page.expect_response(lambda response: "over=se" in response.url):
        page.get_by_label("lines").select_option(label="mean ± standard error")
    expect(card).to_have_attribute("data-stale", "false")
    rows = [row for row in rows_of(page, "loss") if row["group"] == label]
    error = np.std([4.0, 2.0], ddof=1) / math.sqrt(2)
    assert float(rows[0]["band to"]) == pytest.approx(3 + error, rel=1e-12)
    assert [rows[3]["line"], rows[3]["band to"]] == ["8", "NaN"]
    page.mouse.move(0, 0)
    await_live(page)
    other = watched.open(page.url.removeprefix(f"{watched.address}/"), scheme=scheme)
    again = card_of(other, "train, loss", 12)
    expect(again.locator(".legend")).to_contain_text(f"{label} (2 runs)")
    await_live(other)
    page.evaluate("document.activeElement.blur()")
    assert drawn_in(card) == drawn_in(again)


def test_intervals_of_a_sweep_are_those_that_the_api_tells(watched: Watched, trained: Trained) -> None:
    """Of twelve runs by the learning rate; at 380 pixels nothing is wider than the page."""
    chosen = "&".join(f"run={prefix}" for prefix in trained.prefixes)
    page = watched.open(f"charts?{chosen}&over=mean-ci&group=params.optimizer.lr&find=train loss", width=380)
    card_of(page, "train, loss", RUNS * STEPS)
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    rows = rows_of(page, "loss")
    asked = [one for one in watched.requests if "/v1/metrics/grid" in one][-1]
    with httpx.Client(timeout=30, trust_env=False) as http:
        told = http.get(asked, headers={"Accept": "application/json"}).json()
    for number, group in enumerate(told["groups"]):
        rate = group["values"]["params.optimizer.lr"]
        own = [row for row in rows if float(row["group"].removeprefix("lr = ")) == rate]
        (of_means,) = [one for one in told["bands"] if one["group"] == number and one["statistic"] == "mean"]
        assert len(own) == len(told["edges"]) - 1
        for name, over in (("line", "mean"), ("band from", "low"), ("band to", "high")):
            wanted = [math.nan if one is None else float(one) for one in of_means["over"][over]]
            found = [float(row[name] or "nan") for row in own]
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=0)


def test_an_expression_is_added_by_keys_and_its_numbers_are_pythons(watched: Watched, grouped: list[str]) -> None:
    page = watched.open(f"charts?run={grouped[0]}&run={grouped[2]}")
    card_of(page, "train, loss", 8)
    page.get_by_role("button", name="Expression").focus()
    page.keyboard.press("Enter")
    box = page.get_by_label("expression", exact=True)
    box.focus()
    watched.expected.append("400")
    page.keyboard.type("<img src=x>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("<img src=x>")
    assert page.locator("main img").count() == 0
    assert accessibility_findings(page) == []
    box.fill("")
    page.keyboard.type("log10(loss)")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    card = card_of(page, "train, log10(loss)", 8)
    page.keyboard.press("Escape")
    rows = [row for row in rows_of(page, "log10(loss)") if row["run"] == grouped[2]]
    assert {row["expression"] for row in rows} == {"log10(loss)"}
    np.testing.assert_allclose([float(row["mean"]) for row in rows], np.log10(_LOSSES[2]), rtol=1e-12)
    other = watched.open(page.url.removeprefix(f"{watched.address}/"))
    again = card_of(other, "train, log10(loss)", 8)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    await_live(page)
    await_live(other)
    assert drawn_in(card) == drawn_in(again)
    page.get_by_role("button", name="Remove log10(loss)").click()
    expect(page.get_by_role("figure", name="train, log10(loss)")).to_have_count(0)
    assert "expr=" not in page.url


def test_an_expression_stays_with_the_metric_that_was_chosen(
    watched: Watched, pipeline: Pipeline, tmp_path: Path
) -> None:
    """Whatever metrics come meanwhile."""
    prefix = f"vera/vision/chosen-{uuid.uuid4().hex[:6]}/run"
    with Experiment(prefix, remote=pipeline.api, journal=str(tmp_path), echo=False).run as run:
        run.metrics("eval").log(loss=1.0)
        run.metrics("train").log(loss=1.0)
        run.flush()
        until_stored(run, ["eval", "train"])
        page = watched.open(f"run/{prefix}")
        card_of(page, "train, loss", 1)
        await_live(page)
        page.get_by_role("button", name="Expression").click()
        choice = page.get_by_label("of the metric")
        choice.select_option(label="train")
        run.metrics("before").log(loss=1.0)
        run.flush()
        expect(choice.locator("option")).to_have_text(["before", "eval", "train"])
        expect(choice.locator("option:checked")).to_have_text("train")


def test_outliers_are_left_out_of_the_scale_and_told(watched: Watched, trained: Trained) -> None:
    page = watched.open(f"run/{trained.long}")
    card = card_of(page, "train, loss", LONG)
    expect(card.locator(".told")).not_to_contain_text("out of the scale")
    before = card.locator(".plot").screenshot()
    page.get_by_label("cut outliers").check()
    expect(card.locator(".told")).to_contain_text("△ 1 out of the scale")
    assert page.url.endswith("?cut=1")
    expect(page.locator(".formula")).to_contain_text("3(q₃ − q₁)")
    assert card.locator(".plot").screenshot() != before
