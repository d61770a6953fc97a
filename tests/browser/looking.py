"""What several browser tests ask of a page."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from . import packages

_WRONG = """() => axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target, any }) =>
    `${target} ${any.map(({ message }) => message).join("; ")}`).join(" | ")}`))"""


def accessibility_findings(page: Page) -> list[str]:
    """What axe finds wrong."""
    page.evaluate((packages.installed(packages.AXE) / "axe.min.js").read_text())
    found: list[str] = page.evaluate(_WRONG)
    return found


def table(page: Page) -> Any:
    return page.get_by_role("grid", name="Runs")


def filtered(scope: str) -> str:
    """The address of the table of these runs alone, in the order of their names."""
    return f'?q=prefix starts with "{scope}/"&sort=prefix'


def names_in(page: Page) -> list[str]:
    """Of the runs in view, from top to bottom."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.grid [role="rowgroup"]:last-child .row')]
          .sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex"))
          .map((row) => row.querySelector("b").textContent)"""
    )
    return found


def await_names(page: Page, names: list[str]) -> None:
    """Until the table begins with these."""
    page.wait_for_function(
        """(names) => {
          const rows = [...document.querySelectorAll('.grid [role="rowgroup"]:last-child .row')];
          rows.sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex"));
          return names.every((name, at) => rows[at]?.querySelector("b").textContent === name);
        }""",
        arg=names,
    )


def await_live(page: Page) -> None:
    """Until its stream is open."""
    expect(page.locator(".pulse")).to_have_attribute("data-state", "live")


def drawn_in(card: Locator) -> tuple[str, str]:
    """What a card shows: the pixels of its chart, as its canvas has them, and its text. A screenshot would have its
    border too, whose edge lies between pixels: the browser rounds it tile by tile, as it happened to paint them."""
    pixels: str = card.locator("canvas").evaluate("(canvas) => canvas.toDataURL()")
    return pixels, card.inner_text()
