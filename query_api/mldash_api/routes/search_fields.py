"""Parameters that name fields of runs, as a filter does (docs/query.md)."""

from typing import Any

from mldash.query.errors import FilterError
from mldash.query.parsing import parse_field
from mldash_api.run_errors import WrongFilter
from mldash_api.search.asked import Named

from .parameters import checked_count


def named_fields(parameter: str, texts: list[str], most: int) -> list[Named]:
    """Each once, with its text. Raises WrongParameter, WrongFilter."""
    checked_count(f"number of {parameter}", len(texts), most)
    return [(text, named_field(parameter, text)) for text in dict.fromkeys(texts)]


def named_field(parameter: str, text: str) -> Any:
    """Raises WrongFilter."""
    try:
        return parse_field(text)
    except FilterError as error:
        raise WrongFilter(parameter, error) from None
