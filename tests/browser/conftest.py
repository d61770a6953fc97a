"""One real browser a test process, over the run's one stack. Each page that a test opens is watched.

A test fails where the page wrote an error to its console, where the policy of its scripts or of trusted types was
broken, or where a request left the server's origin.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.components import Pipeline

from . import launching
from .training import Trained, train

_HERE: Final = Path(__file__).parent
_REPORTS: Final = """
window.__reports = [];
addEventListener("securitypolicyviolation", (event) =>
  window.__reports.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""
_WAIT_MS: Final = 60_000
"""For a condition: the machine may be busy."""
expect.set_options(timeout=_WAIT_MS)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> None:
    """In place of the one of all tests: the browser's processes come and go as it likes, and end with it."""


class _Held:
    """The browser from the first test that asks to the last of this folder. Playwright's event loop runs in this thread
    all the while, and asynchronous tests can't run beside it: so it is no fixture of the session."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def get(self) -> Browser:
        if self._browser is None:
            self._browser = self.launch()
        return self._browser

    def launch(self, *flags: str) -> Browser:
        """Another one, for whoever closes it."""
        self._playwright = self._playwright or sync_playwright().start()
        return launching.launch(self._playwright, *flags)

    def close(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._browser = self._playwright = None


_held = _Held()
launch: Final = _held.launch
"""A browser with other flags, to be closed by its test."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Called for the tests of this folder alone."""
    try:
        yield
    finally:
        if nextitem is None or _HERE not in nextitem.path.parents:
            _held.close()


@pytest.fixture
def browser() -> Browser:
    """Chromium, without a screen."""
    return _held.get()


@pytest.fixture(scope="session")
def trained(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A sweep and a run with NaN that have been trained, stored, and found in the index of runs."""
    scope = f"vera/vision/sweep-{uuid.uuid4().hex[:6]}"  # of this process alone: others share the pipeline
    return train(pipeline.api, tmp_path_factory.mktemp("journals"), scope)


class Watched:
    """Opens pages, and says at the end what was wrong with any of them."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self.address = browser, address
        self._contexts, self._pages = list[BrowserContext](), list[Page]()
        self.wrong, self.requests = list[str](), list[str]()
        self.expected = list[str]()
        """What a console error may say in this test: a browser logs each answer that is no 2xx."""

    def open(self, path: str = "", *, width: int = 1280, height: int = 800, scheme: Any = "light") -> Page:
        """A page of a context of its own, as another person's browser would have it."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        context.set_default_timeout(_WAIT_MS)
        context.add_init_script(_REPORTS)
        self._contexts.append(context)
        return self.in_context(context, path)

    def in_context(self, context: BrowserContext, path: str) -> Page:
        """Another page of the same browser."""
        page = context.new_page()
        self._pages.append(page)
        page.on("console", lambda message: self._say(message.type, message.text))
        page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(f"{self.address}/{path}")
        return page

    def close(self) -> None:
        for page in self._pages:
            if not page.is_closed():
                self.wrong += [f"policy: {one}" for one in page.evaluate("window.__reports")]
        for context in self._contexts:
            context.close()

    def _say(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(one in text for one in self.expected):
            self.wrong.append(f"console {kind}: {text}")

    def _asked(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"left the origin: {url}")


@pytest.fixture
def watched(browser: Browser, pipeline: Pipeline) -> Iterator[Watched]:
    """Over the run's API."""
    made = Watched(browser, pipeline.api)
    yield made
    made.close()
    assert made.wrong == []
