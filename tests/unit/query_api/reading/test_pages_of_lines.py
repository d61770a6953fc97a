"""A page of many logs holds the first lines behind its beginning, however they are offered."""

from hypothesis import given
from hypothesis import strategies as st

from mldash_api.logs.merged import Line, Page, Place

PLACES = st.builds(Place, st.integers(0, 5).map(float), st.sampled_from([b"a", b"b"]), st.integers(0, 100))


def lines_of(places: list[Place]) -> list[Line]:
    return [Line(place, b"s", "info", f"at {place}", None) for place in places]


@given(st.lists(st.lists(PLACES, max_size=80), max_size=6), st.none() | PLACES, st.integers(1, 90))
def test_a_page_is_the_beginning_of_all_that_was_offered_each_line_once(
    offers: list[list[Place]], after: Place | None, limit: int
) -> None:
    page = Page(after, limit)
    for offered in offers:
        page.offer(lines_of(offered))
    behind = sorted({place for offered in offers for place in offered if after is None or place > after})
    assert [line.place for line in page.lines] == behind[:limit]
