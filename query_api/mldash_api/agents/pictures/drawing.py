"""The columns of some series → a PNG: of each a band from the least to the greatest number, and a line through the
last ones; a mark below where points have no number, at the edge where one is infinite.

What runs logged is named by numbers alone, as the text beside it names it ("run 0"): no letter of theirs is drawn but
of a field's name, as a quoted text.
"""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import structs

from mldash_api.agents.errors import PillowMissing
from mldash_api.agents.points import Column, Number, Series
from mldash_api.agents.texts import number_text, quoted

from .scales import Scale, scale_of, tick_text

if TYPE_CHECKING:
    from PIL.Image import Dither, Image
    from PIL.ImageDraw import ImageDraw

MOST_BYTES: Final = 60_000
MOST_SERIES: Final = 12
_WIDTH, _HEIGHT = 880, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 16, 30, 40
_LEGEND_LINE, _END = 15, 6
_SIZE: Final = 12
_WHITE, _GREY, _BLACK, _RED = "#ffffff", "#dddddd", "#222222", "#cc0000"
# Okabe and Ito's, which people tell apart who see fewer colours.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_NAME_LETTERS: Final = 40

Places = tuple[Scale, Scale, float]
"""Of x, of y, and where the chart ends below."""


def picture_of(series: Sequence[Series], x: str) -> bytes:
    """The first MOST_SERIES of them. Raises PillowMissing."""
    try:
        from PIL import Image, ImageDraw  # 20 MB, for those alone who ask for a picture
    except ImportError as error:
        raise PillowMissing() from error
    drawn = [_in_floats(one) for one in series[:MOST_SERIES]]
    image = Image.new("RGB", (_WIDTH, _HEIGHT + _LEGEND_LINE * len(drawn) + _END), _WHITE)
    draw = ImageDraw.Draw(image)
    palette = Image.new("P", (1, 1))
    palette.putpalette(_colours())
    columns = [column for one in drawn for column in one.columns if column.count + column.missing]
    across = scale_of(edge for column in columns for edge in (column.low, column.high))
    up = scale_of((value for one in columns for value in _extremes(one)), may_be_logarithmic=True)
    if across is None or up is None:
        draw.text((_LEFT, _TOP), "no finite number lies here", fill=_BLACK, font_size=_SIZE)
        return _png(image, palette, Image.Dither)
    places = across, up, float(_HEIGHT - _BOTTOM)
    _axes(draw, places, x)
    for at, one in enumerate(drawn):
        _bands(draw, places, one, _COLOURS[at % len(_COLOURS)])
    for at, one in enumerate(drawn):  # no band lies over a line
        _line(draw, places, one, _COLOURS[at % len(_COLOURS)], is_dashed=at >= len(_COLOURS))
    _legend(draw, series[: len(drawn)], len(series) - len(drawn))
    return _png(image, palette, Image.Dither)


def _in_floats(series: Series) -> Series:
    columns = [
        structs.replace(
            one,
            low=float(one.low),
            high=float(one.high),
            least=_float(one.least),
            greatest=_float(one.greatest),
            last=_float(one.last),
        )
        for one in series.columns
    ]
    return Series(series.run, series.field, columns)


