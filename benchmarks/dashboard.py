"""What a person waits for at the dashboard: `python -m benchmarks.dashboard`.

A real Chromium (that of the browser tests, drawing in software) over a whole stack, all on this machine. A time begins
where the person acts: at the navigation, the key, the end of the drag. It ends when the frame is painted in which the
page has what was asked for: rows in the table, a card whose answer has come and whose canvas was then drawn with
colours (drawn.js). Medians; what is cold has a browser without a cache and an API that was just started.

  table    the first rows of 10,000 experiments; then a keystroke in the filter, 10 runs or 100
  charts   20 runs of 1,000,000 points on one chart: cold, warm (the page loaded again), zoomed into another part
  wide     a run of 2,000 metrics until every card in view is drawn; its renderer's own memory then, and after all cards
           were scrolled past
  columns  ten runs beside each other, a column for each of 12,000 parameters: the longest time between two frames while
           one scrolls slowly, then by whole screens
  logs     200,000 lines: until the last one is there, the longest time between two frames while one scrolls, and from a
           jump to any place until its lines are there
  live     30 cards of a run in view, each with its band, 10 points a second in each: cores of the page's process and
           redraws of a card a second. A card asks for new data twice a second at most: so the same with 30 cards that
           are redrawn by hand ten times a second ("redrawn"), or as often as the machine can; the goal is for the cost
           of these redraws at ten a second
  pixel    from the end of log() until a picture with that point is painted
"""

import argparse
import json
import sys
from typing import Final

import msgspec

from .case import Case, at_rate, no_less, no_more, run_alone
from .dashboard_data import Sizes
from .dashboard_live import CARDS, LIVES, RATE
from .dashboard_views import VIEWS
from .stack import running_stack
from .table import write

CASES: Final = {**VIEWS, **LIVES}
_STALL_MS: Final = 100


def cases_of(name: str, found: dict[str, float], sizes: Sizes) -> list[Case]:
    """With the goals of the design."""
    if name == "table":
        return [
            no_more(f"{sizes.runs:,} experiments, first rows", found["first"], "ms", 1_000),
            no_more(f"{sizes.runs:,} experiments, keystroke to new rows", found["key"], "ms", 250),
        ]
    if name == "charts":
        about = f"{sizes.charted} runs of {sizes.points:,} points"
        return [
            no_more(f"{about}, cold", found["cold"], "ms", 1_200),
            no_more(f"{about}, warm", found["warm"], "ms", 400),
            no_more(f"{about}, zoomed", found["zoom"], "ms", 300),
        ]
    if name == "wide":
        return [
            no_more(f"{sizes.metrics:,} metrics, usable", found["usable"], "ms", 1_500),
            no_more(f"{sizes.metrics:,} metrics, memory", found["memory"] / 1e6, "MB", 300),
            no_more(f"{sizes.metrics:,} metrics, memory when all were seen", found["through"] / 1e6, "MB", 300),
        ]
    if name == "columns":
        return [
            no_more(f"{sizes.columns:,} columns, shown", found["shown"], "ms"),
            no_more(f"{sizes.columns:,} columns, longest stall, slowly", found["slow"], "ms", _STALL_MS),
            no_more(f"{sizes.columns:,} columns, longest stall, by screens", found["stall"], "ms", _STALL_MS),
        ]
    if name == "logs":
        return [
            no_more(f"{sizes.lines:,} lines, the last one is there", found["shown"], "ms"),
            no_more(f"{sizes.lines:,} lines, longest stall", found["stall"], "ms", _STALL_MS),
            no_more(f"{sizes.lines:,} lines, jump to any place", found["jump"], "ms"),
        ]
    if name == "live":
        page = at_rate(found["driven page"], found["driven redraws"], RATE)
        return [
            no_more(f"{CARDS} live cards, the page", found["page"] * 100, "% of a core"),
            no_more(f"{CARDS} live cards, the whole browser", found["browser"] * 100, "% of a core"),
            no_less(f"{CARDS} live cards, redraws of each", found["redraws"], "a second"),
            no_more(f"{CARDS} cards at {RATE:.0f} redraws a second, the page", page * 100, "% of a core", 60),
            no_more(f"{CARDS} cards redrawn, the page", found["driven page"] * 100, "% of a core"),
            no_more(f"{CARDS} cards redrawn, the whole browser", found["driven browser"] * 100, "% of a core"),
            no_less(f"{CARDS} cards redrawn, redraws of each", found["driven redraws"], "a second"),
        ]
    return [
        no_more("end of log() to pixel, p50", found["p50"], "ms", 400),
        no_more("end of log() to pixel, p99", found["p99"], "ms", 1_000),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    for field in msgspec.structs.fields(Sizes):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    given = parser.parse_args()
    sizes = Sizes(**{field.name: getattr(given, field.name) for field in msgspec.structs.fields(Sizes)})
    if given.case:
        print(json.dumps(CASES[given.case](given.data, sizes)))
        return
    options = [part for name, value in msgspec.structs.asdict(sizes).items() for part in (f"--{name}", str(value))]
    with running_stack(given.data) as data:
        for name in given.only.split(",") if given.only else CASES:
            print(name, file=sys.stderr)
            found = run_alone("benchmarks.dashboard", ["--case", name, "--data", data, *options])
            write("dashboard", cases_of(name, found, sizes))


if __name__ == "__main__":
    main()
