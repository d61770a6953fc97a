"""The cases of dashboard.py in which nothing is logged meanwhile. All figures are in milliseconds, memory in bytes."""

import random
import statistics
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlencode

from playwright.sync_api import Page

from . import find, find_grid
from .api_process import api, servers_of
from .browser import Renderer, acted, chromium, opened, renderers, scrolled, visitor
from .dashboard_data import COMPARED, LOGGED, WIDE, Sizes, make_compared, make_grid, make_logged, make_table, make_wide
from .whole_stack import look_at

_OFTEN: Final = 10
_COLD: Final = 3
_ROWS: Final = """document.querySelectorAll('.grid [role="rowgroup"]:last-child .row').length >= 10"""
_CARDS: Final = "seen.inView('figure.card').length > 0 && seen.inView('figure.card').every(seen.isDrawn)"
_WITHIN: Final = (0.1, 0.4)
"""Of a chart's width: where a zoom begins."""


def table(data: str, sizes: Sizes) -> dict[str, float]:
    make_table(data, sizes)
    with api(find.servers_of(data, sizes.runs)) as one, chromium() as browser:
        find.built(one)
        first = list[float]()
        for _ in range(_COLD):
            with visitor(browser) as person:
                first.append(opened(person.new_page(), f"{one.address}/", _ROWS))
        with visitor(browser) as person:
            page = person.new_page()
            opened(page, f"{one.address}/", f"{_ROWS} && {_counts(sizes.runs)}")
            return {"first": statistics.median(first), "key": _keystrokes(page)}


def _keystrokes(page: Page) -> float:
    page.get_by_role("combobox", name="Filter runs").click()
    acted(page, lambda: page.keyboard.type("params.data.order < 10"), _counts(10))
    took = list[float]()
    for _ in range(_OFTEN):
        took.append(acted(page, lambda: page.keyboard.press("0"), _counts(100)))
        took.append(acted(page, lambda: page.keyboard.press("Backspace"), _counts(10)))
    return statistics.median(took)


def _counts(rows: int) -> str:
    return f"document.querySelector('.grid')?.getAttribute('aria-rowcount') === '{rows + 1}'"


def charts(data: str, sizes: Sizes) -> dict[str, float]:
    make_grid(data, sizes)
    servers, cold = servers_of(data), list[float]()
    chosen = [("run", find_grid.prefix_of(at)) for at in range(sizes.charted)]
    path = "/charts?" + urlencode([("find", "loss$"), *chosen])
    with chromium() as browser:
        for _ in range(_COLD):
            with api(servers) as one, visitor(browser) as person:
                cold.append(opened(person.new_page(), one.address + path, _CARDS))
        with api(servers) as one, visitor(browser) as person:
            page = person.new_page()
            opened(page, one.address + path, _CARDS)
            warm = [opened(page, one.address + path, _CARDS) for _ in range(_OFTEN)]
            zoomed = [_zoom(page, random.Random(at)) for at in range(_OFTEN)]
    return {"cold": statistics.median(cold), "warm": statistics.median(warm), "zoom": statistics.median(zoomed)}


def _zoom(page: Page, draw: random.Random) -> float:
    """By the mouse, into a part that was not looked at yet."""
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    left = box["x"] + box["width"] * draw.uniform(*_WITHIN)
    middle, before = box["y"] + box["height"] / 2, page.locator("figure.card").get_attribute("data-points")
    page.mouse.move(left, middle)
    page.mouse.down()
    page.mouse.move(left + box["width"] * 0.3, middle, steps=5)
    took = acted(page, page.mouse.up, f"document.querySelector('.card').dataset.points !== '{before}' && {_CARDS}")
    page.go_back()
    page.evaluate(f"() => seen.until(() => document.querySelector('.card').dataset.points === '{before}' && {_CARDS})")
    return took


def wide(data: str, sizes: Sizes) -> dict[str, float]:
    make_wide(data, sizes)
    usable, memory, address = list[float](), list[int](), f"{look_at(data).api}/run/{WIDE}"
    for _ in range(_COLD):
        with chromium() as browser, visitor(browser) as person:
            before = renderers()
            page = person.new_page()
            usable.append(opened(page, address, _CARDS))
            renderer = Renderer(before)
            memory.append(renderer.own_bytes())
    with chromium() as browser, visitor(browser) as person:
        before = renderers()
        page = person.new_page()
        opened(page, address, _CARDS)
        height = float(page.evaluate("() => document.querySelector('.scroll').scrollHeight"))
        scrolled(page, round(height / 400), "document.querySelector('.scroll').scrollTop = step * 400")
        page.evaluate(f"() => seen.until(() => {_CARDS})")
        through = Renderer(before).own_bytes()
    return {"usable": statistics.median(usable), "memory": statistics.median(memory), "through": through}


def columns(data: str, sizes: Sizes) -> dict[str, float]:
    """A comparison of ten runs, a column each parameter; to its end and back."""
    make_compared(data, sizes)
    query = urlencode([("turned", "1"), ("all", "1"), *(("run", prefix) for prefix in COMPARED)])
    with chromium() as browser, visitor(browser) as person:
        page = person.new_page()
        there = f"document.querySelector('.sheet')?.getAttribute('aria-colcount') > {sizes.columns}"
        shown = opened(page, f"{look_at(data).api}/compare?{query}", there)
        far = "document.querySelector('.sheet').scrollLeft"
        stalls = [scrolled(page, 120, f"{far} = {move}") for move in ("step * 300", "step * 9000", "1e6 - step * 9000")]
        return {"shown": shown, "slow": stalls[0], "stall": max(stalls)}


def logs(data: str, sizes: Sizes) -> dict[str, float]:
    make_logged(data, sizes)
    lines, draw = "document.querySelector('.lines')", random.Random(3)
    with chromium() as browser, visitor(browser) as person:
        page = person.new_page()
        address = f"{look_at(data).api}/run/{quote(LOGGED)}?tab=logs"
        shown = opened(page, address, _line(sizes.lines - 1))
        stall = scrolled(page, 300, f"{lines}.scrollTop -= 66")
        jumps = list[float]()
        for _ in range(_OFTEN):
            place = draw.randrange(sizes.lines - 1_000)
            jumps.append(_jump(page, f"{lines}.scrollTop = {place} * 22", _line(place + 2)))
        return {"shown": shown, "stall": stall, "jump": statistics.median(jumps)}


def _jump(page: Page, move: str, is_there: str) -> float:
    script = f"""() => {{
      const began = performance.now();
      {move};
      return seen.until(() => {is_there}).then((at) => at - began);
    }}"""
    return float(page.evaluate(script))


def _line(number: int) -> str:
    return f"document.querySelector('.lines')?.textContent.includes('step {number}:')"


VIEWS: Final[dict[str, Callable[[str, Sizes], dict[str, float]]]] = {
    "table": table,
    "charts": charts,
    "wide": wide,
    "columns": columns,
    "logs": logs,
}
