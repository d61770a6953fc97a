"""Chromium as the browser tests start it, for benchmarks: pages in which drawn.js says when something was drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.launching import launch

_DRAWN: Final = (Path(__file__).parent / "drawn.js").read_text()
WAIT_MS: Final = 120_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """On the same machine as all else."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visitor(browser: Browser, *, width: int = 1280, height: int = 800) -> Iterator[BrowserContext]:
    """Somebody who has been nowhere yet: with no cache."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-US", timezone_id="UTC")
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(_DRAWN)
    try:
        yield context
    finally:
        context.close()


def opened(page: Page, address: str, is_there: str) -> float:
    """Milliseconds from the navigation until the JavaScript expression is true and painted."""
    page.goto(address, wait_until="commit")
    return float(page.evaluate(f"() => window.seen.until(() => {is_there})"))


def acted(page: Page, act: Any, is_there: str) -> float:
    """Milliseconds from the person's last event in `act` until the expression is true and painted."""
    page.evaluate(f"() => {{ window.waiting = window.seen.until(() => {is_there}); }}")
    act()
    return float(page.evaluate("() => window.waiting.then((at) => at - window.seen.actedAt)"))


def scrolled(page: Page, steps: int, move: str) -> float:
    """The longest time between two frames, in milliseconds, while this runs before each of them; it knows `step`."""
    return float(page.evaluate(f"() => window.seen.scrolled({steps}, (step) => {{ {move} }})"))


class Renderer:
    """The process of the page that was opened last: where its scripts run and its canvases are drawn."""

    def __init__(self, before: set[int]) -> None:
        made = [one for one in _renderers() if one.pid not in before]
        self._process = max(made, key=lambda one: int(one.memory_info().rss))

    def cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def own_bytes(self) -> int:
        """Memory that no other process shares."""
        return int(self._process.memory_full_info().uss)


def renderers() -> set[int]:
    """Those that there are, by their ids."""
    return {one.pid for one in _renderers()}


def browser_cpu_seconds() -> float:
    """Of all processes of the browser: painting and composing too."""
    times = [one.cpu_times() for one in _processes()]
    return float(sum(one.user + one.system for one in times))


def _renderers() -> list[psutil.Process]:
    return [one for one in _processes() if "--type=renderer" in one.cmdline()]


def _processes() -> list[psutil.Process]:
    """Of the browsers that this process has started."""
    found = []
    for one in psutil.Process().children(recursive=True):
        try:
            if any("chromium" in part for part in one.cmdline()[:1]):
                found.append(one)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # it ended meanwhile
    return found