def _float(value: Number | None) -> float | None:
    """A whole number that is too large for a float lies beyond every edge."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        return math.inf if value is not None and value > 0 else -math.inf


def _extremes(column: Column) -> list[float]:
    return [value for value in (column.least, column.greatest, column.last) if value is not None]


def _axes(draw: "ImageDraw", places: Places, x: str) -> None:
    across, up, bottom = places
    for tick in up.ticks():
        y = _y(places, tick)
        draw.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=_GREY)
        draw.text((_LEFT - 6, y), tick_text(tick), fill=_BLACK, anchor="rm", font_size=_SIZE)
    for tick in across.ticks():
        draw.line((_x(places, tick), bottom, _x(places, tick), bottom + 4), fill=_BLACK)
        draw.text((_x(places, tick), bottom + 6), tick_text(tick), fill=_BLACK, anchor="ma", font_size=_SIZE)
    draw.rectangle((_LEFT, _TOP, _WIDTH - _RIGHT, bottom), outline=_BLACK)
    name = x if x in ("index", "time") else quoted(x, _NAME_LETTERS)
    said = f"over {name}; band: least to greatest, line: last" + ("; logarithmic" if up.is_logarithmic else "")
    draw.text((_LEFT, 8), _drawable(said), fill=_BLACK, font_size=_SIZE)


def _bands(draw: "ImageDraw", places: Places, series: Series, colour: str) -> None:
    """From the least to the greatest number of each column."""
    for column in series.columns:
        if column.least is None or column.greatest is None:
            continue
        left, right = _x(places, column.low), _x(places, column.high)
        top, low = _y(places, column.greatest), _y(places, column.least)
        draw.rectangle((left, top, max(left, right - 1), max(top, low)), fill=_light(colour))


def _line(draw: "ImageDraw", places: Places, series: Series, colour: str, *, is_dashed: bool) -> None:
    """Through the last numbers, not over a column without one; and the marks."""
    before: tuple[float, float] | None = None
    bottom = places[2]
    for at, column in enumerate(series.columns):
        middle = (_x(places, column.low) + _x(places, column.high)) / 2
        if column.missing:
            draw.line((middle, bottom - 6, middle, bottom - 1), fill=_RED, width=2)
        if column.last is None:
            before = None if column.missing else before
            continue
        last = middle, _y(places, column.last)
        if before is not None and not (is_dashed and at % 2):
            draw.line((*before, *last), fill=colour, width=2)
        draw.ellipse((last[0] - 1, last[1] - 1, last[0] + 1, last[1] + 1), fill=colour)
        if any(math.isinf(one) for one in _extremes(column)):
            edge = _TOP if column.greatest == math.inf else bottom
            draw.line((middle - 4, edge, middle + 4, edge), fill=_RED, width=4)
        before = last


def _legend(draw: "ImageDraw", series: Sequence[Series], left_out: int) -> None:
    for at, one in enumerate(series):
        y = _HEIGHT + at * _LEGEND_LINE
        colour = _COLOURS[at % len(_COLOURS)]
        draw.line((_LEFT, y + 6, _LEFT + 20, y + 6), fill=colour, width=3)
        whole = one.whole
        figures = f"least {number_text(whole.least)}, greatest {number_text(whole.greatest)}, no number {whole.missing}"
        said = f"run {one.run} field {quoted(one.field, _NAME_LETTERS)}: {figures}"
        if left_out and at == len(series) - 1:
            said += f"; {left_out} more series are not drawn"
        draw.text((_LEFT + 28, y), _drawable(said), fill=_BLACK, font_size=_SIZE)


def _x(places: Places, value: float) -> float:
    return _LEFT + places[0].place(value) * (_WIDTH - _RIGHT - _LEFT)


def _y(places: Places, value: float) -> float:
    """Numbers that are infinite lie at the edge."""
    if math.isinf(value):
        return float(_TOP) if value > 0 else places[2]
    return places[2] - places[1].place(value) * (places[2] - _TOP)


def _light(colour: str) -> str:
    """Two thirds of the way to white."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{255 - (255 - part) // 3:02x}" for part in parts)


def _drawable(text: str) -> str:
    """The font that Pillow brings has Latin letters."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _png(image: "Image", palette: "Image", dither: "type[Dither]") -> bytes:
    """Made smaller until it fits."""
    while True:
        data = io.BytesIO()
        image.quantize(palette=palette, dither=dither.NONE).save(data, "PNG", optimize=True)
        if data.tell() <= MOST_BYTES:
            return data.getvalue()
        image = image.resize((image.width * 3 // 4, image.height * 3 // 4))


def _colours() -> bytes:
    """Those that are drawn, so that a mark of a few dots keeps its own; and greys, of letters."""
    drawn = [*_COLOURS, *map(_light, _COLOURS), _WHITE, _GREY, _BLACK, _RED]
    greys = [f"#{level:02x}{level:02x}{level:02x}" for level in range(0x22, 0x100, 0x11)]
    return bytes.fromhex("".join(one.removeprefix("#") for one in (*drawn, *greys)))
