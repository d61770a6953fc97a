"""The cases of dashboard.py in which points come while one looks. Milliseconds, and parts of a core."""

import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from mldash import Experiment

from .browser import Renderer, browser_cpu_seconds, chromium, opened, renderers, visitor
from .dashboard_data import SCOPE, Sizes, feeding
from .lag import until_shown
from .whole_stack import look_at

CARDS: Final = 30
_POINTS: Final = 5_000
RATE: Final = 10.0
_ALL: Final = f"seen.inView('figure.card').length === {CARDS} && seen.inView('figure.card').every(seen.isDrawn)"
_DRIVEN: Final = (Path(__file__).parent / "driven.js").read_text()
_SETTLE_S: Final = 3.0
_BEFORE: Final = 3
"""Points that are there when the page is opened."""


def live(data: str, sizes: Sizes) -> dict[str, float]:
    """30 cards of one run in view, and 10 points a second in each; then 30 of the same that are redrawn as often."""
    address = look_at(data).api
    with chromium() as browser, visitor(browser, width=1680, height=3600) as person:
        before = renderers()
        page = person.new_page()
        with feeding(data, CARDS, _POINTS, RATE) as prefix:
            opened(page, f"{address}/run/{prefix}", _ALL)
            time.sleep(_SETTLE_S)
            found = _loads(page, Renderer(before), sizes.seconds)
    with chromium() as browser, visitor(browser, width=1680, height=3600) as person:
        before = renderers()
        page = person.new_page()
        page.goto(f"{address}/status")
        page.evaluate(_DRIVEN, [CARDS, RATE])
        time.sleep(_SETTLE_S)
        driven = _loads(page, Renderer(before), sizes.seconds)
    return found | {f"driven {name}": value for name, value in driven.items()}


def _loads(page: Page, renderer: Renderer, seconds: float) -> dict[str, float]:
    """Cores, and how often a card is redrawn in a second."""
    begun, cpu, whole = time.monotonic(), renderer.cpu_seconds(), browser_cpu_seconds()
    redraws = int(page.evaluate("() => seen.redraws"))
    time.sleep(seconds)
    redraws, passed = int(page.evaluate("() => seen.redraws")) - redraws, time.monotonic() - begun
    return {
        "page": (renderer.cpu_seconds() - cpu) / passed,
        "browser": (browser_cpu_seconds() - whole) / passed,
        "redraws": redraws / passed / CARDS,
    }


def pixel(data: str, sizes: Sizes) -> dict[str, float]:
    """From the end of log() until a picture with that point is painted, of points some tenths of a second apart."""
    address, prefix = look_at(data).api, f"{SCOPE}/pixel-{time.time_ns()}"
    journal, draw, logged = str(Path(data, "journal").absolute()), random.Random(5), list[float]()
    with (
        Experiment(prefix, remote=address, journal=journal, echo=False, capture_context=False).run as run,
        chromium() as browser,
        visitor(browser) as person,
    ):
        metric = run.metrics("train")
        for _ in range(_BEFORE):
            metric.log(loss=draw.random())
            logged.append(0.0)
        run.flush()
        page = person.new_page()
        opened(page, f"{address}/run/{prefix}", "seen.inView('figure.card').some(seen.isDrawn)")
        page.evaluate("() => seen.follow()")
        time.sleep(_SETTLE_S)
        until = time.monotonic() + sizes.seconds
        while time.monotonic() < until:
            metric.log(loss=draw.random())
            logged.append(time.time() * 1e3)
            page.wait_for_timeout(draw.uniform(600, 1_200))
        page.wait_for_function(f"() => seen.told.some(([total]) => total >= {len(logged)})")
        told = json.loads(page.evaluate("() => JSON.stringify(seen.told)"))
    lags = until_shown(logged, told)[_BEFORE:]
    return {"p50": statistics.median(lags), "p99": statistics.quantiles(lags, n=100, method="inclusive")[98]}


LIVES: Final[dict[str, Callable[[str, Sizes], dict[str, Any]]]] = {"live": live, "pixel": pixel}
