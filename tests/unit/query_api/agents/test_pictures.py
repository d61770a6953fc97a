"""A picture shows the columns that the text tells, in at most 60 KB beside the budget."""

import asyncio
import io
import math
import sys
from base64 import b64decode

import mcp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import ImageContent, TextContent
from PIL import Image

from mldash import Client
from mldash_api.agents.errors import PillowMissing
from mldash_api.agents.pictures.drawing import MOST_BYTES, picture_of
from mldash_api.agents.pictures.scales import scale_of
from mldash_api.agents.points import Column, Series
from mldash_api.agents.server import make_server

from .sweep import DIVERGED, NAN_AT, WITH_NAN, Ledger

BLUE, RED = (0, 114, 178), (204, 0, 0)
LEFT, RIGHT, TOP, BOTTOM = 78, 864, 30, 400


def colours(data: bytes, box: tuple[int, int, int, int]) -> set[tuple[int, ...]]:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return {tuple(pixel) for pixel in image.crop(box).get_flattened_data()}  # type: ignore[arg-type]


def column(at: int, value: float | None, missing: int = 0) -> Column:
    if value is None:
        return Column(at, at + 1, missing=missing)
    return Column(at, at + 1, value, value, value, value, 1, missing)


def test_a_line_lies_where_its_numbers_are_and_nan_is_marked() -> None:
    """Down from 10 to 0; no number in the sixth of ten columns."""
    values = [10.0 - at * 10 / 9 for at in range(10)]
    series = Series(
        0, "loss", [column(at, None if at == 5 else value, int(at == 5)) for at, value in enumerate(values)]
    )
    data = picture_of([series], "index")
    width, height = (RIGHT - LEFT) / 10, BOTTOM - TOP
    for at, value in enumerate(values):
        x, y = int(LEFT + (at + 0.5) * width), int(BOTTOM - value / 10 * height)
        there = colours(data, (x - 3, max(TOP, y - 3), x + 3, min(BOTTOM, y + 4)))
        assert (BLUE in there) == (at != 5), at
        marks = colours(data, (x - 2, BOTTOM - 5, x + 3, BOTTOM - 2))
        assert (RED in marks) == (at == 5), at


NUMBERS = st.none() | st.floats(allow_nan=False) | st.integers(-(2**80), 2**80) | st.just(10**400)


@given(st.lists(st.lists(NUMBERS, max_size=30), max_size=15), st.text(max_size=20))
@settings(max_examples=12, deadline=None)
def test_whatever_the_numbers_are_there_is_a_picture_of_at_most_sixty_kilobytes(
    series: list[list[float | None]], name: str
) -> None:
    made = [Series(at, name, [column(*one) for one in enumerate(values)]) for at, values in enumerate(series)]
    data = picture_of(made, name or "index")
    assert Image.open(io.BytesIO(data)).format == "PNG" and len(data) <= MOST_BYTES


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.booleans())
def test_a_scale_keeps_the_order_and_its_ticks_lie_on_it(numbers: list[float], may_be_logarithmic: bool) -> None:
    scale = scale_of(numbers, may_be_logarithmic=may_be_logarithmic)
    assert scale is not None
    places = [scale.place(one) for one in sorted(numbers)]
    assert places == sorted(places) and all(0 <= one <= 1 for one in places)
    assert len(scale.ticks()) <= 12 and all(math.isfinite(one) for one in scale.ticks())


def test_the_picture_comes_beside_the_same_text(client: Client, ledger: Ledger) -> None:
    async def asked(picture: bool) -> tuple[str, bytes | None]:
        runs = [ledger.runs[at].prefix for at in (WITH_NAN, DIVERGED)]
        arguments = {"runs": runs, "metric": "train", "fields": ["loss"], "budget": 1_500, "picture": picture}
        async with mcp.Client(make_server(lambda: client)) as asker:
            text, *more = (await asker.call_tool("read_metric", arguments)).content
        assert isinstance(text, TextContent)
        if not more:
            return text.text, None
        (image,) = more
        assert isinstance(image, ImageContent) and image.mime_type == "image/png"
        return text.text, b64decode(image.data)

    (text, none), (same, data) = asyncio.run(asked(False)), asyncio.run(asked(True))
    assert text == same and none is None and data is not None and len(data) <= MOST_BYTES
    assert f"NaN at index {NAN_AT[0]}" in text
    assert RED in colours(data, (LEFT, BOTTOM - 5, RIGHT, BOTTOM - 2))


def test_without_pillow_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(PillowMissing, match=r"mldash\[agents\]"):
        picture_of([], "index")
