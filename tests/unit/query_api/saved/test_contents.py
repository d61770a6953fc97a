"""What a card may hold: what every form of an answer can tell."""

from typing import Any

import msgspec
import pytest

from mldash.answers.rows import with_strings
from mldash_api.errors import WrongParameter
from mldash_api.limits import MOST_CARD_DEPTH
from mldash_api.routes.saved.views import content_of


def nested(depth: int) -> Any:
    """Lists and objects in turn."""
    content: Any = [] if depth else "leaf"
    for at in range(depth - 1):
        content = {"a": content, "b": 1} if at % 2 else [0, content]
    return content


@pytest.mark.parametrize("depth", [0, 1, 2, MOST_CARD_DEPTH])
def test_content_is_kept_as_it_is(depth: int) -> None:
    kept = content_of("card", nested(depth))
    assert kept is not None and with_strings(msgspec.json.decode(kept)) == nested(depth)


@pytest.mark.parametrize("depth", [MOST_CARD_DEPTH + 1, 600, 100_000])
def test_content_that_is_too_deep_to_be_told_is_refused_by_name(depth: int) -> None:
    with pytest.raises(WrongParameter) as caught:
        content_of("deep card", nested(depth))
    assert caught.value.name == "cards" and "deep card" in str(caught.value)
