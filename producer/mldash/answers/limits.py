"""How much one question may ask, and one answer hold: the same in every mode, so SDK and API take it from here.

What the API bounds for itself: mldash_api/limits.py. How large what is written may be: mldash/events/limits.py.
"""

from typing import Final

MOST_COUNT: Final = 2**62
"""No stream has so many: what is above counts as this, and stays within 64 bits wherever it is added to or sent."""

SEARCH_LENGTH: Final = 1_000
"""Characters of a text that log lines are searched for: it stands in an address, and is compared with every line."""

MOST_NAMES: Final = 1_000
"""Fields that a question names: they stand in an address. (Who wants more asks for all, and chooses.)"""

MOST_COLUMNS: Final = 100_000
"""Pixel columns of a view: no screen has so many, and four points of each are kept in memory."""

MOST_FIELDS: Final = 256
"""Of a view that names no fields, the first ones with a number in them: chunks have summaries of so many."""

MOST_FILTERS: Final = 20
"""Of one view: each is compared with every point."""

MOST_ENTRIES: Final = 1_000_000
"""Of a track in one answer, which is in memory as a whole. The API's setting `entries_limit` is this where it is not
set."""

PAGE_POINTS: Final = 10_000
"""Points or lines that the SDK asks for in one request, which the API's setting `read_limit` never goes below: a chunk
of the cold store holds as many."""
