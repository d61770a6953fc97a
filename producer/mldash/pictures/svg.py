"""Text, colours and boxes of SVG. What users logged is text: without markup, controls or letters that XML has not.

The picture brings its own style: light or dark as the reader's system says, and in JupyterLab as its theme says. All
names in it begin with `mldash`, for the style of an SVG in a page counts for the whole page.
"""

from __future__ import annotations

from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from mldash.events.printable import printable_line

WIDTH: Final = 740
MARGIN: Final = 16
COLOURS: Final = 8
_TITLE: Final = 300
"""Letters of what is shown where a name is pointed at."""

# The dashboard's colours (query_api/mldash_api/dashboard/styles/00-palette.css): a run has the same everywhere.
_LIGHT: Final = (
    "panel:#ffffff ink:#17212b ink-2:#52606d line:#dde1e0 accent:#0b5c7d good:#00694c bad:#a33a00 run-0:#0072b2 "
    "run-1:#d55e00 run-2:#008a64 run-3:#b3508a run-4:#b07800 run-5:#2b95cf run-6:#6a54b0 run-7:#6d6d00"
)
_DARK: Final = (
    "panel:#181f26 ink:#e6ebee ink-2:#aab6bf line:#2a343d accent:#7cc4e4 good:#5fd3ac bad:#ff9e66 run-0:#4fa8e6 "
    "run-1:#ff8c4d run-2:#33c99c run-3:#e58fc2 run-4:#f2b741 run-5:#9bd8f8 run-6:#b3a1ee run-7:#c9c45c"
)
LIGHT, DARK = (dict(one.split(":") for one in colours.split()) for colours in (_LIGHT, _DARK))

_RULES: Final = (
    ".mldash-picture{max-width:100%;font:12px system-ui,'Segoe UI','Helvetica Neue','DejaVu Sans',sans-serif}"
    ".mldash-picture text{fill:var(--mldash-ink)}.mldash-picture .mldash-dim{fill:var(--mldash-ink-2)}"
    ".mldash-picture .mldash-strong{font-weight:600}.mldash-picture .mldash-small{font-size:10.5px}"
    ".mldash-picture .mldash-good{fill:var(--mldash-good)}.mldash-picture .mldash-bad{fill:var(--mldash-bad)}"
    ".mldash-picture .mldash-link{fill:var(--mldash-accent);text-decoration:underline}"
    ".mldash-picture .mldash-panel{fill:var(--mldash-panel);stroke:var(--mldash-line)}"
    ".mldash-picture .mldash-grid{fill:none;stroke:var(--mldash-line)}"
    ".mldash-picture .mldash-curve{fill:none;stroke:var(--mldash-run);stroke-width:1.5;stroke-linejoin:round;"
    "stroke-linecap:round}.mldash-picture .mldash-dots{stroke:var(--mldash-run);stroke-width:3.4;stroke-linecap:round}"
    ".mldash-picture .mldash-mark{fill:var(--mldash-run)}"
)


def colour_of(prefix: str) -> int:
    """The number of a run's colour, as the dashboard finds it (dashboard/pure/colours.js)."""
    hashed, data = 0x811C9DC5, prefix.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(data), 2):
        hashed = (hashed ^ int.from_bytes(data[at : at + 2], "little")) * 0x01000193 & 0xFFFFFFFF
    hashed = (hashed ^ (hashed >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF
    return (hashed ^ (hashed >> 13)) % COLOURS


def picture(about: str, height: int, prefix: str, parts: list[str]) -> str:
    """The whole SVG, in the colour of the run of this prefix."""
    colour = colour_of(prefix)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mldash-picture mldash-run-{colour}" role="figure" '
        f'aria-label={_attribute(about)} width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    )
    ground = f'<rect class="mldash-panel" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>'
    return "\n".join([head, f"<style>{_style(colour)}</style>", ground, *parts, "</svg>"])


def text(x: float, y: float, value: Any, *looks: str, most: int = 60, end: bool = False) -> str:
    """One line of it, cut to so many letters; the rest of a long one is shown to who points at it."""
    whole = printable_line(value)
    classes = " ".join(f"mldash-{one}" for one in looks)
    named = f' class="{classes}"' if classes else ""
    anchor = ' text-anchor="end"' if end else ""
    pointed = f"<title>{escape(cut(whole, _TITLE))}</title>" if len(whole) > most else ""
    return f'<text x="{x:g}" y="{y:g}"{named}{anchor}>{pointed}{escape(cut(whole, most))}</text>'


def box(x: float, y: float, width: float, height: float, parts: list[str]) -> str:
    """What is wider than it is not seen beyond it: letters have no width that could be known here."""
    return f'<svg x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}">{"".join(parts)}</svg>'


def link(address: str, inside: str) -> str:
    return f'<a href={_attribute(address)} target="_blank" rel="noopener">{inside}</a>'


def cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[: most - 1]}…"


def number(value: Any) -> str:
    """Four digits that matter."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–"
    return f"{value:,}" if isinstance(value, int) and abs(value) < 1_000_000_000 else f"{value:.4g}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _attribute(value: str) -> str:
    return quoteattr(cut(printable_line(value), 4 * _TITLE))


def _style(colour: int) -> str:
    def colours(of: dict[str, str]) -> str:
        named = {name: value for name, value in of.items() if not name.startswith("run-")}
        return "".join(f"--mldash-{name}:{value};" for name, value in {**named, "run": of[f"run-{colour}"]}.items())

    this = f".mldash-run-{colour}"
    return (
        f"{_RULES}{this}{{{colours(LIGHT)}}}@media(prefers-color-scheme:dark){{{this}{{{colours(DARK)}}}}}"
        f"[data-jp-theme-light=true] {this}{{{colours(LIGHT)}}}[data-jp-theme-light=false] {this}{{{colours(DARK)}}}"
    )
